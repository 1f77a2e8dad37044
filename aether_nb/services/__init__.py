"""What `context` hands out besides the channel: `memory`, `kv`, `artifacts`.

Each is a small class with a file (or folder) of its own beside the store, plain blocking methods that
any thread may call, and no knowledge of runs: the engine gives it ids and keeps the journal.
"""

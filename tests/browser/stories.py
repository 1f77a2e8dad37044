"""What the stories of ``test_stories.py`` are made of: agents as a user writes them, and a look into their store."""

from __future__ import annotations

from browser.lab import Notebook

from aether_nb.engine.ports import RunRow, WaitRow
from aether_nb.events import NodeFinished, begins
from aether_nb.store.sqlite import SqliteStore

AGENT = """
import aether_nb as ae
from aether_nb import graph_fn, tool
from aether_nb.tools import ask_approval

ledger = open("ledger.txt", "a", buffering=1)

@tool(outputs=["line"])
async def greet(name):
    print(f"greeted {name}", file=ledger)
    return {"line": f"Hello, {name}!"}

@graph_fn(name="agent", outputs=["line", "choice"])
async def agent(*, context):
    name = await context.channel().ask_text("Your name?")
    greeting = await greet(name=name)
    await context.channel().send_text(greeting.line)
    res = await ask_approval("Proceed?", options=("Yes", "No"))
    return {"line": greeting.line, "choice": res["choice"]}
"""


class Folder:
    """The folder of a test's notebooks, as it is on the disk."""

    def __init__(self, notebook: Notebook) -> None:
        self._folder = notebook.file.parent
        self._store: SqliteStore | None = None

    @property
    def store(self) -> SqliteStore:
        """The store that the kernels write, opened by a process that drives nothing."""
        if self._store is None:
            self._store = SqliteStore(self._folder / ".aether" / "runs.db")
        return self._store

    def ledger(self) -> list[str]:
        """What the tools did to the world."""
        return (self._folder / "ledger.txt").read_text().splitlines()

    def runs(self) -> list[RunRow]:
        """The runs, oldest first."""
        return self.store.runs()[::-1]

    def only_run(self) -> RunRow:
        """The run, when there must be just one."""
        (row,) = self.runs()
        return row

    def answers(self, run_id: str) -> list[tuple[str, object, str]]:
        """Question, answer and door of every wait of a run, by question."""
        waits: list[WaitRow] = self.store.waits(status=None, runs=[run_id])
        return sorted(
            (w.prompt.prompt, w.reply.value if w.reply else None, w.reply.door if w.reply else "")
            for w in waits
        )

    def times_run(self, run_id: str) -> dict[str, int]:
        """How often the body of each finished tool was started."""
        events = self.store.events(run_id)
        finished = {e.node for e in events if isinstance(e, NodeFinished)}
        started = [e.node for e in events if begins(e)]
        return {node: started.count(node) for node in finished if node in started}

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()

"""What is measured, and how much it may cost: the one list that programs, peers and the table share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: what programs call it.
        what: what the reader is told.
        unit: of the value.
        at_most: the target; None for what is only shown, such as baselines and growth.
    """

    name: str
    what: str
    unit: str
    at_most: float | None = None


_TARGETS = (
    Row("chain", "per node, chain of 1,000 trivial async tools", "ms", 0.1),
    Row("fan_out", "per node, fan-out of 1,000 trivial async tools", "ms", 0.1),
    Row("chain_growth", "chain: a node of 10,000 over a node of 100", "x", 1.3),
    Row("fan_out_growth", "fan-out: a node of 10,000 over a node of 100", "x", 1.3),
    Row("fn_call", "graph function: each of 1,000 awaited tools", "ms", 0.15),
    Row("fn_replay", "graph function: each of 1,000 replayed in a new process", "ms", 0.02),
    Row("suspend_alone", "ask to committed and shown, alone", "ms", 1.5),
    Row("suspend_together", "ask to committed and shown, each of 1,000 together", "ms", 0.2),
    Row("reply_here", "reply to Stage B, same process", "ms", 2.0),
    Row("reply_elsewhere", "reply to Stage B, from another process, slowest of 20", "ms", 300.0),
    Row("waits_memory", "10,000 waiting runs: memory over an empty runtime", "MB", 10.0),
    Row("waits_cpu", "10,000 waiting runs: share of one core", "%", 0.5),
    Row("waits_disk", "10,000 waiting runs: disk per wait", "kB", 2.0),
    Row("fn_waits_memory", "10,000 waiting graph functions: memory", "MB", 10.0),
    Row("fn_waits_cpu", "10,000 waiting graph functions: share of one core", "%", 0.5),
    Row("fn_waits_disk", "10,000 waiting graph functions: disk per wait", "kB", 2.0),
    Row("resume_all", "resume_all of 1,000 waiting runs, fresh kernel", "s", 2.0),
    Row("resume_first", "the same: until the first prompt is shown", "s", 0.5),
    Row("import", "import", "s", 0.25),
    Row("import_notebook", "notebook libraries that the import loads", "", 0.0),
    Row("view_cost", "live view, static chain of 1,000: costs the run", "%", 10.0),
    Row("view_cost_fn", "live view, graph function of 1,000: costs the run", "%", 10.0),
    Row("view_messages", "live view: messages in the busiest second", "/s", 20.0),
    Row("view_whole", "live view: messages that repeat the whole run", "", 0.0),
    Row("bar_update", "a bar of a million steps in a tight loop: a step", "µs", 2.0),
    Row("bar_messages", "the same: messages in the busiest second", "/s", 20.0),
    Row("sidebar_drawn", "sidebar, 500 open questions and 10,000 runs: its lists are drawn", "ms", 1000.0),
    Row("sidebar_told", "the same: a new question stands there, slowest of 20", "ms", 500.0),
    Row("sidebar_answered", "the same: an answer is committed, slowest of 20", "ms", 500.0),
)

_GROWTH = (
    *(Row(f"chain_{n}", f"chain of {n:,}, per node", "ms") for n in (100, 1000, 10_000)),
    *(Row(f"fan_out_{n}", f"fan-out of {n:,}, per node", "ms") for n in (100, 1000, 10_000)),
    *(Row(f"waits_start_{n}", f"{n:,} runs started and waiting, each", "ms") for n in (100, 1000, 10_000)),
    *(Row(f"waits_memory_{n}", f"{n:,} waiting runs, memory", "MB") for n in (100, 1000, 10_000)),
    *(Row(f"waits_cpu_{n}", f"{n:,} waiting runs, share of one core", "%") for n in (100, 1000, 10_000)),
    *(Row(f"waits_disk_{n}", f"{n:,} waiting runs, disk per wait", "kB") for n in (100, 1000, 10_000)),
)

_BASELINES = (
    Row("commit_synced", "one SQLite commit, fsynced", "ms"),
    Row("commit_unsynced", "one SQLite commit, not fsynced", "ms"),
    Row("bare_task", "one asyncio task that does nothing", "ms"),
    Row("bare_loop", "per node, a bare loop that writes the same rows in group commits", "ms"),
)

PARTS = {"Targets": _TARGETS, "Growth": _GROWTH, "Baselines": _BASELINES}
"""The rows as the table has them, by heading."""

ROWS = {row.name: row for rows in PARTS.values() for row in rows}
"""Every row by name."""

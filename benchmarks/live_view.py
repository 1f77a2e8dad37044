"""What showing a run in its cell costs that run, and what travels to the page meanwhile.

A real kernel, with the widget that users get; this program plays the page, says hello as the page does and reads
all that comes. The cost compares the CPU time of the kernel's loop for runs that are seen and runs that are not,
alternately, in one kernel: these runs only compute, so that is what they take on a machine that does nothing else.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from benchmarks.harness import Case, case, folder, say

SETUP = """
from benchmarks import viewed
viewed.open_store({where!r})
chain, function, slow = (
    viewed.chain({nodes}), viewed.function({nodes}, viewed.step), viewed.function({nodes}, viewed.slow))
bar = viewed.counting({steps})
"""
STEPS = 1_000_000
TIMEOUT_S = 60


class Page:
    """A kernel and its only client.

    Attributes:
        messages: what came over comms, in order.
    """

    def __init__(self, manager: KernelManager) -> None:
        self._client = manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=TIMEOUT_S)
        self.messages: list[dict[str, Any]] = []

    def run(self, code: str) -> str:
        """Run a cell to its end; what it printed."""
        sent = self._client.execute(code)
        printed = ""
        for message in self._coming():
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            if message["parent_header"].get("msg_id") == sent:
                if kind == "stream":
                    printed += content["text"]
                if kind == "status" and content["execution_state"] == "idle":
                    break
        return printed

    def greet(self) -> None:
        """Say hello to the newest run's widget, and wait until it answers with the whole run."""
        opened = [m for m in self.messages if m["msg_type"] == "comm_open"]
        ours = [m for m in opened if "run_id" in m["content"]["data"]["state"]]
        comm = ours[-1]["content"]["comm_id"]
        hello = {"method": "custom", "content": {"type": "hello"}}
        self._client.shell_channel.send(
            self._client.session.msg("comm_msg", {"comm_id": comm, "data": hello})
        )
        if not any(said(m) == "welcome" for m in self._coming()):
            raise RuntimeError("the widget did not answer the page")

    def settle(self) -> None:
        """Read what still comes until nothing came for a second."""
        try:
            while True:
                self._take(1)
        except queue.Empty:
            pass

    def _coming(self) -> Iterator[dict[str, Any]]:
        while True:
            yield self._take(TIMEOUT_S)

    def _take(self, timeout_s: float) -> dict[str, Any]:
        message: dict[str, Any] = self._client.get_iopub_msg(timeout=timeout_s)
        if message["msg_type"].startswith("comm_"):
            self.messages.append(message)
        return message


def said(message: dict[str, Any]) -> str:
    """What kind of message of ours this is: welcome, patch, state, or nothing."""
    if message["msg_type"] != "comm_msg":
        return ""
    data = message["content"]["data"]
    if data["method"] == "custom":
        return str(data["content"].get("type", ""))
    return "state" if "view" in data.get("state", ()) else ""


@contextmanager
def kernel() -> Iterator[KernelManager]:
    """A kernel of this interpreter."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="measured"
    )
    manager.start_kernel()
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def timed(page: Page, graph: str, *, seen: bool) -> float:
    """Seconds of the loop's CPU that a run takes once the page is there."""
    page.run(f"run = viewed.start({graph}, seen={seen})")
    if seen:
        page.greet()
    printed = page.run("await viewed.finish(run)")
    if seen:
        page.settle()  # pictures of this run are not to weigh on the next
    return float(printed.split("took ")[1].split()[0])


def cost(page: Page, graph: str, pairs: int) -> float:
    """How many percent more a run takes that is seen: the fastest of the seen over the fastest of the unseen.

    A run of a twentieth of a second takes up to twice as long as the next, seen or unseen, by what else happens on
    the machine; that only ever adds.
    """
    timed(page, graph, seen=True)
    took = [(timed(page, graph, seen=True), timed(page, graph, seen=False)) for _ in range(pairs)]
    return (min(seen_s for seen_s, _ in took) / min(unseen_s for _, unseen_s in took) - 1) * 100


def traffic(page: Page) -> None:
    """Count what travels while a run of a few seconds is seen."""
    sent, _ = watched(page, "slow")
    say("view_messages", busiest(sent))
    say("view_whole", sum(said(m) != "patch" for m in sent))


def counted(page: Page, steps: int) -> None:
    """What a step of a bar takes that is seen, and how much travels meanwhile."""
    sent, took_s = watched(page, "bar")
    say("bar_update", took_s / steps * 1e6)
    say("bar_messages", busiest(sent))


def watched(page: Page, graph: str) -> tuple[list[dict[str, Any]], float]:
    """What was sent of a run once the page was there, and how many seconds of CPU it took."""
    page.run(f"run = viewed.start({graph}, seen=True)")
    page.greet()
    before = len(page.messages)
    printed = page.run("await viewed.finish(run)")
    return [m for m in page.messages[before:] if said(m)], float(printed.split("took ")[1].split()[0])


def busiest(sent: list[dict[str, Any]]) -> int:
    """How many messages came in the busiest second."""
    at = [stamp(m) for m in sent]
    return max(sum(1 for other in at if t <= other < t + 1) for t in at)


def stamp(message: dict[str, Any]) -> float:
    """When the kernel sent a message, seconds."""
    date: datetime = message["header"]["date"]
    return date.timestamp()


def measure(task: Case, where: Path) -> None:
    """Carry the case out."""
    with kernel() as manager:
        page = Page(manager)
        steps = task.many(STEPS)
        page.run(SETUP.format(where=str(where), nodes=task.many(1000), steps=steps))
        if task.name == "messages":
            traffic(page)
        elif task.name == "bar":
            counted(page, steps)
        else:
            row = "view_cost" if task.name == "chain" else "view_cost_fn"
            say(row, cost(page, task.name, 1 if task.quick else 25))


def main() -> None:
    """Measure one case."""
    task = case("chain", "function", "messages", "bar")
    with folder() as where:
        measure(task, where)


if __name__ == "__main__":
    main()

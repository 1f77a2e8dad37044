"""Programs of kernels that get in each other's way.

`rivals.py answer STORE NAME`: answer every open wait, in one order for all; say what became of each.
`rivals.py drive STORE RUN_ID LEDGER [seconds ahead] [hold]`: drive a run of many short steps, or follow it. With a
clock that is ahead this process also stands on another machine, as far as the store can tell. With `hold` the last
step does not end before another kernel has the run.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time

import aether_nb as ae
from aether_nb.channels.widget import WidgetChannel
from aether_nb.clock import SystemClock
from aether_nb.runtime import Runtime
from aether_nb.testing import Ledger
from aether_nb.testing.ledger import LEDGER

STEPS = 210
ledger = Ledger()
held: list[tuple[Runtime, str]] = []
"""The run that is to be held up, and where it is."""


@ae.tool(outputs=["n"])
async def step(n: int):
    ledger.note(f"begin {n}", str(os.getpid()))
    await asyncio.sleep(0.001)
    while n == STEPS - 1 and any(runtime.store.run(run_id).fence == 1 for runtime, run_id in held):
        await asyncio.sleep(0.01)
    ledger.note(f"end {n}", str(os.getpid()))
    return {"n": n}


@ae.graph_fn(outputs=["n"])
async def steps(many: int):
    for n in range(many):
        await step(n)
    return {"n": many}


@ae.graph_fn(outputs=["said"])
async def questions(many: int, *, context):
    ask = context.channel().ask_text
    return {"said": list(await asyncio.gather(*(ask(f"{n}?") for n in range(many))))}


def answer(store, name):
    ae.configure(store=store, channel=WidgetChannel())
    tokens = sorted(wait.token for wait in ae.waits())
    print("ready", flush=True)
    sys.stdin.readline()
    said = [(token, ae.answer(token, f"{name} says", by=name)) for token in tokens]
    rows = [(t, a.accepted, a.status, a.by, a.door, a.at and a.at.timestamp()) for t, a in said]
    print(json.dumps(rows), flush=True)


class Ahead(SystemClock):
    """A clock that is ahead."""

    def __init__(self, seconds):
        super().__init__()
        self._ahead_us = round(seconds * 1e6)

    def now_us(self):
        return super().now_us() + self._ahead_us


async def drive(store, run_id, ledger_path, ahead="0", hold=""):
    os.environ[LEDGER] = ledger_path
    runtime = Runtime(store=store, channel=WidgetChannel(), clock=Ahead(float(ahead)))
    if hold:
        held.append((runtime, run_id))
    if float(ahead):
        socket.gethostname = lambda: "another-machine"
    print("drives", flush=True)
    try:
        out = await runtime.starting.start(steps, {"many": STEPS}, run_id=run_id)
        print("outputs", out.n, flush=True)
    except ae.AetherError as error:
        print(type(error).__name__, error, time.time(), flush=True)
    runtime.close()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "answer":
        answer(*arguments)
    else:
        asyncio.run(drive(*arguments))

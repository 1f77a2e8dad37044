"""Thirty nodes and five questions, static and as a function, that leave a line behind each time a tool runs.

A program: `journey.py STORE LEDGER RUN_ID` drives the run until it ends, or is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import aether_nb as ae
from aether_nb.channels.widget import WidgetChannel
from aether_nb.testing import Ledger
from aether_nb.testing.ledger import LEDGER
from aether_nb.tools import ask_approval, ask_text

NODES = 30
ANSWERS = {"Where to?": "Oslo", "Name?": "Ada", "Fine?": "Yes", "When?": "June", "With whom?": "Bo"}


ledger = Ledger()


@ae.tool(outputs=["text"])
async def weigh(text: str, by: int, *, context):
    ledger.note(context.node_id)
    await asyncio.sleep(by % 4 / 500)
    return {"text": f"{text}{by}"}


@ae.tool(outputs=["text"], effects=True)
def join(parts: list[str], *, context):
    ledger.note(context.node_id)
    time.sleep(0.002)
    return {"text": "-".join(parts)}


@ae.graphify(inputs=["seed"], outputs=["text"])
def survey(seed):
    first = weigh(text=seed, by=1)
    name = ask_text(prompt="Name?")
    left = [weigh(text=first.text, by=i) for i in range(2, 6)]
    fine = ask_approval(prompt="Fine?", options=("Yes", "No"), after=left)
    right = [weigh(text=name.text, by=i) for i in range(6, 9)]
    both = join(parts=[*(n.text for n in left), *(n.text for n in right), fine.choice])
    return {"text": both.text}


@ae.graph_fn(outputs=["text"])
async def journey(seed: str, *, context):
    channel = context.channel()
    first = await weigh(text=seed, by=10)
    where = await channel.ask_text("Where to?")
    await channel.send_text(f"To {where}.")
    fan = await asyncio.gather(*(weigh(text=where, by=i) for i in range(11, 16)))
    found = await survey(seed=first.text)
    when, who = await asyncio.gather(channel.ask_text("When?"), channel.ask_text("With whom?"))
    text = f"{when}{who}"
    for i in range(16, 24):
        text = (await weigh(text=text, by=i)).text
    return {"text": (await join(parts=[*(f.text for f in fan), found.text, text])).text}


async def main(store, ledger_path, run_id):
    os.environ[LEDGER] = ledger_path
    ae.configure(store=store, channel=WidgetChannel())
    await journey.start(run_id=run_id, seed="s")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""Two agents for the crash kit: one drawn, one a function; both ask, both touch the world and wait for a job.

A program: `errands.py static` or `errands.py function` drives its run until that ends, or is killed.
"""

from __future__ import annotations

import asyncio
import sys

import aether_nb as ae
from aether_nb import DualStageTool, Wait
from aether_nb.testing import Ledger
from aether_nb.tools import ask_approval, ask_text, sleep

ANSWERS = {
    "Name?": "Ada",
    "Fine?": "Yes",
    "courier": {"url": "parcel"},
    "Which?": ["red", "blue"],
    "Late?": "No",
}
ledger = Ledger()


@ae.tool(outputs=["text"])
async def weigh(text: str, *, context):
    ledger.note("weigh", context.idempotency_key)
    return {"text": f"{text}."}


@ae.tool(outputs=["bill"], effects=True)
def pay(parts: list[str], *, context):
    ledger.note("pay", context.idempotency_key)
    return {"bill": "-".join(parts)}


class Courier(DualStageTool):
    """Stage A hands a parcel over, Stage B fetches the receipt."""

    name = "courier"
    outputs = ("receipt",)

    async def setup(self, *, parcel: str, context) -> Wait:
        ledger.note("hand over", context.idempotency_key)
        return Wait(kind="courier", state={"parcel": parcel})

    async def on_resume(self, reply, wait, *, context):
        ledger.note("fetch", context.idempotency_key)
        return {"receipt": f"{wait.state['parcel']} {reply.value['url']}"}


courier = Courier()


@ae.graphify(outputs=["bill"])
def static():
    name = ask_text(prompt="Name?")
    left, right = weigh(text=name.text), weigh(text="right")
    fine = ask_approval(prompt="Fine?", options=("Yes", "No"), after=[left, right])
    sent = courier(parcel=left.text)
    return {"bill": pay(parts=[left.text, right.text, fine.choice, sent.receipt]).bill}


async def spoken(name):
    yield "So, "
    yield name


@ae.graph_fn(outputs=["bill"])
async def function(*, context):
    channel = context.channel()
    name, weighed = await asyncio.gather(channel.ask_text("Name?"), weigh(text="left"))
    await channel.send_text(f"For {name}.")
    await sleep(0.02)
    colours = [await channel.ask_text("Which?") async for _ in channel.progress(range(2), label="Colours")]
    assert await channel.stream(spoken(name)) == f"So, {name}"
    late, sent = await asyncio.gather(channel.ask_text("Late?"), courier(parcel=context.now().tzname()))
    return {"bill": (await pay(parts=[name, weighed.text, *colours, late, sent.receipt])).bill}


if __name__ == "__main__":
    graph = {"static": static, "function": function}[sys.argv[1]]
    graph.run_sync(run_id=graph.name)

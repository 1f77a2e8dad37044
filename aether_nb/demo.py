"""The agent of `notebooks/01_hello_agent.ipynb`, for a terminal: `python -m aether_nb demo`."""

from __future__ import annotations

from aether_nb.authoring.decorators import graph_fn, tool
from aether_nb.engine.context import NodeContext


@tool(outputs=["verse"])
async def write_verse(name: str, colour: str) -> dict[str, str]:
    """A verse for somebody who likes a colour."""
    return {"verse": f"{name} painted the morning {colour}, and the day came out to look."}


@graph_fn(name="hello_agent", outputs=["verse", "published"])
async def hello_agent(*, context: NodeContext) -> dict[str, object]:
    """Ask for a name and a colour, write a verse, and publish it only when a person says so."""
    channel = context.channel()
    name = await channel.ask_text("What is your name?")
    await channel.send_text(f"Hello, {name}!")
    colour = await channel.ask_text("Which colour do you like?")
    written = await write_verse(name=name, colour=colour)
    await channel.send_markdown(f"> {written.verse}")
    answer = await channel.ask_approval("Publish this verse?", options=("Yes", "No"))
    return {"verse": written.verse, "published": answer.approved}

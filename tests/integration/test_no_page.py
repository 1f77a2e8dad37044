"""A kernel whose page has no widgets: a cell that waits asks through the kernel's own ``input()``."""

from __future__ import annotations

import pytest
from integration.kernels import LiveKernel, interpreters, live

AGENT = """
import aether_nb as ae
from aether_nb import graph_fn

@graph_fn(outputs=["line"])
async def agent(*, context):
    name = await context.channel().ask_text("Your name?")
    res = await context.channel().ask_approval("Proceed?", options=("Yes", "No"))
    return {"line": f"{name}: {res.choice}"}
"""


@pytest.fixture(params=interpreters())
def kernel(request, tmp_path):
    yield from live(request.param, AETHER_NB_STORE=str(tmp_path / "runs.db"))


def type_in(kernel: LiveKernel, text: str) -> str:
    """Answer the kernel's next request for input; returns what it asked."""
    asked = kernel.client.get_stdin_msg(timeout=10)
    kernel.client.input(text)
    return str(asked["content"]["prompt"])


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "cell", ["print((await agent()).line)", "print(agent.run_sync().line)"], ids=["await", "run_sync"]
)
def test_without_widgets_the_waiting_cell_asks_by_input(kernel, cell):
    kernel.run(AGENT)
    asking = kernel.send(cell, stdin=True)

    assert type_in(kernel, "Ada").startswith("Your name?")
    assert type_in(kernel, "maybe").startswith("Proceed?")
    assert type_in(kernel, "2").startswith("Proceed?")
    assert kernel.reply(asking)["status"] == "ok"
    kernel.until_printed(asking, "Ada: No")

    assert "anywidget" in kernel.printed(asking)
    assert "'maybe' is none of 'Yes', 'No'" in kernel.printed(asking)

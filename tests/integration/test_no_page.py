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


SECRETIVE = """
from pydantic import BaseModel
from aether_nb import graph_fn

class Person(BaseModel):
    name: str
    age: int

@graph_fn(outputs=["line"])
async def secretive(*, context):
    password = await context.channel().ask_text("Password?", secret=True)
    person = await context.channel().ask_form(Person)
    return {"line": f"{len(password)} {person!r}"}
"""


@pytest.mark.timeout(60)
def test_a_secret_is_typed_unseen_and_a_form_field_by_field(kernel, tmp_path):
    kernel.run(SECRETIVE)
    asking = kernel.send("print((await secretive()).line)", stdin=True)

    asked = kernel.client.get_stdin_msg(timeout=10)["content"]
    assert (asked["prompt"].startswith("Password?"), asked["password"]) == (True, True)
    kernel.client.input("hunter2-unseen")
    assert type_in(kernel, "Ada").startswith("Person")
    assert "Age" in type_in(kernel, "36")
    assert kernel.reply(asking)["status"] == "ok"
    kernel.until_printed(asking, "14 Person(name='Ada', age=36)")
    assert [f for f in tmp_path.rglob("*") if f.is_file() and b"hunter2-unseen" in f.read_bytes()] == []

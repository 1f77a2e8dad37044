"""A test inside a notebook, in a real kernel: the runs beside it go on."""

from __future__ import annotations

import sys

import pytest
from integration.kernels import live

AGENT = """
import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.testing import FakeClock, Stage, trace

@graph_fn(name="asks", outputs=["line"])
async def asks(*, context):
    return {"line": await context.channel().ask_text("Name?", timeout=86_400, default="nobody")}
"""

TEST = """
with Stage() as stage:
    stage.configure(clock=(clock := FakeClock()))
    stage.answer({"Name?": "Ada"})
    answered = (await asks()).line
    stage.answer({"Name?": ae.PENDING})
    run = asks.start()
    await run.next_wait()
    clock.advance(days=2)
    expired = (await run).line
    trace(run).asked("Name?").once()
"""


@pytest.fixture
def kernel(tmp_path):
    yield from live(sys.executable, AETHER_NB_STORE=str(tmp_path / "runs.db"))


@pytest.mark.timeout(60)
def test_runs_of_the_notebook_are_as_before_when_a_test_in_it_is_over(kernel):
    kernel.run(AGENT)
    kernel.run("mine = asks.start(run_id='mine'); await mine.next_wait()")
    kernel.run(TEST)
    assert kernel.run("print(answered, expired, mine.status, len(ae.runs()))").endswith(
        "Ada nobody waiting 1\n"
    )
    kernel.run("mine.answer('Bo'); out = await mine")
    assert kernel.run("print(out.line)") == "Bo\n"
    assert kernel.run("print((await asks.start(run_id='mine')).line)").endswith("Bo\n")

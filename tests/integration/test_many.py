"""A notebook that starts and resumes more runs than a page can draw."""

from __future__ import annotations

import pytest
from integration.kernels import LiveKernel, interpreters, live

AGENT = """
import aether_nb as ae
from aether_nb import graphify
from aether_nb.tools import ask_text

@graphify(outputs=["name"])
def agent(i):
    return {"name": ask_text(prompt="Your name?").text}
"""

MANY = 60


@pytest.fixture(params=interpreters()[-1:])
def python(request):
    return request.param


def widgets(kernel: LiveKernel, cell: str) -> int:
    """How many widgets a cell has shown."""
    return sum(
        "application/vnd.jupyter.widget-view+json" in message["content"].get("data", {})
        for message in kernel.published
        if message["msg_type"] == "display_data" and message["parent_header"].get("msg_id") == cell
    )


@pytest.mark.timeout(60)
def test_a_cell_draws_the_first_runs_and_says_where_the_others_are_and_so_does_a_restart(python, tmp_path):
    environment = {"AETHER_NB_STORE": str(tmp_path / "runs.db")}
    for kernel in live(python, **environment):
        kernel.run(AGENT)
        cell = kernel.send(f"runs = [agent.start(i=i) for i in range({MANY})]")
        assert kernel.reply(cell)["status"] == "ok"
        said = kernel.until(lambda m: "Only the first 20" in str(m["content"].get("data", {})))
        assert "ae.inbox()" in said["content"]["data"]["text/plain"]
        assert widgets(kernel, cell) == 20
        kernel.run(f"while len(ae.waits()) < {MANY}: await __import__('asyncio').sleep(0.01)")

    for kernel in live(python, **environment):
        kernel.run(AGENT)
        cell = kernel.send("runs = ae.resume_all(); print(len(runs))")
        kernel.until_printed(cell, str(MANY))
        assert widgets(kernel, cell) == 1
        assert kernel.run("runs[-1].answer('Ada'); print((await runs[-1]).name)") == "Ada\n"


COUNTED = f"""
store, reads = ae.store()._runtime.store, []
runs_of = store.runs
store.runs = lambda **which: reads.append(which) or runs_of(**which)
runs = [agent.start(i=i % {MANY // 2}) for i in range({MANY})]
print(len(reads), len(set(run.run_id for run in runs)))
del store.runs
"""
"""A cell that starts every run twice."""


@pytest.mark.timeout(60)
def test_a_cell_that_starts_many_looks_once_for_what_its_earlier_life_left_and_goes_on_with_all_of_it(
    python, tmp_path
):
    environment = {"AETHER_NB_STORE": str(tmp_path / "runs.db")}
    known: list[str] = []
    for _life in range(2):
        for kernel in live(python, **environment):
            kernel.run(AGENT)
            cell = kernel.send(COUNTED, cellId="the-cell")
            kernel.until_printed(cell, f"1 {MANY}")
            kernel.run(f"while len(ae.waits()) != {MANY}: await __import__('asyncio').sleep(0.01)")
            known.append(kernel.run("print(sorted(run.run_id for run in runs))"))
    assert known[0] == known[1]

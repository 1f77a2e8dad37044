"""What lessons 5 and 6 say of a restart: the kernel is killed while their run waits, and the cells are run again."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from helpers import ROOT
from integration.kernels import LiveKernel, interpreters, live

NOTEBOOKS = ROOT / "notebooks"
JUPITER = "May I write note 'Jupiter'?"


@pytest.fixture(params=interpreters()[-1:])
def python(request):
    return request.param


def run_until(kernel: LiveKernel, lesson: str, last: str) -> None:
    """Run the cells of a lesson up to the one with this line, as a page does."""
    for cell in nbformat.read(NOTEBOOKS / lesson, as_version=4).cells:
        if cell.cell_type == "code":
            sent = kernel.send(cell.source, cellId=cell.id)
            assert kernel.reply(sent)["status"] == "ok"
            if last in cell.source:
                return


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("lesson", "starts", "ends", "nodes"),
    [
        ("05_jobs.ipynb", "run = check_kepler.start()", "pass", ["run_subprocess"]),
        (
            "06_asks_first.ipynb",
            "run = assistant.start(",
            "await run.next_wait(); run.answer('Yes')",
            ["think", "look_up", "think", JUPITER, "write_note", "think"],
        ),
    ],
)
def test_the_run_of_a_lesson_goes_on_where_it_was_when_its_kernel_was_killed(
    python, tmp_path, monkeypatch, lesson, starts, ends, nodes
):
    shutil.copytree(NOTEBOOKS / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for name in ("AETHER_NB_STORE", "AETHER_NB_ANSWERS"):
        monkeypatch.delenv(name, raising=False)
    for kernel in live(python):
        run_until(kernel, lesson, starts)
        first = kernel.run("await run.next_wait(); print(run.run_id)")
        kernel.manager.shutdown_kernel(now=True)  # by SIGKILL
    for kernel in live(python):
        run_until(kernel, lesson, starts)
        kernel.run(f"{ends}; out = await run")
        assert kernel.run("print(run.run_id)") == first
        assert kernel.run("print([(node.label, node.attempt) for node in run.nodes.values()])") == (
            f"{[(node, 1) for node in nodes]}\n"
        )

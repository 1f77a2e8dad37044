"""The pump where there is no kernel as expected; `tests/integration/test_pump.py` has real ones."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from aether_nb.jupyter import pump


def test_a_kernel_of_an_unknown_build_is_left_alone() -> None:
    calls: list[object] = []
    stream = SimpleNamespace(on_recv=lambda *a, **k: calls.append(a), _recv_callback=print, _recv_copy=True)
    for kernel in (object(), None, SimpleNamespace(shell_stream=stream)):
        made = pump.Pump.install(kernel)
        made.let_through("c")
        made.hold_back("c")
        made.restore()
        assert made.kind == "none"
    assert not calls


def test_outside_a_kernel_there_is_none() -> None:
    assert pump.current_kernel() is None


def test_a_message_that_runs_nothing_has_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    cell = pump.cell_of(SimpleNamespace(get_parent=lambda _channel: {}))
    assert cell == pump.Cell(cell_id="", msg_id="", notebook="lesson.ipynb", allow_stdin=False)


@pytest.mark.parametrize("module", ["pump", "reenter", "server"])
def test_importing_it_imports_no_notebook_library(module: str) -> None:
    code = (
        f"import sys, aether_nb.jupyter.{module}\n"
        "heavy = {'IPython', 'ipykernel', 'ipywidgets', 'anywidget', 'jupyter_server', 'tornado', 'zmq',"
        " 'nest_asyncio', 'aether_nb.jupyter.handlers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The bench itself: a plain notebook and a custom widget message, and each kernel that users have."""

from __future__ import annotations

import pytest
from browser.server import KERNELS, Combo

VERSION = "import ipykernel; print(ipykernel.__version__)"
ECHO = """
import anywidget

class Echo(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement('button');
      button.textContent = 'say';
      button.onclick = () => model.send({ said: 'hello' });
      model.on('msg:custom', heard => { button.textContent = heard.heard; });
      el.append(button);
    } };
    '''

echo = Echo()
echo.on_msg(lambda widget, message, buffers: widget.send({"heard": message["said"] + " back"}))
echo
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_cell_runs_and_runs_again_after_a_restart(open_notebook, kernel):
    notebook = open_notebook("print(6 * 7)", VERSION, combo=Combo(kernel))

    assert notebook.run_done(0) == "42\n"
    assert notebook.run_done(1).startswith(kernel)
    notebook.restart()
    assert notebook.run_done(0) == "42\n"


def test_a_custom_message_goes_to_the_kernel_and_back(open_notebook):
    notebook = open_notebook(ECHO)

    notebook.run_done(0)
    notebook.cell(0).get_by_role("button", name="say").click()
    notebook.cell(0).get_by_role("button", name="hello back").wait_for()


def test_notebook_7_runs_a_cell(open_notebook):
    assert open_notebook("print(6 * 7)", frontend="notebook").run_done(0) == "42\n"

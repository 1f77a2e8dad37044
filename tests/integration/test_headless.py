"""`AETHER_NB_ANSWERS=answers.yaml` lets any runner execute a notebook that asks questions, with nobody there.

Nothing in the notebook says so, and no runner knows of us: real ones, as commands, each with a kernel of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
from helpers import ROOT, clean_environment
from integration.kernels import live
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

pytestmark = pytest.mark.timeout(120)

CELLS = [
    'topic = "tea"',
    """
from aether_nb import graph_fn
from aether_nb.tools import ask_approval

@graph_fn(name="article", outputs=["msg"])
async def article(*, context, topic):
    channel = context.channel()
    names = [await channel.ask_text("Who writes?", key=str(n)) for n in range(2)]
    checked = await ask_approval(f"Print {topic}?", options=("Yes", "No"))
    return {"msg": f"{' and '.join(names)} on {topic}: {checked.choice}"}
""",
    "run = article.start(topic=topic)",
    "out = await run\nprint(out.msg)",
    "print(article.run_sync(topic=topic).msg)",
]
SAID = "Ada and Bo on {}: No"
ANSWERS = 'Who writes?: [Ada, Bo, Cy, Di]\nPrint tea?: "No"\nPrint coffee?: "No"\n'


@pytest.fixture
def folder(tmp_path):
    """A folder with the notebook and its answers, as it lies in somebody's repository."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.strip(), id=f"cell-{n}") for n, cell in enumerate(CELLS)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, tmp_path / "article.ipynb")
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    return tmp_path


def run(folder, *command):
    env = clean_environment(
        PYTHONPATH=ROOT, AETHER_NB_ANSWERS="answers.yaml", IPYTHONDIR=folder / "ipython",
        PYDEVD_DISABLE_FILE_VALIDATION="1",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def printed(path):
    """The last line of each of the last two cells; above it stands what the run says of itself."""
    cells = nbformat.read(path, as_version=4).cells[-2:]
    texts = ["".join(o.text for o in cell.outputs if o.output_type == "stream") for cell in cells]
    return [text.splitlines()[-1] for text in texts if text]


def test_jupyter_execute(folder):
    code, said = run(folder, "jupyter", "execute", "--inplace", "article.ipynb")
    assert code == 0, said
    assert printed(folder / "article.ipynb") == [SAID.format("tea"), "Cy and Di on tea: No"]


def test_papermill_with_parameters(folder):
    code, said = run(
        folder, "papermill", "article.ipynb", "out.ipynb", "-p", "topic", "coffee", "--no-progress-bar"
    )
    assert code == 0, said
    assert printed(folder / "out.ipynb")[0] == SAID.format("coffee")


@pytest.fixture
def execute(folder, monkeypatch):
    """Execute the notebook by nbclient, in this process."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("AETHER_NB_ANSWERS", "answers.yaml")

    def client():
        notebook = nbformat.read(folder / "article.ipynb", as_version=4)
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
        nbformat.write(notebook, folder / "out.ipynb")
        return printed(folder / "out.ipynb")

    return client


def test_nbclient(execute):
    assert execute() == [SAID.format("tea"), "Cy and Di on tea: No"]


def test_nbval_compares_what_comes_out_and_it_is_the_same_each_time(execute, folder):
    execute()
    nbval = ("pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-q", "-rf", "out.ipynb")
    code, said = run(folder, *nbval)
    assert code == 0, said
    assert "5 passed" in said
    (folder / "answers.yaml").write_text(ANSWERS.replace("No", "Yes"))
    code, said = run(folder, *nbval)
    assert code == 1
    assert "2 failed" in said, said  # the cells in which an answer shows


def test_a_question_that_the_script_does_not_know_ends_the_notebook_with_its_text(execute, folder):
    (folder / "answers.yaml").write_text("Who writes?: Ada\n")
    with pytest.raises(CellExecutionError, match=r"The script has no answer for 'Print tea\?'"):
        execute()


@pytest.fixture
def kernel(folder):
    yield from live(sys.executable, AETHER_NB_STORE=str(folder / "runs.db"))


def test_what_a_person_answered_from_a_terminal_is_recorded_and_answered_again(kernel, folder, execute):
    (folder / "answers.yaml").unlink()
    kernel.run(f"import aether_nb as ae; ae.record({str(folder / 'answers.yaml')!r})")
    kernel.run("import asyncio\ntoken_open = lambda t: any(w.token == t for w in ae.waits())")
    for cell in CELLS[:3]:
        kernel.run(cell)
    kernel.run("await run.next_wait()")
    for answer in ("Ada", "Bo", "No"):
        (wait,) = json.loads(run(folder, "aether_nb", "waits", "--store", "runs.db", "--json")[1])["waits"]
        token = wait["token"]
        code, said = run(folder, "aether_nb", "answer", token, answer, "--by", "ana", "--store", "runs.db")
        assert code == 0, said
        following = "await run.next_wait()" if answer != "No" else "out = await run"
        kernel.run(f"while token_open({token!r}): await asyncio.sleep(0.01)\n{following}")
    assert kernel.run("print(out.msg)") == SAID.format("tea") + "\n"

    notebook = nbformat.read(folder / "article.ipynb", as_version=4)
    del notebook.cells[-1]
    nbformat.write(notebook, folder / "article.ipynb")
    assert execute()[-1] == SAID.format("tea")

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import ROOT, clean_environment

from aether_nb.home import default_store_path, differing, find_host, home_of, shown_home


@pytest.fixture
def main(monkeypatch):
    """Pretends to be this program."""

    def be(**names):
        monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
        monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(**{"__spec__": None, **names}))

    return be


def test_a_script_is_at_home_beside_its_store(main):
    main(__file__="/work/project/agent.py")
    assert home_of("/work/project/.aether/runs.db") == str(Path("..", "agent.py"))


def test_a_notebook_is_named_by_its_session(main, monkeypatch):
    main(__file__="/lib/ipykernel_launcher.py", __spec__=SimpleNamespace(name="ipykernel_launcher"))
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/project/lesson.ipynb")
    assert home_of("/work/project/.aether/runs.db") == str(Path("..", "lesson.ipynb"))


def test_a_notebook_that_is_named_from_the_root_of_its_server_lies_where_its_kernel_began(
    main, monkeypatch, tmp_path
):
    main(__file__="/lib/ipykernel_launcher.py", __spec__=SimpleNamespace(name="ipykernel_launcher"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "week 1/lesson.ipynb")
    store = str(tmp_path / ".aether" / "runs.db")
    assert home_of(store) == str(Path("..", "lesson.ipynb"))
    assert shown_home(home_of(store), store) == "lesson.ipynb"


def test_a_module_is_at_home_by_its_name(main):
    main(__file__="/lib/agents/run.py", __spec__=SimpleNamespace(name="agents.run"))
    assert home_of("/work/runs.db") == "module:agents.run"


def test_a_prompt_without_a_file_is_at_home_in_python(main):
    main()
    assert home_of("/work/runs.db") == "python"


def test_a_store_in_memory_changes_no_path(main):
    main(__file__="/work/agent.py")
    assert home_of(":memory:") == "/work/agent.py"


@pytest.mark.parametrize(
    ("home", "store", "shown"),
    [
        ("../lesson.ipynb", "here/.aether/runs.db", "lesson.ipynb"),
        ("../week 1/lesson.ipynb", "here/.aether/runs.db", "week 1/lesson.ipynb"),
        ("../../other/lesson.ipynb", "here/.aether/runs.db", "{}/other/lesson.ipynb"),
        ("agent.py", "runs.db", "{}/agent.py"),
        ("module:agents.run", "runs.db", "module:agents.run"),
        ("python", "here/runs.db", "python"),
    ],
)
def test_a_home_is_shown_from_where_one_stands(tmp_path, monkeypatch, home, store, shown):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shown_home(home, str(tmp_path / store)) == str(Path(shown.format(tmp_path)))


def test_the_home_of_a_store_in_memory_is_shown_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown_home(str(tmp_path / "agent.py"), ":memory:") == "agent.py"


def test_the_store_lies_in_the_working_folder_unless_the_variable_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AETHER_NB_STORE", raising=False)
    assert default_store_path() == str(tmp_path / ".aether" / "runs.db")
    monkeypatch.setenv("AETHER_NB_STORE", "elsewhere.db")
    assert default_store_path() == "elsewhere.db"


def test_outside_a_kernel_there_is_no_host_and_nothing_is_loaded_to_find_out():
    code = (
        "import sys, aether_nb.runtime as r; r.Runtime(store=':memory:');"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'IPython', 'ipykernel', 'ipywidgets', 'graphviz'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(PYTHONPATH=ROOT), capture_output=True, text=True,
        timeout=15, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert find_host(SimpleNamespace()) is None or "ipykernel" in sys.modules


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        ({"a": 1}, {"a": 2}, "a: 2 then, 1 now"),
        ({"a": 1, "b": 1}, {"a": 1}, "b: nothing then, 1 now"),
        ({"a": 1}, {"a": 1}, "nothing differs"),
        ({"a": "x" * 500}, {"a": "y"}, "a: 'y' then, 'xxx"),
    ],
)
def test_inputs_that_differ_are_shown_side_by_side_and_short(now, then, said):
    text = differing(now, then)
    assert text.startswith(said)
    assert len(text) < 200

"""What holds for every lesson besides that nbval runs it: how it is kept, its solutions, and a second Run All."""

from __future__ import annotations

import re
import shutil

import nbformat
import pytest
import yaml
from helpers import ROOT
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

NOTEBOOKS = ROOT / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.stem)
def lesson(request):
    return request.param


def solutions(notebook):
    """The code that lies folded under the exercises, in order."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    folded = re.findall(r"<details>(.*?)</details>", prose, re.DOTALL)
    return [code for part in folded for code in re.findall(r"```python\n(.*?)```", part, re.DOTALL)]


def test_a_lesson_is_kept_without_outputs(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    assert [cell.source for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_what_is_expected_of_a_lesson_is_of_the_lesson_as_it_is(lesson):
    expected = nbformat.read(ROOT / "tests" / "notebooks" / "expected" / lesson.name, as_version=4)
    cells = nbformat.read(lesson, as_version=4).cells
    assert [cell.source for cell in expected.cells] == [cell.source for cell in cells], "make expected"


def test_no_question_has_two_answers_of_which_yaml_would_take_the_last():
    answers = yaml.compose((NOTEBOOKS / "answers.yaml").read_text(encoding="utf-8")).value
    questions = [question.value for question, _answer in answers]
    assert [each for each in questions if questions.count(each) > 1] == []


def test_a_lesson_has_exercises_with_solutions(lesson):
    assert solutions(nbformat.read(lesson, as_version=4))


def test_a_lesson_and_its_solutions_run_and_run_again_on_the_store_that_they_left(
    lesson, tmp_path, monkeypatch
):
    monkeypatch.delenv("AETHER_NB_STORE", raising=False)  # beside the notebook, where it is by itself
    monkeypatch.setenv("AETHER_NB_ANSWERS", str(NOTEBOOKS / "answers.yaml"))
    shutil.copytree(NOTEBOOKS / "data", tmp_path / "data")
    for _kernel_life in range(2):
        notebook = nbformat.read(lesson, as_version=4)
        notebook.cells += map(new_code_cell, solutions(notebook))
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()

"""What holds for every lesson besides that nbval runs it: how it is kept, and what a second Run All does."""

from __future__ import annotations

import nbformat
import pytest
from helpers import ROOT
from nbclient import NotebookClient

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.stem)
def lesson(request):
    return request.param


def test_a_lesson_is_kept_without_outputs(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    assert [cell.source for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_what_is_expected_of_a_lesson_is_of_the_lesson_as_it_is(lesson):
    expected = nbformat.read(ROOT / "tests" / "notebooks" / "expected" / lesson.name, as_version=4)
    cells = nbformat.read(lesson, as_version=4).cells
    assert [cell.source for cell in expected.cells] == [cell.source for cell in cells], "make expected"


def test_restart_and_run_all_is_green_on_the_store_that_the_lesson_left(lesson, tmp_path, monkeypatch):
    monkeypatch.setenv("AETHER_NB_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("AETHER_NB_ANSWERS", str(ROOT / "notebooks" / "answers.yaml"))
    place = {"metadata": {"path": str(lesson.parent)}}
    for _kernel_life in range(2):
        NotebookClient(nbformat.read(lesson, as_version=4), timeout=60, resources=place).execute()

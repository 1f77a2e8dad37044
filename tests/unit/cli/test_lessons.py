"""`aether-nb lessons`: copied, brought up to date, and what a person changed stays."""

from __future__ import annotations

import json

import pytest
from helpers import ROOT

from aether_nb.cli import lessons

FIRST = "01_hello_agent.ipynb"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Lessons of this test's own, as the package would bring them."""
    folder = tmp_path / "shipped"
    (folder / "data").mkdir(parents=True)
    (folder / "01.ipynb").write_text("one")
    (folder / "data" / "birds.csv").write_text("wren,3")
    monkeypatch.setattr(lessons, "source", lambda: folder)
    return folder


def test_every_lesson_goes_with_its_data_and_answers_into_a_new_folder(aether_nb, tmp_path):
    code, said, complaint = aether_nb("lessons")
    assert (code, complaint) == (0, "")
    assert said.endswith(f"Begin with: jupyter lab lessons/{FIRST}")
    ours = ROOT / "notebooks"
    copied = {f.relative_to(tmp_path / "lessons").as_posix() for f in (tmp_path / "lessons").rglob("*.*")}
    assert {FIRST, "answers.yaml"} <= copied
    assert (tmp_path / "lessons" / FIRST).read_bytes() == (ours / FIRST).read_bytes()


def test_what_was_changed_stays_and_the_rest_becomes_new(aether_nb, shipped, tmp_path):
    assert aether_nb("lessons", "mine")[0] == 0
    (tmp_path / "mine" / "01.ipynb").write_text("one, with my answers")
    (shipped / "01.ipynb").write_text("one, improved")
    (shipped / "data" / "birds.csv").write_text("wren,4")

    code, said, complaint = aether_nb("lessons", "mine")

    assert code == 0
    assert said.startswith("1 file copied to mine.")
    assert complaint == "mine/01.ipynb is left as it is, because it was changed; rename it to get it anew."
    assert (tmp_path / "mine" / "01.ipynb").read_text() == "one, with my answers"
    assert (tmp_path / "mine" / "data" / "birds.csv").read_text() == "wren,4"


def test_a_file_that_was_there_before_is_never_written_over(aether_nb, shipped, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "01.ipynb").write_text("my own")
    elsewhere = tmp_path / "elsewhere.csv"
    (tmp_path / "mine" / "data").mkdir()
    (tmp_path / "mine" / "data" / "birds.csv").symlink_to(elsewhere)
    assert json.loads(aether_nb("lessons", "mine", "--json")[1]) == {
        "folder": "mine",
        "copied": [],
        "same": [],
        "kept": ["01.ipynb", "data/birds.csv"],
    }
    assert (tmp_path / "mine" / "01.ipynb").read_text() == "my own"
    assert not elsewhere.exists()


def test_a_second_copy_finds_everything_the_same(aether_nb, shipped):
    aether_nb("lessons", "mine")
    again = json.loads(aether_nb("lessons", "mine", "--json")[1])
    assert again == {"folder": "mine", "copied": [], "same": ["01.ipynb", "data/birds.csv"], "kept": []}


def test_what_runs_leave_beside_the_lessons_is_not_copied(aether_nb, shipped, tmp_path):
    (shipped / ".aether").mkdir()
    (shipped / ".aether" / "runs.db").write_text("a run of ours")
    (shipped / "data" / "__pycache__").mkdir()
    (shipped / "data" / "__pycache__" / "job.pyc").write_text("compiled")
    aether_nb("lessons", "mine")
    copied = {p.name for p in (tmp_path / "mine").rglob("*") if p.is_file()}
    assert copied == {"01.ipynb", "birds.csv", lessons.LIST}


def test_a_folder_that_cannot_be_made_is_one_line(aether_nb, shipped, tmp_path):
    (tmp_path / "mine").write_text("a file")
    code, said, complaint = aether_nb("lessons", "mine")
    assert (code, said) == (2, "")
    assert complaint.startswith("The lessons cannot be copied to mine: ")
    assert len(complaint.splitlines()) == 1

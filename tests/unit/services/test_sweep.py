"""A file goes when it is old, and never under the hands of who puts the same bytes in."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aether_nb.ids import new_token
from aether_nb.services import sweep
from aether_nb.services.artifacts import Artifacts


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(str(tmp_path / "artifacts"))


def age(path, seconds=sweep.YOUNG_S + 60):
    os.utime(path, (time.time() - seconds,) * 2)


def test_all_artifacts_are_found_and_nothing_else(artifacts):
    assert list(sweep.kept(artifacts)) == []
    old, young = artifacts.put(b"old"), artifacts.put(b"younger")
    age(artifacts.path(old))
    (Path(artifacts.path(old)).parent / "notes.txt").write_text("mine")
    (artifacts.root / "README").write_text("mine")
    upload = artifacts.open_upload()

    assert {(file.sha, file.size, file.young) for file in sweep.kept(artifacts)} == {
        (old, 3, False),
        (young, 7, True),
    }
    upload.abort()


def test_an_old_file_is_dropped_and_a_young_one_stays(artifacts):
    old, young = artifacts.put(b"old"), artifacts.put(b"young")
    age(artifacts.path(old))

    assert sweep.drop(artifacts, old) == 3
    assert sweep.drop(artifacts, young) is None

    assert [file.sha for file in sweep.kept(artifacts)] == [young]
    assert artifacts.get(young) == b"young"
    assert sweep.drop(artifacts, old) is None


def test_a_file_whose_bytes_are_put_in_again_is_young_again(artifacts):
    sha = artifacts.put(b"same")
    age(artifacts.path(sha))

    artifacts.put(b"same")

    assert sweep.drop(artifacts, sha) is None
    assert artifacts.get(sha) == b"same"


def test_of_one_who_drops_and_one_who_puts_the_same_bytes_in_at_once_the_putter_wins(artifacts):
    sha = artifacts.put(b"same")
    with ThreadPoolExecutor(2) as pool:
        for _ in range(100):
            age(artifacts.path(sha))
            put, drop = pool.submit(artifacts.put, b"same"), pool.submit(sweep.drop, artifacts, sha)
            put.result()
            drop.result()
            assert artifacts.get(sha) == b"same"


def test_what_a_crash_left_aside_is_put_back_and_old_uploads_go(artifacts):
    sha = artifacts.put(b"precious")
    age(artifacts.path(sha))
    Path(artifacts.path(sha)).rename(artifacts.root / "tmp" / sha)  # as a kill leaves it
    left, running = artifacts.open_upload(), artifacts.open_upload()
    (artifacts.root / "tmp" / "mine.txt").write_text("a person's")
    age(artifacts.root / "tmp" / "mine.txt")
    left._file.close()
    age(left._path)

    sweep.tidy(artifacts)

    assert artifacts.get(sha) == b"precious"
    assert not left._path.exists()
    assert running._path.exists()
    assert (artifacts.root / "tmp" / "mine.txt").exists()
    running.abort()


def test_of_folders_only_those_of_programs_are_found(tmp_path):
    assert sweep.jobs(tmp_path / "jobs") == []
    token = new_token()
    for name, file in ((token, "job.json"), (new_token(), "other.json"), ("mine", "job.json")):
        (tmp_path / "jobs" / name).mkdir(parents=True)
        (tmp_path / "jobs" / name / file).touch()

    assert sweep.jobs(tmp_path / "jobs") == [tmp_path / "jobs" / token]


def test_the_text_of_what_is_not_there_is_empty(artifacts):
    sha = artifacts.put(b"\xff text")
    assert sweep.text(artifacts, sha).endswith(" text")
    assert sweep.text(artifacts, "0" * 64) == ""

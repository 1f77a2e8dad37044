"""Files on their way in: what is taken, and that nothing of what is not finished stays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aether_nb.errors import ReplyInvalid, StoreError
from aether_nb.prompts import FilesPrompt, TextOrFilesPrompt, TextPrompt
from aether_nb.services import incoming
from aether_nb.services.artifacts import Artifacts
from aether_nb.services.incoming import Claim, Incoming

ASKED = FilesPrompt(prompt="Data?")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(str(tmp_path / "artifacts"))


def unfinished(artifacts: Artifacts) -> int:
    return len(list((artifacts.root / "tmp").glob("*")))


def test_pieces_become_an_artifact_whose_hash_was_made_on_the_way(artifacts: Artifacts) -> None:
    files = Incoming()
    file = files.file("k", Claim("t", "../a.csv", 6), ASKED, artifacts)
    assert file.write(0, b"abc") == 3
    assert file.write(3, memoryview(b"def")) == 6
    ref = files.finish("k")
    assert (ref.name, ref.sha256, ref.media_type) == (
        "a.csv",
        hashlib.sha256(b"abcdef").hexdigest(),
        "text/csv",
    )
    assert (len(files), unfinished(artifacts)) == (0, 0)
    with pytest.raises(StoreError, match="send the file again"):
        files.finish("k")


def test_what_is_not_finished_goes_with_its_question_or_after_a_while(artifacts: Artifacts) -> None:
    clock = Clock()
    files = Incoming(clock)
    for key, token in (("a", "one"), ("b", "two"), ("c", "two")):
        files.file(key, Claim(token, key, 3), ASKED, artifacts).write(0, b"x")
    files.close("two")
    assert (len(files), unfinished(artifacts)) == (1, 1)
    clock.now_s = incoming.IDLE_S - 1
    files.file("a", Claim("one", "a", 3), ASKED, artifacts)  # it moves
    clock.now_s += incoming.IDLE_S - 1
    files.tidy()
    assert len(files) == 1
    clock.now_s += 2
    files.tidy()
    assert (len(files), unfinished(artifacts)) == (0, 0)


def test_a_file_that_is_called_off_takes_no_piece_that_was_on_its_way(artifacts: Artifacts) -> None:
    files = Incoming()
    file = files.file("k", Claim("t", "a", 6), ASKED, artifacts)
    file.write(0, b"abc")
    files.drop("k")
    files.drop("k")
    with pytest.raises(StoreError, match="over"):
        file.write(3, b"def")
    assert unfinished(artifacts) == 0


def test_only_one_writes_a_file_at_a_time(artifacts: Artifacts) -> None:
    files = Incoming()
    file = files.file("k", Claim("t", "a", 6), ASKED, artifacts)
    with file.turn() as mine, file.turn() as other:
        assert (mine, other) == (True, False)
    with file.turn() as mine:
        assert mine
    files.clear()


def test_the_page_says_the_same_limit() -> None:
    source = Path(__file__).parents[3] / "jupyter_extension" / "src" / "inputs" / "filerules.ts"
    assert f"LARGEST = {incoming.LARGEST >> 30} * 2 ** 30" in source.read_text()


@pytest.mark.parametrize(
    ("prompt", "claim", "why"),
    [
        (TextPrompt(prompt="Name?"), Claim("t", "a", 1), "asks for no files"),
        (FilesPrompt(prompt="", accept=(".csv", "image/*")), Claim("t", "a.txt", 1), r"\.csv, image/\*"),
        (FilesPrompt(prompt="", max_bytes=9), Claim("t", "a.txt", 10), "at most 9 bytes"),
        (ASKED, Claim("t", "a", incoming.LARGEST + 1), "path on the server"),
        (ASKED, Claim("t", "a", -1), "at most"),
    ],
)
def test_what_the_question_does_not_take_is_not_begun(
    artifacts: Artifacts, prompt: object, claim: Claim, why: str
) -> None:
    with pytest.raises(ReplyInvalid, match=why):
        Incoming().file("k", claim, prompt, artifacts)
    assert unfinished(artifacts) == 0


def test_the_kind_of_a_file_is_told_by_its_name_or_by_the_browser() -> None:
    picky = TextOrFilesPrompt(prompt="", accept=(".CSV", "text/csv", "image/*"))
    for name, media in (
        ("a.csv", ""),
        ("A.CSV", "x/y"),
        ("a.png", ""),
        ("a", "image/heic"),
        ("a", "TEXT/CSV"),
    ):
        assert picky.misfit(name, 1, media) == ""
    for name, media in (("a.txt", ""), ("csv", ""), ("a.csv.exe", ""), ("a", "imagex/png")):
        assert "none of what is asked for" in picky.misfit(name, 1, media)
    assert FilesPrompt(prompt="", accept=("*/*",)).misfit("a", 1) == ""

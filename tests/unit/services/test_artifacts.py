"""Files by content: whole or not there, safely named, in pieces of any order."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether_nb.errors import StoreError
from aether_nb.prompts import FileRef
from aether_nb.services.artifacts import Artifacts, safe_name
from aether_nb.values import decode, encode


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(str(tmp_path / "deep" / "artifacts"))


def files_in(artifacts):
    return sorted(str(p.relative_to(artifacts.root)) for p in artifacts.root.rglob("*") if p.is_file())


def sha_of(data):
    return hashlib.sha256(data).hexdigest()


def test_bytes_lie_under_their_hash_once(artifacts):
    sha = artifacts.put(b"abc")
    assert sha == sha_of(b"abc") == artifacts.put(b"abc")
    assert artifacts.get(sha) == b"abc"
    assert files_in(artifacts) == [f"{sha[:2]}/{sha}"]
    assert artifacts.path(sha) == str(artifacts.root / sha[:2] / sha)


def test_bytes_that_are_there_are_not_written_again(artifacts):
    path = artifacts.path(artifacts.put(b"abc"))
    before = Path(path).stat().st_ino
    artifacts.put(b"abc")
    assert Path(path).stat().st_ino == before


def test_a_torn_file_is_replaced_and_a_damaged_one_is_noticed(artifacts):
    path = Path(artifacts.path(artifacts.put(b"abc")))
    path.write_bytes(b"a")
    with pytest.raises(StoreError, match="damaged"):
        artifacts.get(path.name)
    artifacts.put(b"abc")
    assert artifacts.get(path.name) == b"abc"


def test_what_is_not_there_says_what_to_bring_back(artifacts):
    with pytest.raises(StoreError, match="folder of artifacts"):
        artifacts.get("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_only_a_hash_names_an_artifact(artifacts, name):
    with pytest.raises(StoreError, match="names no artifact"):
        artifacts.get(name)


def test_a_file_is_copied_in_with_its_label(artifacts, tmp_path):
    source = tmp_path / "Bericht.csv"
    data = bytes(range(256)) * 10_000  # more than one piece
    source.write_bytes(data)
    ref = artifacts.put_file(str(source))
    assert ref == FileRef(
        name="Bericht.csv",
        size=len(data),
        sha256=sha_of(data),
        media_type="text/csv",
        path=artifacts.path(sha_of(data)),
    )
    source.unlink()
    assert Path(ref.path).read_bytes() == data


@pytest.mark.parametrize("bad", ["missing.txt", "."])
def test_a_file_that_cannot_be_read_says_so_and_leaves_nothing(artifacts, tmp_path, bad):
    with pytest.raises(StoreError, match="give the path of a file"):
        artifacts.put_file(str(tmp_path / bad))
    assert files_in(artifacts) == []


def test_saving_takes_bytes_text_and_paths(artifacts, tmp_path):
    (tmp_path / "x").write_bytes(b"file")
    assert artifacts.get(artifacts.save("a.txt", "é").sha256) == "é".encode()
    assert artifacts.get(artifacts.save("a.bin", b"raw").sha256) == b"raw"
    ref = artifacts.save("report.pdf", tmp_path / "x")
    assert (ref.name, ref.size, ref.media_type) == ("report.pdf", 4, "application/pdf")
    assert artifacts.save("empty", b"").size == 0


def test_a_label_comes_back_from_the_log(artifacts):
    ref = artifacts.save("a.txt", "text")
    assert decode(encode(ref)) == ref


def test_large_values_go_through_artifacts(artifacts):
    value = {"text": "x" * 100_000, "raw": b"\x00" * 100_000}
    tree = encode(value, artifacts)
    assert len(str(tree)) < 1000
    assert decode(tree, artifacts) == value


# -- uploads -------------------------------------------------------------------------------------


def test_an_upload_in_pieces_says_how_far_it_is(artifacts):
    upload = artifacts.open_upload()
    assert upload.write(0, b"abc") == 3
    assert upload.write(3, b"def") == 6
    ref = upload.finish("a.bin", "image/x-mine")
    assert (ref.size, ref.sha256, ref.media_type) == (6, sha_of(b"abcdef"), "image/x-mine")
    assert artifacts.get(ref.sha256) == b"abcdef"
    assert files_in(artifacts) == [f"{ref.sha256[:2]}/{ref.sha256}"]


@given(st.binary(min_size=1, max_size=40), st.data())
@settings(max_examples=30, deadline=None)
def test_pieces_may_come_in_any_order_and_twice(tmp_path_factory, whole, data):
    artifacts = Artifacts(str(tmp_path_factory.getbasetemp() / "pieces"))
    size = data.draw(st.integers(1, 10))
    pieces = [(at, whole[at : at + size]) for at in range(0, len(whole), size)]
    order = data.draw(st.permutations(pieces + data.draw(st.lists(st.sampled_from(pieces), max_size=3))))
    with artifacts.open_upload() as upload:
        for at, piece in order:
            upload.write(at, piece)
        assert upload.finish("x").sha256 == sha_of(whole)


def test_a_piece_that_is_sent_again_with_other_bytes_counts_as_it_is_on_disk(artifacts):
    upload = artifacts.open_upload()
    upload.write(0, b"XXXdef")
    upload.write(0, b"abc")
    assert upload.finish("a").sha256 == sha_of(b"abcdef")


def test_an_upload_with_a_hole_is_refused_and_can_be_completed(artifacts):
    upload = artifacts.open_upload()
    assert upload.write(4, b"ef") == 0
    assert upload.write(0, b"ab") == 2
    with pytest.raises(StoreError, match="lacks bytes from 2 on"):
        upload.finish("a")
    upload.write(2, b"cd")
    assert upload.finish("a").sha256 == sha_of(b"abcdef")


def test_an_aborted_upload_leaves_nothing_and_is_over(artifacts):
    upload = artifacts.open_upload()
    upload.write(0, b"abc")
    upload.abort()
    upload.abort()
    assert files_in(artifacts) == []
    with pytest.raises(StoreError, match="open a new one"):
        upload.write(3, b"d")


def test_an_upload_of_bytes_that_are_there_leaves_nothing_behind(artifacts):
    artifacts.put(b"abc")
    with artifacts.open_upload() as upload:
        upload.write(0, b"abc")
        upload.finish("a")
    assert len(files_in(artifacts)) == 1


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("a.txt", "a.txt"), ("../../etc/passwd", "passwd"), ("C:\\temp\\x.txt", "x.txt"), (".bashrc", "bashrc"),
        ("...", "file"), ("", "file"), ("a/", "file"), ("a\x00\nb.txt", "ab.txt"), ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("com1.tar.gz", "_com1.tar.gz"), ("a:b?.txt", "a_b_.txt"),
        ("  a  b .txt ", "a b.txt"), ("Größe.csv", "Größe.csv"), ("\ud800.txt", "txt"), ("console.txt", "console.txt"),
    ],
)  # fmt: skip
def test_a_name_is_made_safe(given_name, safe):
    assert safe_name(given_name) == safe


def test_a_long_name_keeps_its_suffix():
    assert safe_name("é" * 500 + ".csv").endswith("é.csv")
    assert len(safe_name("é" * 500 + ".csv").encode()) <= 200
    assert len(safe_name("a." + "b" * 500)) <= 200


@given(st.text())
@settings(deadline=None)
def test_any_name_becomes_one_that_can_be_written(tmp_path_factory, text):
    name = safe_name(text)
    assert safe_name(name) == name
    path = tmp_path_factory.getbasetemp() / name
    assert path.parent == tmp_path_factory.getbasetemp()
    assert 0 < len(name.encode()) <= 200

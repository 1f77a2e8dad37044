"""A file in slices over the HTTP door, on a real Jupyter server and a real store."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from unit.jupyter.doors import Call, Fetch, ask, now_ms

from aether_nb.ids import Token
from aether_nb.jupyter import receiving, registry
from aether_nb.prompts import FilesPrompt, Reply, TextPrompt
from aether_nb.services import incoming
from aether_nb.store.sqlite import SqliteStore

MIB = 1 << 20
Put = Callable[..., tuple[int, Any]]


@pytest.fixture
def token(store: SqliteStore) -> Token:
    return ask(store, FilesPrompt(prompt="Data?"))


@pytest.fixture
def put(call: Call, announced: registry.Announcement, token: Token) -> Put:
    """Send a slice of a file."""

    def put(data: bytes, offset: int = 0, size: int | None = None, **changed: Any) -> tuple[int, Any]:
        options = {
            "store": announced.store, "wait": token, "upload": "u-1", "name": "data.csv", "media": "",
            "offset": offset, "size": len(data) if size is None else size,
        }  # fmt: skip
        return call("upload", data, method="PUT", **(options | changed))

    return put


def left_on_disk(store: SqliteStore) -> list[Path]:
    """Files that are on their way, or were left behind."""
    return list((Path(store.artifacts_dir) / "tmp").glob("*"))


def test_a_file_in_slices_becomes_an_artifact_that_answers_the_question(
    put: Put, call: Call, announced: registry.Announcement, store: SqliteStore, token: Token
) -> None:
    data = os.urandom(5 * MIB + 7)
    assert put(data[: 2 * MIB], 0, len(data)) == (200, {"received": 2 * MIB})
    assert put(data[2 * MIB : 4 * MIB], 2 * MIB, len(data)) == (200, {"received": 4 * MIB})
    status, said = put(data[4 * MIB :], 4 * MIB, len(data), media="text/csv")
    assert (status, said["problems"]) == (
        422,
        {"files": "another file is on its way under this name; choose it again"},
    )
    status, said = put(data[4 * MIB :], 4 * MIB, len(data))
    ref = said["file"]
    assert (status, ref["name"], ref["size"]) == (200, "data.csv", len(data))
    assert ref["sha256"] == hashlib.sha256(data).hexdigest()
    assert Path(ref["path"]).read_bytes() == data
    assert left_on_disk(store) == []
    body = {"store": announced.store, "token": token, "value": {"files": [ref], "text": ""}}
    assert call("answer", body)[0] == 200


def test_an_empty_file_is_a_file(put: Put) -> None:
    status, said = put(b"")
    assert (status, said["file"]["size"]) == (200, 0)


def test_a_broken_upload_goes_on_from_where_it_stands(
    put: Put, call: Call, announced: registry.Announcement, token: Token
) -> None:
    where = {"store": announced.store, "wait": token, "upload": "u-1"}
    assert call("upload", **where) == (200, {"received": 0})
    put(b"abc", 0, 9)
    assert call("upload", **where) == (200, {"received": 3})
    for offset in (0, 2, 5):  # again, and with a gap
        assert put(b"xyz", offset, 9) == (409, {"received": 3})
    status, said = put(b"defghi", 3, 9)
    assert (status, Path(said["file"]["path"]).read_text()) == (200, "abcdefghi")
    assert put(b"j", 9, 10) == (409, {"received": 0})


def test_what_is_called_off_leaves_nothing_on_the_disk(
    put: Put, call: Call, announced: registry.Announcement, store: SqliteStore, token: Token
) -> None:
    put(b"abc", 0, 9)
    assert len(left_on_disk(store)) == 1
    where = {"store": announced.store, "wait": token, "upload": "u-1"}
    for _ in range(2):
        assert call("upload", method="DELETE", **where) == (204, None)
        assert left_on_disk(store) == []
    assert put(b"def", 3, 9) == (409, {"received": 0})


def test_what_nobody_goes_on_with_is_deleted_after_a_while(
    put: Put, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(b"abc", 0, 9)
    monkeypatch.setattr(incoming, "IDLE_S", -1.0)
    put(b"abc", 0, 9, upload="u-2")
    assert len(left_on_disk(store)) == 1


def test_files_are_taken_only_for_an_open_question_that_asks_for_them(
    put: Put, store: SqliteStore, token: Token
) -> None:
    other = ask(store, TextPrompt(prompt="Name?"))
    assert put(b"x", wait=other) == (422, {"problems": {"files": "this question asks for no files"}})
    assert put(b"x", wait="nobody")[0] == 404
    store.answer(token, Reply(value={"files": [], "text": ""}, at_ms=1), now_ms=now_ms())
    status, said = put(b"x")
    assert (status, said["message"]) == (409, "not asked any more: answered")
    assert left_on_disk(store) == []


def test_a_question_that_is_closed_in_the_middle_takes_no_more(
    put: Put, store: SqliteStore, token: Token
) -> None:
    put(b"abc", 0, 9)
    store.answer(token, Reply(value={"files": [], "text": ""}, at_ms=1), now_ms=now_ms())
    assert put(b"def", 3, 9)[0] == 409


def test_what_does_not_fit_the_question_is_refused_before_it_is_on_the_disk(
    put: Put, store: SqliteStore
) -> None:
    picky = ask(store, FilesPrompt(prompt="Data?", accept=(".csv", "image/*"), max_bytes=1000))
    status, said = put(b"x", wait=picky, name="a.txt")
    assert (status, ".csv, image/*" in said["problems"]["files"]) == (422, True)
    status, said = put(b"x" * 1001, wait=picky)
    assert status == 422
    assert put(b"x", wait=picky, size=incoming.LARGEST + 1)[0] == 422
    assert left_on_disk(store) == []
    for upload, name in enumerate(("a.CSV", "b.png")):
        assert put(b"x", wait=picky, upload=str(upload), name=name)[0] == 200
    assert put(b"x", wait=picky, upload="m", name="c", media="image/png")[0] == 200


def test_a_file_for_which_the_disk_has_no_room_is_refused(
    put: Put, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_free", lambda _: 65 << 20)
    status, said = put(b"x", size=2 << 20)
    assert (status, "room for 1.05 MB" in said["problems"]["files"]) == (422, True)
    assert left_on_disk(store) == []


def test_a_file_never_grows_beyond_what_was_said(put: Put, store: SqliteStore) -> None:
    assert put(b"x" * 10, 0, 9)[0] == 422
    assert put(b"x" * 3 * MIB, 0, 2 * MIB, upload="u-2")[0] == 422


def test_a_slice_beyond_the_limit_is_refused(put: Put, store: SqliteStore) -> None:
    try:
        status = put(b"x" * (receiving.SLICE + 1))[0]
    except HTTPClientError as cut:  # the server does not wait for the rest
        status = cut.code
    assert status in {413, 599}
    assert left_on_disk(store) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"upload": "../../x"}, {"upload": ""}, {"upload": "a/b"}, {"upload": "x" * 65}, {"upload": "a b"},
        {"wait": "../x"}, {"offset": "-1"}, {"offset": "x"}, {"size": "-1"}, {"size": "1e9"}, {"size": ""},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_slice_at_all_is_malformed(put: Put, store: SqliteStore, changed: dict[str, str]) -> None:
    status, said = put(b"x", **changed)
    assert (status, "message" in said) == (400, True)
    assert left_on_disk(store) == []


def test_a_name_is_made_safe_and_never_becomes_a_path(put: Put, store: SqliteStore) -> None:
    for number, (name, safe) in enumerate(
        [
            ("../../etc/passwd", "passwd"), ("C:\\Windows\\a.csv", "a.csv"), ("/abs/b.csv", "b.csv"),
            ("..", "file"), (".hidden", "hidden"), ("a\0b\n.csv", "a b.csv"), ("", "file"),
            ("<img src=x onerror=1>.csv", "_img src=x onerror=1_.csv"), ("٣ü.csv", "٣ü.csv"),
        ]
    ):  # fmt: skip
        status, said = put(b"x" * number, upload=str(number), name=name)
        assert (status, said["file"]["name"]) == (200, safe)
        assert Path(said["file"]["path"]).is_relative_to(store.artifacts_dir)


def test_a_store_is_named_never_given_by_path(put: Put, call: Call, store: SqliteStore, token: Token) -> None:
    for name in ("", store.path, store.uid, "../" + store.uid, "0" * 32):
        assert put(b"x", store=name)[0] == 404
        for method in ("GET", "DELETE"):
            assert call("upload", method=method, store=name, wait=token, upload="u")[0] == 404


def test_two_clients_that_send_at_once_do_not_mix(
    fetch: Fetch, announced: registry.Announcement, token: Token, jp_asyncio_loop: Any
) -> None:
    size = 4 * MIB
    where = {"store": announced.store, "wait": token, "name": "a", "media": "", "size": size, "offset": 0}

    async def both(uploads: tuple[str, str]) -> list[tuple[int, Any]]:
        sent = [
            fetch("upload", letter * size, method="PUT", upload=upload, **where)
            for letter, upload in zip((b"a", b"b"), uploads, strict=True)
        ]
        return list(await asyncio.gather(*sent))

    for status, said in jp_asyncio_loop.run_until_complete(both(("one", "two"))):
        assert status == 200
        assert len(set(Path(said["file"]["path"]).read_bytes())) == 1
    # the same upload: one of them writes it, the other is told to look where it stands
    outcomes = jp_asyncio_loop.run_until_complete(both(("same", "same")))
    assert sorted(status for status, _ in outcomes) in ([200, 409], [200, 200])
    for status, said in outcomes:
        if status == 200:
            assert len(set(Path(said["file"]["path"]).read_bytes())) == 1


def test_nobody_comes_in_without_a_token(
    put: Put, call: Call, announced: registry.Announcement, store: SqliteStore, token: Token
) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "token wrong"}):
        assert put(b"x", headers=headers)[0] == 403
        for method in ("GET", "DELETE"):
            where = {"store": announced.store, "wait": token, "upload": "u"}
            assert call("upload", method=method, headers=headers, **where)[0] == 403
    assert not Path(store.artifacts_dir).exists()


def test_a_browsers_cookie_needs_the_xsrf_token_with_it(
    put: Put,
    call: Call,
    announced: registry.Announcement,
    store: SqliteStore,
    token: Token,
    browser: dict[str, str],
) -> None:
    xsrf = browser.pop("X-XSRFToken")
    where = {"store": announced.store, "wait": token, "upload": "u-1"}
    for headers in (browser, browser | {"X-XSRFToken": "wrong"}):
        assert put(b"x", headers=headers)[0] == 403
        assert call("upload", method="DELETE", headers=headers, **where)[0] == 403
    assert not Path(store.artifacts_dir).exists()
    assert put(b"x", headers=browser | {"X-XSRFToken": xsrf})[0] == 200

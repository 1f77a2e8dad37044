"""The HTTP door, on a real Jupyter server and a real store."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from unit.jupyter.doors import KERNEL, RUN, Call, ask, now_ms

from aether_nb.engine.ports import Append
from aether_nb.events import NodeStarted, WaitOpened
from aether_nb.ids import NodeId, Token, new_token, new_uid
from aether_nb.jupyter import registry
from aether_nb.prompts import ApprovalPrompt, CallbackPrompt, FilesPrompt, Reply, TextPrompt
from aether_nb.services.artifacts import Artifacts
from aether_nb.store.sqlite import SqliteStore


def test_the_server_proves_that_it_reads_the_kernels_store(
    call: Call, announced: registry.Announcement
) -> None:
    assert call("nonce", store=announced.store) == (200, {"nonce": announced.nonce})


def test_a_copy_of_the_store_without_this_kernel_proves_nothing(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    other = registry.announce(store.uid, store.path, new_uid())
    assert other is not None
    assert call("nonce", store=other.store)[0] == 404


def test_another_store_in_the_same_place_proves_nothing(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    other = registry.announce(new_uid(), store.path, KERNEL)
    assert other is not None
    assert call("nonce", store=other.store)[0] == 404


def test_a_reply_is_stored_with_who_and_through_which_door(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    before = now_ms()
    assert call("answer", {"store": announced.store, "token": token, "value": "Ada"}) == (
        200,
        {"accepted": True, "status": "answered", "driven": True},
    )
    wait = store.wait(token)
    assert wait is not None
    assert wait.reply is not None
    assert (wait.reply.value, wait.reply.by, wait.reply.door) == ("Ada", "you", "http")
    assert before <= wait.reply.at_ms <= now_ms()


def test_a_reply_counts_when_the_kernel_is_gone(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, ApprovalPrompt(prompt="Proceed?"))
    store.close()
    assert call("answer", {"store": announced.store, "token": token, "value": "Reject"}) == (
        200,
        {"accepted": True, "status": "answered", "driven": False},
    )
    again = SqliteStore(store.path)
    wait = again.wait(token)
    again.close()
    assert wait is not None
    assert wait.reply is not None
    assert wait.reply.value == {"choice": "Reject", "approved": False, "reason": ""}


def test_a_second_reply_is_told_who_won_whatever_it_says(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    store.answer(token, Reply(value="Ada", by="ana", door="cli", at_ms=123), now_ms=now_ms())
    for value in ("Bob", 7):
        assert call("answer", {"store": announced.store, "token": token, "value": value}) == (
            200,
            {"accepted": False, "status": "answered", "by": "ana", "door": "cli", "at_ms": 123},
        )


def test_a_reply_after_the_deadline_is_told_so(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"), deadline_ms=now_ms() - 1)
    status, said = call("answer", {"store": announced.store, "token": token, "value": "Ada"})
    assert (status, said["accepted"], said["status"]) == (200, False, "expired")


def test_a_wrong_value_is_refused_by_field_and_the_wait_stays_open(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, ApprovalPrompt(prompt="Proceed?", options=("Yes", "No"), approve="Yes"))
    status, said = call("answer", {"store": announced.store, "token": token, "value": "Perhaps"})
    assert (status, list(said["problems"])) == (422, ["choice"])
    assert [wait.token for wait in store.waits()] == [token]


def test_files_become_artifacts(
    call: Call, announced: registry.Announcement, store: SqliteStore, tmp_path: Path
) -> None:
    token = ask(store, FilesPrompt(prompt="Data?"))
    (tmp_path / "a.csv").write_text("x,y")
    uploaded = Artifacts(store.artifacts_dir).save("b.csv", b"1,2")
    lie = uploaded.model_dump() | {"name": "../b.csv", "size": 99, "path": "/etc/passwd"}
    value = {"files": [{"path": str(tmp_path / "a.csv")}, lie], "text": "both"}
    assert call("answer", {"store": announced.store, "token": token, "value": value})[0] == 200
    wait = store.wait(token)
    assert wait is not None
    assert wait.reply is not None
    copied, kept = wait.reply.value["files"]
    assert wait.reply.value["text"] == "both"
    assert (copied["name"], Path(copied["path"]).read_text()) == ("a.csv", "x,y")
    assert kept == uploaded.model_dump(mode="json")


def test_a_secret_is_not_taken_because_the_server_could_not_hand_it_over(
    call: Call, announced: registry.Announcement, store: SqliteStore, tmp_path: Path
) -> None:
    token = ask(store, TextPrompt(prompt="Password?", secret=True))
    status, said = call("answer", {"store": announced.store, "token": token, "value": "hunter2-by-http"})
    assert status == 422
    assert "only the kernel that drives the run takes it" in said["problems"][""]
    assert store.waits()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in files if b"hunter2-by-http" in file.read_bytes()] == []


@pytest.mark.parametrize(
    "file",
    [
        {"path": "data.csv"},
        {"path": "/no/such/file"},
        {"path": "/"},
        {"path": "/dev/null"},
        {"path": "a\0b"},
        {"name": "x", "size": 1, "sha256": "0" * 64, "path": "/etc/passwd"},
        {"name": "x", "size": 1, "sha256": "../../etc/passwd", "path": "x"},
        {"name": "x"},
        7,
    ],
)
def test_a_file_that_cannot_be_had_is_refused(
    call: Call, announced: registry.Announcement, store: SqliteStore, file: Any
) -> None:
    token = ask(store, FilesPrompt(prompt="Data?"))
    status, said = call("answer", {"store": announced.store, "token": token, "value": {"files": [file]}})
    assert (status, len(said["problems"])) == (422, 1)
    assert store.waits()


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"text"', b'{"store": "s", "token": "t"}', b'{"store": 1, "token": "t", "value": 1}',
        b'{"store": "s", "token": "t", "value": 1, "path": "/tmp/runs.db"}', b"\xff",
    ],
)  # fmt: skip
def test_what_is_no_reply_at_all_is_malformed(call: Call, body: bytes) -> None:
    status, said = call("answer", body)
    assert (status, "message" in said) == (400, True)


def test_a_reply_beyond_the_limit_is_refused(call: Call) -> None:
    assert call("answer", {"store": "s", "token": "t", "value": "x" * (4 << 20)})[0] == 413


def test_an_unknown_token_is_said_to_be_unknown(call: Call, announced: registry.Announcement) -> None:
    status, said = call("answer", {"store": announced.store, "token": "nobody", "value": 1})
    assert (status, "no such wait" in said["message"]) == (404, True)


def promise(store: SqliteStore) -> Token:
    """Begin a Stage A, which may tell the world of its token; the wait is not open yet."""
    row = store.run(RUN)
    assert row is not None
    token = new_token()
    begun = NodeStarted(run=RUN, seq=row.last_seq + 1, at_us=1, node=NodeId("job"), attempt=1, token=token)
    batch = Append(
        run_id=RUN, kernel=KERNEL, fence=1, prev_seq=row.last_seq, events=[begun], status="running"
    )
    assert not store.append([batch], full=True, now_ms=now_ms())
    return token


def test_a_reply_to_a_token_whose_wait_is_not_open_yet_is_kept_for_it(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = promise(store)
    assert call("answer", {"store": announced.store, "token": token, "value": {"url": "x"}}) == (
        200,
        {"accepted": True, "status": "kept", "driven": True},
    )
    row = store.run(RUN)
    assert row is not None
    opened = WaitOpened(
        run=RUN, seq=row.last_seq + 1, at_us=1, node=NodeId("job"), token=token, kind="job",
        prompt=CallbackPrompt(prompt="Waiting"),
    )  # fmt: skip
    batch = Append(
        run_id=RUN, kernel=KERNEL, fence=1, prev_seq=row.last_seq, events=[opened], status="waiting"
    )
    assert not store.append([batch], full=True, now_ms=now_ms())
    wait = store.wait(token)
    assert wait is not None
    assert wait.reply is not None
    assert (wait.status, wait.reply.value, wait.reply.by) == ("answered", {"url": "x"}, "you")


def test_an_early_reply_that_cannot_be_stored_is_refused(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    body = json.dumps({"store": announced.store, "token": promise(store), "value": "\ud800"}).encode()
    assert call("answer", body)[0] in {400, 422}


def test_a_store_is_named_never_given_by_path(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    tricks = ["", store.path, store.uid, "../" + announced.store, announced.store + ".json",
              announced.store.upper(), "%2e%2e", "0" * 32, "٣" * 32]  # fmt: skip
    for name in tricks:
        assert call("answer", {"store": name, "token": token, "value": "Ada"})[0] == 404
        assert call("nonce", store=name)[0] == 404
    assert store.waits()


def test_a_store_that_cannot_be_used_is_unavailable(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    store.close()
    Path(store.path).write_bytes(b"100% no database" * 100)
    status, said = call("nonce", store=announced.store)
    assert (status, "100%" not in said["message"]) == (503, True)


def test_nobody_comes_in_without_a_token(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    for headers in ({"Authorization": ""}, {"Authorization": "token wrong"}):
        assert call("nonce", store=announced.store, headers=headers)[0] == 403
        body = {"store": announced.store, "token": token, "value": "Ada"}
        assert call("answer", body, headers=headers)[0] == 403
    assert store.waits()


def test_a_browsers_cookie_needs_the_xsrf_token_with_it(
    call: Call, announced: registry.Announcement, store: SqliteStore, browser: dict[str, str]
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    body = {"store": announced.store, "token": token, "value": "Ada"}
    xsrf = browser.pop("X-XSRFToken")
    assert call("answer", body, headers=browser)[0] == 403
    assert call("answer", body, headers=browser | {"X-XSRFToken": "wrong"})[0] == 403
    assert store.waits()
    assert call("answer", body, headers=browser | {"X-XSRFToken": xsrf})[0] == 200


def test_only_plain_files_of_this_user_are_trusted(
    announced: registry.Announcement, store: SqliteStore, tmp_path: Path
) -> None:
    entry = registry.find(announced.store)
    assert entry is not None
    assert (entry.path, entry.nonce) == (store.path, announced.nonce)
    assert announced.file.stat().st_mode & 0o777 == 0o600

    for file in (announced.file, Path(store.path)):
        mode = file.stat().st_mode & 0o777
        file.chmod(0o666)
        assert registry.find(announced.store) is None
        file.chmod(mode)
        moved = file.rename(tmp_path / file.name)
        file.symlink_to(moved)
        assert registry.find(announced.store) is None
        file.unlink()
        os.mkfifo(file)
        assert registry.find(announced.store) is None
        file.unlink()
        moved.rename(file)
        assert registry.find(announced.store) == entry

    for said in ("", "[]", "{}", json.dumps({"store": "s", "path": "runs.db", "kernel": "k"})):
        announced.file.write_text(said)
        assert registry.find(announced.store) is None


def test_an_entry_is_kept_until_its_store_is_gone(
    announced: registry.Announcement, store: SqliteStore, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    other.touch(0o600)
    registry.announce("other", str(other), "k")
    assert registry.find(announced.store) is not None
    store.close()
    Path(store.path).unlink()
    registry.announce("other", str(other), "k")
    assert not announced.file.exists()


def test_a_withdrawn_entry_is_not_found(announced: registry.Announcement) -> None:
    announced.withdraw()
    announced.withdraw()
    assert registry.find(announced.store) is None


def test_where_nothing_can_be_written_there_is_no_door(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "x"))
    assert registry.announce("s", "/x", "k") is None

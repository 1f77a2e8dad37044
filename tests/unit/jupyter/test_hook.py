"""The hook: services report back without a login, on a real Jupyter server and real stores."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from unit.jupyter.doors import KERNEL, RUN, Call, ask, made, now_ms, write

import aether_nb as ae
from aether_nb.events import NodeStarted, WaitOpened
from aether_nb.ids import NodeId, Token, new_token
from aether_nb.jupyter import registry
from aether_nb.jupyter.hook import LONGEST, Bucket, Limits
from aether_nb.prompts import ApprovalPrompt, CallbackPrompt, FilesPrompt, Reply, TextPrompt
from aether_nb.runtime import Runtime
from aether_nb.store.sqlite import SqliteStore

NOTHING = (404, {"message": "nothing waits here", "reason": "Not Found"})
WAITING = CallbackPrompt(prompt="Waiting for render")
Hook = Callable[..., tuple[int, Any]]


@pytest.fixture
def hook(jp_fetch: Any, jp_asyncio_loop: Any, jp_serverapp: Any) -> Hook:
    """Post something as a service does: with no login, no cookie and no header of Jupyter's."""

    def hook(
        token: str, value: Any = None, *, body: bytes | None = None, method: str = "POST", **headers: str
    ) -> Any:
        sent = json.dumps(value).encode() if body is None else body
        asked = jp_fetch(
            "aether-nb", "hook", token, method=method, body=sent if method in {"POST", "PUT"} else None,
            headers={"Authorization": "", **{name.replace("_", "-"): text for name, text in headers.items()}},
            raise_error=False,
        )  # fmt: skip
        response = jp_asyncio_loop.run_until_complete(asked)
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.code, json.loads(response.body) if is_json else None

    return hook


@pytest.fixture
def open_(announced: registry.Announcement, store: SqliteStore) -> SqliteStore:
    """A store that allows it, announced from outside of the server's root."""
    store.put_setting("hook", "on")
    return store


def callback(store: SqliteStore, prompt: Any = WAITING, **more: Any) -> Token:
    return ask(store, prompt, **{"kind": "callback", **more})


def reply(store: SqliteStore, token: Token) -> Reply | None:
    wait = store.wait(token)
    assert wait is not None
    return wait.reply


def test_a_service_that_knows_the_token_answers_its_wait_once(hook: Hook, open_: SqliteStore) -> None:
    token, other = callback(open_), callback(open_)
    assert hook(token, {"frames": 24}) == (200, {"accepted": True})
    said = reply(open_, token)
    assert said is not None
    assert (said.value, said.by, said.door) == ({"frames": 24}, "callback", "hook")
    for value in ({"frames": 24}, {"frames": 25}):
        status, told = hook(token, value)
        assert (status, "answered already" in told["message"]) == (410, True)
    assert reply(open_, token) == said
    assert reply(open_, other) is None


def test_it_is_off_until_the_store_allows_it(
    hook: Hook, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = callback(store)
    assert hook(token, 1)[0] == 404
    store.put_setting("hook", "on")
    assert hook(token, 1)[0] == 200
    store.put_setting("hook", "")
    assert hook(token, 1)[0] == 404


def test_what_is_wrong_is_not_told_apart(hook: Hook, open_: SqliteStore, tmp_path: Path) -> None:
    with made(tmp_path / "closed" / "runs.db") as closed:
        registry.announce(closed.uid, closed.path, KERNEL)
        question = ask(open_, TextPrompt(prompt="Name?"))
        files = ask(open_, FilesPrompt(prompt="Data?"), kind="callback")
        job = ask(open_, WAITING, kind="job")
        off = callback(closed)
        mine = callback(open_)
        said = {
            token: hook(token, {"files": [{"path": "/etc/passwd"}]}) for token in (question, files, job, off)
        }
        wrong = [new_token(), mine[:-1], mine[:8] + new_token()[8:], mine.upper(), f"{mine}x", "x"]
        said |= {token: hook(token, 1) for token in wrong[:5]}
    assert {status for status, _ in said.values()} == {404}
    assert len({json.dumps(told) for _, told in said.values()}) == 1
    assert [reply(open_, token) for token in (question, files, job, mine)] == [None] * 4


def test_a_reply_that_does_not_fit_is_refused_and_the_wait_stays_open(hook: Hook, open_: SqliteStore) -> None:
    token = callback(open_, CallbackPrompt(prompt="Waiting", reply={"type": "object", "required": ["url"]}))
    status, said = hook(token, {"frames": 1})
    assert (status, bool(said["problems"])) == (422, True)
    assert hook(token, {"url": "x"}) == (200, {"accepted": True})


def test_a_reply_after_the_deadline_is_too_late(hook: Hook, open_: SqliteStore) -> None:
    assert hook(callback(open_, deadline_ms=now_ms() - 1), 1)[0] == 410


def test_a_reply_that_is_quicker_than_its_wait_is_kept_for_it(hook: Hook, open_: SqliteStore) -> None:
    waits = {}
    for kind in ("callback", "job"):
        token = new_token()
        row = open_.run(RUN)
        assert row is not None
        node = NodeId(kind)
        write(
            open_, RUN, NodeStarted(run=RUN, seq=row.last_seq + 1, at_us=1, node=node, attempt=1, token=token)
        )
        assert hook(token, {"url": kind}) == (200, {"accepted": True})
        opened = WaitOpened(
            run=RUN, seq=row.last_seq + 2, at_us=1, node=node, token=token, kind=kind, prompt=WAITING
        )
        write(open_, RUN, opened, status="waiting")
        waits[kind] = reply(open_, token)
    assert waits["callback"] is not None
    assert (waits["callback"].value, waits["job"]) == ({"url": "callback"}, None)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"frames=24", b"[" * 100_000])
def test_what_is_no_json_is_malformed(hook: Hook, open_: SqliteStore, body: bytes) -> None:
    token = callback(open_)
    assert hook(token, body=body)[0] == 400
    assert reply(open_, token) is None


def test_what_no_store_can_keep_is_refused(hook: Hook, open_: SqliteStore) -> None:
    early = new_token()
    write(open_, RUN, NodeStarted(run=RUN, seq=2, at_us=1, node=NodeId("job"), attempt=1, token=early))
    for token in (early, callback(open_)):
        status, said = hook(token, body=b'"\\ud800"')
        assert (status, bool(said["problems"])) == (422, True)


def test_whatever_its_content_type_a_body_is_json_and_an_empty_one_is_null(
    hook: Hook, open_: SqliteStore
) -> None:
    sent = callback(open_)
    assert hook(sent, {"a": 1}, Content_Type="application/x-www-form-urlencoded")[0] == 200
    empty = callback(open_)
    assert hook(empty, body=b"")[0] == 200
    values = [found.value for token in (sent, empty) if (found := reply(open_, token)) is not None]
    assert values == [{"a": 1}, None]


def test_a_reply_beyond_the_limit_is_refused(hook: Hook, open_: SqliteStore) -> None:
    token = callback(open_)
    assert hook(token, "x" * LONGEST)[0] == 413
    assert reply(open_, token) is None


def test_other_verbs_do_nothing(hook: Hook, open_: SqliteStore) -> None:
    token = callback(open_)
    for method in ("GET", "PUT", "DELETE"):
        assert hook(token, 1, method=method)[0] >= 400
    assert reply(open_, token) is None


@pytest.mark.parametrize(
    "token", ["", "..", "../api/stores", "%2e%2e%2fapi", "a/b", "\0", "'; DROP TABLE waits; --"]
)
def test_a_token_is_never_a_path(hook: Hook, open_: SqliteStore, token: str) -> None:
    assert hook(token, 1)[0] in {403, 404}


def test_a_page_of_another_site_gets_nothing_through(hook: Hook, open_: SqliteStore) -> None:
    token = callback(open_)
    assert hook(token, 1, Origin="https://evil.example")[0] == 404
    assert reply(open_, token) is None


def test_two_at_once_are_one_reply(
    jp_fetch: Any, jp_serverapp: Any, open_: SqliteStore, jp_asyncio_loop: Any
) -> None:
    token = callback(open_)

    async def story() -> list[int]:
        asked = [
            jp_fetch("aether-nb", "hook", token, method="POST", body=str(n), headers={"Authorization": ""}, raise_error=False)
            for n in range(5)
        ]  # fmt: skip
        return sorted(response.code for response in await asyncio.gather(*asked))

    assert jp_asyncio_loop.run_until_complete(story()) == [200, 410, 410, 410, 410]


def test_who_guesses_is_slowed_down(hook: Hook, open_: SqliteStore) -> None:
    said = [hook(new_token(), 1)[0] for _ in range(14)]
    assert (said[0], said[-1]) == (404, 429)
    assert hook(callback(open_), 1)[0] == 429


def test_a_bucket_fills_again_and_forgets_old_addresses() -> None:
    now = [0.0]
    bucket = Bucket(2, 1, now=lambda: now[0])
    for _ in range(2):
        assert bucket.has("a")
        bucket.take("a")
    assert not bucket.has("a")
    assert bucket.has("b")
    now[0] = 1.0
    assert bucket.has("a")
    bucket.take("a")
    assert not bucket.has("a")
    for n in range(2000):
        bucket.take(str(n))
    assert len(bucket._left) == 1000
    assert Limits().tries.has("a")


def test_a_store_that_is_held_or_gone_is_no_reply_lost(
    hook: Hook, open_: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether_nb.jupyter.served.BUSY_S", 0.1)
    token = callback(open_)
    with closing(sqlite3.connect(open_.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, said = hook(token, 1)
        assert (status, open_.path in said["message"]) == (503, False), "whoever is outside learns no paths"
    assert hook(token, 1)[0] == 200
    open_.close()
    Path(open_.path).unlink()
    assert hook(token, 1)[0] == 404
    assert not Path(open_.path).exists()


def test_the_other_routes_need_a_login_all_the_same(call: Call, open_: SqliteStore) -> None:
    token = ask(open_, ApprovalPrompt(prompt="Proceed?"))
    body = {"store": "0" * 32, "token": token, "value": "Approve"}
    assert call("answer", body, headers={"Authorization": ""})[0] == 403


@ae.tools.http_callback(name="render_hooked")
async def render(*, url: str) -> None:
    urls.append(url)


urls: list[str] = []


@ae.graph_fn(name="film_hooked", outputs=["frames"])
async def film() -> dict[str, int]:
    return {"frames": (await render()).value["frames"]}


def test_a_run_goes_on_with_what_a_service_reported(
    configure: Callable[..., Runtime],
    jp_root_dir: Path,
    jp_fetch: Any,
    jp_serverapp: Any,
    jp_asyncio_loop: Any,
) -> None:
    kernel = configure(store=jp_root_dir / "driven.db", hook=True, callback_url="http://here/aether-nb/hook")

    async def story() -> None:
        run = film.start()
        wait = await run.next_wait()
        assert urls.pop() == f"http://here/aether-nb/hook/{wait.token}"
        registry.announce(kernel.store.uid, kernel.store.path, kernel.kernel)
        response = await jp_fetch(
            "aether-nb",
            "hook",
            wait.token,
            method="POST",
            body=b'{"frames": 24}',
            headers={"Authorization": ""},
        )
        assert json.loads(response.body) == {"accepted": True}
        assert (await run).frames == 24

    jp_asyncio_loop.run_until_complete(story())


def test_a_kernel_knows_the_hook_of_the_server_that_started_it(
    jp_environ: None, monkeypatch: pytest.MonkeyPatch, jp_runtime_dir: Path
) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    assert registry.hook_url() == ""
    file = jp_runtime_dir / f"jpserver-{os.getpid()}.json"
    file.write_text(json.dumps({"url": "http://localhost:8888/user/ana/"}))
    file.chmod(0o600)
    assert registry.hook_url() == "http://localhost:8888/user/ana/aether-nb/hook"
    file.chmod(0o666)
    assert registry.hook_url() == ""
    monkeypatch.delenv("JPY_PARENT_PID")
    assert registry.hook_url() == ""

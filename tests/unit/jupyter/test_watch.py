"""What a page hears of its questions over HTTP when it does not hear its kernel, on a real server and store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from unit.jupyter.doors import Call, Fetch, ask, now_ms

from aether_nb.jupyter import registry, watching
from aether_nb.prompts import ApprovalPrompt, Reply, TextPrompt
from aether_nb.store.sqlite import SqliteStore


def test_it_says_at_once_what_the_page_does_not_know(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    assert call("watch", {"store": announced.store, "tokens": [token], "alive": None}) == (
        200,
        {"alive": True, "closed": {}},
    )
    store.answer(token, Reply(value="Ada", by="ana", door="cli", at_ms=123), now_ms=now_ms())
    status, said = call("watch", {"store": announced.store, "tokens": [token, "nobody"], "alive": True})
    assert status == 200
    assert said["closed"] == {
        token: {"status": "answered", "reply": {"text": "Ada", "by": "ana", "door": "cli", "at_ms": 123}}
    }


def test_it_says_that_a_kernel_is_gone_as_soon_as_its_lock_is(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    token = ask(store, TextPrompt(prompt="Name?"))
    store.close()
    assert call("watch", {"store": announced.store, "tokens": [token], "alive": True}) == (
        200,
        {"alive": False, "closed": {}},
    )


def test_it_waits_until_something_happens(
    fetch: Fetch, announced: registry.Announcement, store: SqliteStore, jp_asyncio_loop: Any
) -> None:
    token = ask(store, ApprovalPrompt(prompt="Proceed?"))

    async def story() -> tuple[int, Any]:
        asking = asyncio.ensure_future(
            fetch("watch", {"store": announced.store, "tokens": [token], "alive": True})
        )
        while watching.WatchHandler.held == 0:
            await asyncio.sleep(0.01)
        assert not asking.done()
        reply = Reply(value={"choice": "Reject", "approved": False}, by="ana", door="cli", at_ms=5)
        store.answer(token, reply, now_ms=now_ms())
        return await asyncio.wait_for(asking, 1.0)

    status, said = jp_asyncio_loop.run_until_complete(story())
    assert (status, said["closed"][token]["reply"]["text"]) == (200, "Reject")


def test_it_holds_a_request_only_for_a_while_and_not_too_many(
    call: Call, announced: registry.Announcement, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"store": announced.store, "tokens": [ask(store, TextPrompt(prompt="Name?"))], "alive": True}
    for limit, value in (("HELD_S", 0.0), ("_MOST", 0)):
        with monkeypatch.context() as patched:
            patched.setattr(watching, limit, value)
            assert call("watch", body) == (200, {"alive": True, "closed": {}})
    assert watching.WatchHandler.held == 0


@pytest.mark.parametrize(
    "body",
    [b"{", {"store": "s"}, {"store": "s", "tokens": "t"}, {"store": "s", "tokens": [1]},
     {"store": "s", "tokens": ["t"] * 1001}, {"store": "s", "tokens": [], "path": "/tmp/runs.db"}],
)  # fmt: skip
def test_what_is_no_such_question_is_malformed(call: Call, body: Any) -> None:
    assert call("watch", body)[0] == 400


def test_only_those_who_may_come_in_hear_of_a_store_that_there_is(
    call: Call, announced: registry.Announcement, store: SqliteStore, browser: dict[str, str]
) -> None:
    body = {"store": announced.store, "tokens": [], "alive": False}
    xsrf = browser.pop("X-XSRFToken")
    for headers in ({"Authorization": ""}, browser, browser | {"X-XSRFToken": "wrong"}):
        assert call("watch", body, headers=headers)[0] == 403
    assert call("watch", body, headers=browser | {"X-XSRFToken": xsrf})[0] == 200
    for name in ("", store.path, "../" + announced.store, "0" * 32):
        assert call("watch", body | {"store": name})[0] == 404

"""A run that a page follows through the server, on a real Jupyter server, real stores and a real websocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError
from unit.jupyter.doors import KERNEL, RUN, Call, ask, made, new_run, write

import aether_nb as ae
from aether_nb.errors import NodeFailed, RunCancelled
from aether_nb.events import Call as Called
from aether_nb.events import NodeAdded, NodeFinished, RunFinished
from aether_nb.ids import NodeId
from aether_nb.jupyter import registry
from aether_nb.prompts import ApprovalPrompt, Reply, TextPrompt
from aether_nb.runtime import Runtime
from aether_nb.store.sqlite import SqliteStore

IdOf = Callable[[SqliteStore], str]
STEP: dict[str, Any] = {"name": "step", "call": Called(name="step"), "run": RUN, "at_us": 1}


class Page:
    """One page that follows a run; what comes is folded as the page's own model does it."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.view: dict[str, Any] = {}
        self._ids = iter(range(1000))

    async def hear(self) -> dict[str, Any]:
        """The next frame."""
        text = await asyncio.wait_for(self.socket.read_message(), 10)
        assert text is not None, "the server closed it"
        frame = json.loads(text)
        shape = frame.get("shape", {})
        if frame["type"] == "welcome":
            self.view = shape
        elif frame["type"] == "patch":
            assert shape["base"] == self.view["seq"]
            for key, name in (("nodes", "id"), ("prompts", "token")):
                known = {one[name]: one for one in self.view[key]} | {
                    one[name]: one for one in shape.get(key, ())
                }
                self.view[key] = list(known.values())
            marks = {mark[0]: mark[1] for mark in shape.get("marks", ())}
            for node in self.view["nodes"]:
                node["status"] = marks.get(node["id"], node["status"])
            for key in shape.keys() - {"base", "nodes", "prompts", "marks", "edges"}:
                self.view[key] = shape[key]
        return frame

    async def until(self, there: Callable[[dict[str, Any]], bool]) -> None:
        """Hear until the run looks like that."""
        while not self.view or not there(self.view):
            await self.hear()

    async def send(self, **content: Any) -> None:
        await self.socket.write_message(json.dumps(content))

    async def ask(self, kind: str, **content: Any) -> dict[str, Any]:
        """Ask something, and give what is acknowledged."""
        name = f"m{next(self._ids)}"
        await self.send(type=kind, id=name, **content)
        while True:
            frame = await self.hear()
            if frame["type"] == "ack":
                assert frame["id"] == name
                return {key: value for key, value in frame.items() if key not in {"type", "id"}}


Follow = Callable[..., Any]


@pytest.fixture
def follow(jp_ws_fetch: Any) -> Follow:
    """Follow a run."""

    @asynccontextmanager
    async def follow(store: str, run: str = RUN, *, hello: bool = True) -> AsyncIterator[Page]:
        socket = await jp_ws_fetch("aether-nb", "api", "live", params={"store": store, "run": run})
        page = Page(socket)
        try:
            if hello:
                await page.send(type="hello", seq=0)
                assert (await page.hear())["type"] == "welcome"
            yield page
        finally:
            socket.close()

    return follow


@pytest.fixture
def tell(jp_asyncio_loop: Any) -> Callable[[Callable[[], Awaitable[None]]], None]:
    return lambda story: jp_asyncio_loop.run_until_complete(story())


Tell = Callable[[Callable[[], Awaitable[None]]], None]


def test_a_run_is_followed_as_it_goes_on(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            assert (page.view["status"], page.view["nodes"], page.view["note"]) == ("running", [], "")
            write(listed, RUN, NodeAdded(**STEP, seq=2, node=NodeId("a")))
            await page.until(lambda view: [node["id"] for node in view["nodes"]] == ["a"])
            token = ask(listed, TextPrompt(prompt="Name?"))
            await page.until(lambda view: [one["token"] for one in view["prompts"]] == [token])
            write(
                listed, RUN, NodeFinished(run=RUN, seq=4, at_us=2, node=NodeId("a")),
                RunFinished(run=RUN, seq=5, at_us=3), status="succeeded",
            )  # fmt: skip
            await page.until(lambda view: view["status"] == "succeeded")
            assert page.view["nodes"][0]["status"] == "succeeded"
            assert page.view["seq"] == 5

    tell(story)


def test_a_run_that_is_over_is_shown_as_it_was(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    write(listed, RUN, RunFinished(run=RUN, seq=2, at_us=1), status="succeeded")
    name = id_of(listed)
    listed.close()

    async def story() -> None:
        async with follow(name) as page:
            assert (page.view["status"], page.view["stored"], page.view["note"]) == ("succeeded", True, "")

    tell(story)


def test_an_announcement_names_a_store_wherever_it_lies(
    follow: Follow, tell: Tell, announced: registry.Announcement, store: SqliteStore
) -> None:
    async def story() -> None:
        async with follow(announced.store) as page:
            token = ask(store, TextPrompt(prompt="Name?"))
            await page.until(lambda view: [one["token"] for one in view["prompts"]] == [token])

    tell(story)


def test_an_answer_counts_and_is_seen_by_everybody_who_looks(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    token = ask(listed, TextPrompt(prompt="Name?"))
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as one, follow(name) as other:
            refused = await one.ask("answer", token=token, value=7)
            assert (refused["ok"], list(refused["problems"])) == (False, [""])
            assert await one.ask("answer", token=token, value="Ada") == {"ok": True}
            for page in (one, other):
                await page.until(lambda view: view["prompts"][0]["state"] == "answered")
                assert page.view["prompts"][0]["reply"]["text"] == "Ada"
            late = await other.ask("answer", token=token, value="Bob")
            assert late["ok"] is False
            assert "already answered by you through http at" in late["note"]
            assert "no such wait" in (await one.ask("answer", token="nobody", value=1))["note"]

    tell(story)


def test_a_run_whose_kernel_died_says_so_and_takes_answers(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    token = ask(listed, ApprovalPrompt(prompt="Proceed?"))
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            listed.close()
            await page.until(lambda view: "No kernel has this run" in view["note"])
            assert await page.ask("answer", token=token, value="Approve") == {"ok": True}
            await page.until(lambda view: view["prompts"][0]["state"] == "answered")

    tell(story)


def test_a_node_is_looked_at_closely_and_the_timeline_read_on(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    write(listed, RUN, NodeAdded(**STEP, seq=2, node=NodeId("a"), inputs={"x": 3}, started=True))
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            detail = (await page.ask("details", node="a"))["detail"]
            assert [(value["name"], value["text"]) for value in detail["inputs"]] == [("x", "3")]
            assert "no node 'b'" in (await page.ask("details", node="b"))["note"]
            first = (await page.ask("timeline", since=0))["timeline"]
            assert [row["id"] for row in first["rows"]] == ["a"]
            write(listed, RUN, NodeAdded(**STEP, seq=3, node=NodeId("c"), started=True))
            later = (await page.ask("timeline", since=first["seq"]))["timeline"]
            assert [row["id"] for row in later["rows"]] == ["c"]
            assert (await page.ask("fold", group="a", open=True)) == {"ok": True}

    tell(story)


@pytest.fixture
def kernel(configure: Callable[..., Runtime], jp_root_dir: Path, jp_environ: None) -> Runtime:
    return configure(store=jp_root_dir / "driven.db")


def announce(kernel: Runtime) -> str:
    made = registry.announce(kernel.store.uid, kernel.store.path, kernel.kernel)
    assert made is not None
    return made.store


class Weather:
    wind = False


@ae.tool(name="sail_live", outputs=["miles"])
async def sail(leg: int) -> dict[str, int]:
    if leg == 2 and not Weather.wind:
        raise ValueError("no wind")
    return {"miles": leg}


@ae.graph_fn(name="voyage_live", outputs=["total"])
async def voyage(*, context: Any) -> dict[str, int]:
    await context.channel().ask_text("Sail?")
    legs = await sail.map([1, 2, 3])
    return {"total": sum(legs.miles)}


def test_a_run_in_a_kernel_is_answered_cancelled_and_tried_again(
    follow: Follow, tell: Tell, kernel: Runtime
) -> None:
    async def story() -> None:
        Weather.wind = False
        run = voyage.start()
        wait = await run.next_wait()
        name = announce(kernel)
        async with follow(name, run.run_id) as page:
            assert await page.ask("answer", token=wait.token, value="yes") == {"ok": True}
            with pytest.raises(NodeFailed):
                await run
            await page.until(lambda view: view["status"] == "failed")
            (fleet,) = [node["id"] for node in page.view["nodes"] if node["kind"] == "map"]
            assert await page.ask("fold", group=fleet, open=True) == {"ok": True}
            await page.until(lambda view: len(view["nodes"]) == 5)
            (failed,) = [
                node["id"]
                for node in page.view["nodes"]
                if node["status"] == "failed" and node["id"] != fleet
            ]
            Weather.wind = True
            assert await page.ask("retry", node=failed) == {"ok": True}
            assert (await run).total == 6
            await page.until(lambda view: view["status"] == "succeeded")
            assert (await page.ask("cancel"))["note"] == "It is over already: succeeded."
        other = voyage.start()
        await other.next_wait()
        async with follow(name, other.run_id) as page:
            assert await page.ask("cancel") == {"ok": True}
            with pytest.raises(RunCancelled):
                await other
            await page.until(lambda view: view["status"] == "cancelled")

    tell(story)


def test_a_run_that_is_started_over_is_shown_from_its_beginning(
    follow: Follow, tell: Tell, kernel: Runtime
) -> None:
    async def story() -> None:
        run = voyage.start(run_id="lesson")
        first = await run.next_wait()
        async with follow(announce(kernel), "lesson") as page:
            await page.until(lambda view: [one["token"] for one in view["prompts"]] == [first.token])
            again = run.start_over()
            second = await again.next_wait()
            await page.until(lambda view: [one["token"] for one in view["prompts"]] == [second.token])
            assert "in its notebook" in (await page.ask("start_over"))["note"]

    tell(story)


def test_a_run_that_is_deleted_ends_it(follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf) -> None:
    write(listed, RUN, RunFinished(run=RUN, seq=2, at_us=1), status="succeeded")
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            assert listed.discard([[(RUN, 1)]], 1).runs == (RUN,)
            while await asyncio.wait_for(page.socket.read_message(), 10) is not None:
                pass
            assert page.socket.close_code == 4404

    tell(story)


def test_a_store_that_is_deleted_ends_it(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            for file in Path(listed.path).parent.glob("runs.db*"):
                file.unlink()
            while await asyncio.wait_for(page.socket.read_message(), 10) is not None:
                pass
            assert (page.socket.close_code, Path(listed.path).exists()) == (1011, False)

    tell(story)


@pytest.mark.parametrize("said", ["{", "[]", "7", '"hello"', ""])
def test_what_is_no_message_ends_it(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf, said: str
) -> None:
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            await page.socket.write_message(said)
            assert await asyncio.wait_for(page.socket.read_message(), 10) is None
            assert page.socket.close_code == 1003

    tell(story)


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "answer"}, {"type": "fold"}, {"type": "details"}, {"type": "timeline", "since": "x"},
        {"type": "upload"}, {"type": "nonsense"}, {"type": ["answer"]}, {"type": "cancel", "node": "nobody"},
        {"type": "retry", "node": 7},
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_sense_is_declined_and_it_goes_on(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf, asked: dict[str, Any]
) -> None:
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            ack = await page.ask(
                asked["type"], **{key: value for key, value in asked.items() if key != "type"}
            )
            assert (ack["ok"], bool(ack["note"])) == (False, True)
            assert (await page.ask("timeline", since=0))["ok"]

    tell(story)


def test_a_message_beyond_the_limit_ends_it(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    name = id_of(listed)

    async def story() -> None:
        async with follow(name) as page:
            with suppress(WebSocketClosedError):
                await page.socket.write_message("x" * (5 << 20))
            assert await asyncio.wait_for(page.socket.read_message(), 10) is None

    tell(story)


def refused(jp_ws_fetch: Any, tell: Tell, **options: Any) -> int:
    found = []

    async def story() -> None:
        with pytest.raises(HTTPClientError) as raised:
            await jp_ws_fetch("aether-nb", "api", "live", **options)
        found.append(raised.value.code)

    tell(story)
    return found[0]


def test_nobody_follows_without_a_token_or_from_elsewhere(
    jp_ws_fetch: Any, tell: Tell, listed: SqliteStore, id_of: IdOf, browser: dict[str, str]
) -> None:
    params = {"store": id_of(listed), "run": RUN}
    for headers in (
        {"Authorization": ""}, {"Authorization": "token wrong"}, browser | {"Origin": "https://evil.example"},
    ):  # fmt: skip
        assert refused(jp_ws_fetch, tell, params=params, headers=headers) == 403


def test_nothing_is_followed_that_the_server_does_not_know(
    jp_ws_fetch: Any, tell: Tell, listed: SqliteStore, id_of: IdOf
) -> None:
    name = id_of(listed)
    for store in ("", listed.path, listed.uid, f"../{name}", name.upper()):
        assert refused(jp_ws_fetch, tell, params={"store": store, "run": RUN}) == 404
    for run in ("", "nobody", "../x"):
        assert refused(jp_ws_fetch, tell, params={"store": name, "run": run}) == 404


class ReadOnly:
    """An authorizer of a server that shows and lets nobody touch."""

    def is_authorized(self, _handler: Any, _user: Any, action: str, _resource: str) -> bool:
        return action == "read"


def test_who_may_only_look_changes_nothing(
    follow: Follow, tell: Tell, call: Call, listed: SqliteStore, id_of: IdOf, jp_serverapp: Any
) -> None:
    token = ask(listed, TextPrompt(prompt="Name?"))
    name = id_of(listed)
    jp_serverapp.web_app.settings["authorizer"] = ReadOnly()
    for route in ("cancel", "retry", "delete"):
        assert call(route, {"store": name, "run": RUN})[0] == 403
    assert call("answer", {"store": name, "token": token, "value": "Ada"})[0] == 403
    assert call("waits", store=name)[0] == 200

    async def story() -> None:
        async with follow(name) as page:
            for kind, content in (
                ("answer", {"token": token, "value": "Ada"}),
                ("cancel", {}),
                ("retry", {}),
            ):
                assert await page.ask(kind, **content) == {"ok": False, "note": "You may only look here."}
            assert (await page.ask("timeline", since=0))["ok"]

    tell(story)
    assert [wait.token for wait in listed.waits()] == [token]


def test_two_stores_are_told_apart(
    follow: Follow, tell: Tell, listed: SqliteStore, id_of: IdOf, jp_root_dir: Path
) -> None:
    with made(jp_root_dir / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        new_run(other, "only-here")
        name, others = id_of(listed), id_of(other)

        async def story() -> None:
            async with follow(name) as one, follow(others) as two:
                token = ask(other, TextPrompt(prompt="Name?"))
                other.answer(token, Reply(value="x"), now_ms=1)
                await two.until(lambda view: [one["token"] for one in view["prompts"]] == [token])
                assert one.view["prompts"] == []

        tell(story)


@pytest.fixture(autouse=True)
def nothing_is_left(jp_asyncio_loop: Any) -> Iterator[None]:
    """Every socket lets go of its tasks and its store."""
    yield

    async def settle() -> None:
        while [task for task in asyncio.all_tasks() if "aether" in repr(task.get_coro())]:
            await asyncio.sleep(0.01)

    jp_asyncio_loop.run_until_complete(asyncio.wait_for(settle(), 10))

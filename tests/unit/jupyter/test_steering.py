"""Cancel, retry and delete over HTTP: a real Jupyter server, a real store, and a runtime that drives where one should."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.jupyter.doors import KERNEL, RUN, Call, Fetch, ask, new_run, write

import aether_nb as ae
from aether_nb.errors import NodeFailed, RunCancelled
from aether_nb.events import RunFinished, WaitOpened
from aether_nb.ids import RunId
from aether_nb.jupyter import registry
from aether_nb.prompts import TextPrompt
from aether_nb.runtime import Runtime
from aether_nb.store.sqlite import SqliteStore

IdOf = Callable[[SqliteStore], str]


@pytest.fixture
def kernel(configure: Callable[..., Runtime], jp_root_dir: Path, jp_environ: None) -> Runtime:
    """A kernel's runtime on a store below the root; its runs start on the server's loop."""
    return configure(store=jp_root_dir / "driven.db")


def announce(kernel: Runtime) -> str:
    made = registry.announce(kernel.store.uid, kernel.store.path, kernel.kernel)
    assert made is not None
    return made.store


@ae.graph_fn(name="greet_steered", outputs=["msg"])
async def greet(*, context: Any) -> dict[str, str]:
    first = await context.channel().ask_text("Name?", key="first")
    return {"msg": f"{first} {await context.channel().ask_text('Colour?', key='second')}"}


class Weather:
    wind = False


@ae.tool(name="sail_steered", outputs=["miles"])
async def sail() -> dict[str, int]:
    if not Weather.wind:
        raise ValueError("no wind")
    return {"miles": 3}


@ae.graphify(name="voyage_steered", outputs=["miles"])
def voyage() -> dict[str, Any]:
    return {"miles": sail().miles}


def test_a_run_that_a_kernel_drives_is_cancelled_there(
    fetch: Fetch, kernel: Runtime, jp_asyncio_loop: Any
) -> None:
    async def story() -> None:
        run = greet.start()
        await run.next_wait()
        wish = {"store": announce(kernel), "run": run.run_id}
        assert await fetch("cancel", wish) == (200, {"done": True, "note": ""})
        with pytest.raises(RunCancelled):
            await run
        status, said = await fetch("cancel", wish)
        assert (status, said["done"], said["note"]) == (200, False, "It is over already: cancelled.")

    jp_asyncio_loop.run_until_complete(story())


def test_a_node_is_cancelled_by_itself(fetch: Fetch, kernel: Runtime, jp_asyncio_loop: Any) -> None:
    async def story() -> None:
        run = greet.start()
        wait = await run.next_wait()
        wish = {"store": announce(kernel), "run": run.run_id, "node": wait.node_id}
        assert await fetch("cancel", wish) == (200, {"done": True, "note": ""})
        with pytest.raises(NodeFailed):
            await run
        assert run.nodes[wait.node_id].status == "cancelled"

    jp_asyncio_loop.run_until_complete(story())


def test_a_failed_node_is_tried_again_by_the_kernel_that_it_failed_in(
    fetch: Fetch, kernel: Runtime, jp_asyncio_loop: Any
) -> None:
    async def story() -> None:
        Weather.wind = False
        run = voyage.start()
        with pytest.raises(NodeFailed):
            await run
        Weather.wind = True
        wish = {"store": announce(kernel), "run": run.run_id}
        assert await fetch("retry", wish) == (200, {"done": True, "note": ""})
        assert (await run).miles == 3
        status, said = await fetch("retry", wish)
        assert (status, said["done"]) == (200, False)
        assert "Nothing to retry" in said["note"]

    jp_asyncio_loop.run_until_complete(story())


def test_a_failed_node_of_a_kernel_that_is_gone_says_how_to_go_on(
    fetch: Fetch, kernel: Runtime, jp_asyncio_loop: Any, configure: Callable[..., Runtime], jp_root_dir: Path
) -> None:
    async def story() -> None:
        Weather.wind = False
        run = voyage.start(run_id="lost")
        with pytest.raises(NodeFailed):
            await run
        name = announce(kernel)
        configure(store=jp_root_dir / "driven.db")
        status, said = await fetch("retry", {"store": name, "run": "lost", "node": "sail_steered"})
        assert (status, said["done"]) == (200, False)
        assert "ae.get('lost').retry('sail_steered-" in said["note"]
        status, said = await fetch("retry", {"store": name, "run": "lost", "node": "nobody"})
        assert (status, said["done"], "no node 'nobody'" in said["note"]) == (200, False, True)

    jp_asyncio_loop.run_until_complete(story())


@ae.graph_fn(name="detour_steered", outputs=["way"])
async def detour() -> dict[str, str]:
    try:
        await sail()
    except NodeFailed:
        return {"way": "walked"}
    return {"way": "sailed"}


def test_what_a_function_went_on_without_is_not_tried_again(
    fetch: Fetch, kernel: Runtime, jp_asyncio_loop: Any
) -> None:
    async def story() -> None:
        Weather.wind = False
        run = detour.start()
        assert (await run).way == "walked"
        status, said = await fetch("retry", {"store": announce(kernel), "run": run.run_id})
        assert (status, said["done"], "went on without it" in said["note"]) == (200, False, True)

    jp_asyncio_loop.run_until_complete(story())


def test_a_run_that_nobody_drives_is_cancelled_at_once_and_those_that_it_started(
    call: Call, listed: SqliteStore, id_of: IdOf
) -> None:
    token = ask(listed, TextPrompt(prompt="Name?"))
    new_run(listed, "child", parent=RUN)
    listed.close()
    again = SqliteStore(listed.path)
    name = id_of(again)
    assert call("cancel", {"store": name, "run": RUN, "node": None}) == (200, {"done": True, "note": ""})
    rows = {row.run_id: row.status for row in again.runs()}
    wait = again.wait(token)
    again.close()
    assert rows == {RUN: "cancelled", "child": "cancelled"}
    assert wait is not None
    assert wait.status == "withdrawn"


def test_a_kernel_that_is_busy_has_been_told(
    call: Call, listed: SqliteStore, id_of: IdOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether_nb.jupyter.steering._PATIENCE_S", 0.2)
    status, said = call("cancel", {"store": id_of(listed), "run": RUN})
    assert (status, said["done"], "is busy" in said["note"]) == (200, True, True)
    (mail,) = listed.mail(KERNEL)
    assert (mail.address, mail.value, mail.by) == (f"run:{RUN}:cancel", None, "you")


def test_a_finished_run_is_deleted_with_those_that_it_started(
    call: Call, listed: SqliteStore, id_of: IdOf
) -> None:
    name = id_of(listed)
    new_run(listed, "child", parent=RUN)
    new_run(listed, "other")
    asked = {"store": name, "run": RUN}
    assert call("delete", asked)[1] == {"done": False, "note": "It is running: cancel it first."}
    write(listed, RUN, RunFinished(run=RUN, seq=2, at_us=1), status="succeeded")
    assert call("delete", asked)[1] == {
        "done": False, "note": "Run child, which it started, is running: cancel it first.",
    }  # fmt: skip
    write(listed, "child", RunFinished(run=RunId("child"), seq=2, at_us=1), status="succeeded")
    status, said = call("delete", {"store": name, "run": "child"})
    assert (status, said["note"]) == (200, f"Run {RUN} started it: delete that one.")
    assert call("delete", asked | {"node": "step"})[1] == {
        "done": False,
        "note": "A run is deleted as a whole.",
    }
    assert call("delete", asked) == (200, {"done": True, "note": ""})
    assert [row.run_id for row in listed.runs()] == ["other"]
    assert call("delete", asked)[0] == 404


def test_two_that_cancel_at_once_cancel_once(
    fetch: Fetch, call: Call, listed: SqliteStore, id_of: IdOf, jp_asyncio_loop: Any
) -> None:
    ask(listed, TextPrompt(prompt="Name?"))
    name = id_of(listed)
    listed.close()

    async def story() -> list[tuple[int, Any]]:
        return await asyncio.gather(*(fetch("cancel", {"store": name, "run": RUN}) for _ in range(4)))

    told = jp_asyncio_loop.run_until_complete(story())
    assert {status for status, _ in told} == {200}
    again = SqliteStore(listed.path)
    log = again.events(RUN)
    again.close()
    assert [event.type for event in log[2:]].count("RunCancelled") == 1
    assert isinstance(log[1], WaitOpened)


WISHES = ("cancel", "retry", "delete")


@pytest.mark.parametrize("route", WISHES)
@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"store": "s"}', b'{"store": 1, "run": "r"}', b'{"store": "s", "run": "r", "path": "/"}'],
)
def test_what_is_no_wish_is_malformed(call: Call, route: str, body: bytes) -> None:
    assert call(route, body)[0] == 400


def test_wishes_for_what_is_not_there_are_not_found(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    name = id_of(listed)
    for route in WISHES:
        for run in ("", "nobody", "../../etc/passwd"):
            assert call(route, {"store": name, "run": run})[0] == 404
        for store in ("", listed.path, listed.uid, f"../{name}"):
            assert call(route, {"store": store, "run": RUN})[0] == 404


def test_nobody_steers_without_a_token_or_the_xsrf_token(
    call: Call, listed: SqliteStore, id_of: IdOf, browser: dict[str, str]
) -> None:
    asked = {"store": id_of(listed), "run": RUN}
    listed.close()
    xsrf = browser.pop("X-XSRFToken")
    for route in WISHES:
        for headers in (
            {"Authorization": ""}, {"Authorization": "token wrong"}, browser, browser | {"X-XSRFToken": "wrong"},
        ):  # fmt: skip
            assert call(route, asked, headers=headers)[0] == 403
    again = SqliteStore(listed.path)
    row = again.run(RUN)
    again.close()
    assert row is not None
    assert row.status == "running"
    assert call("cancel", asked, headers=browser | {"X-XSRFToken": xsrf})[1]["done"]


def test_a_wish_beyond_the_limit_is_refused(call: Call) -> None:
    for route in WISHES:
        assert call(route, {"store": "s", "run": "x" * (4 << 20)})[0] == 413

"""What pages hear of their stores as it happens, on a real Jupyter server and real stores."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from unit.jupyter.doors import KERNEL, Call, Stream, ask, made, new_run, now_ms

from aether_nb.ids import new_uid
from aether_nb.jupyter import registry, streaming
from aether_nb.prompts import Reply, TextPrompt
from aether_nb.store.sqlite import SqliteStore

Story = Callable[[], Awaitable[None]]


class Pages:
    """Opens streams."""

    def __init__(self, url: str, headers: dict[str, str], run: Callable[[Awaitable[None]], None]) -> None:
        self.url, self.headers, self._run = url, headers, run

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        stream = await Stream.open(self.url, self.headers)
        try:
            yield stream
        finally:
            stream.close()

    def story(self, story: Story) -> None:
        self._run(story())


@pytest.fixture
def pages(
    jp_serverapp: Any, http_server: Any, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str],
    jp_asyncio_loop: Any,
) -> Pages:  # fmt: skip
    url = f"http://127.0.0.1:{jp_http_port}{jp_base_url}aether-nb/api/stream"
    return Pages(url, jp_auth_header, jp_asyncio_loop.run_until_complete)


def only(said: Any) -> dict[str, int]:
    (one,) = said["stores"].values()
    return one


def test_a_page_hears_how_things_stand_and_then_of_each_change(pages: Pages, listed: SqliteStore) -> None:
    async def story() -> None:
        async with pages.open() as stream:
            first = await stream.next()
            assert only(first)["open"] == 0
            token = ask(listed, TextPrompt(prompt="Name?"))
            second = await stream.next()
            assert only(second)["open"] == 1
            assert only(second)["seq"] > only(first)["seq"]
            listed.answer(token, Reply(value="Ada"), now_ms=now_ms())
            assert only(await stream.next())["open"] == 0

    pages.story(story)


def test_what_is_no_news_is_not_told(
    pages: Pages, listed: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "BEAT_S", 0.6)

    async def story() -> None:
        async with pages.open() as stream:
            first = await stream.next()
            listed.beat(KERNEL, now_ms())
            listed.post("correlator:job", 1, "ana", now_ms())
            assert await stream.next("beat") == {}
            ask(listed, TextPrompt(prompt="Name?"))
            assert only(await stream.next())["open"] == only(first)["open"] + 1

    pages.story(story)


def test_many_changes_at_once_are_told_a_few_times_a_second(pages: Pages, listed: SqliteStore) -> None:
    async def story() -> None:
        async with pages.open() as stream:
            await stream.next()
            work = asyncio.create_task(
                asyncio.to_thread(lambda: [ask(listed, TextPrompt(prompt=f"{n}?")) for n in range(100)])
            )
            began, heard, still = time.monotonic(), 0, 0
            while still < 100:
                still = only(await stream.next())["open"]
                heard += 1
            await work
            assert heard <= 2 + (time.monotonic() - began) / streaming.PAUSE_S

    pages.story(story)


def test_a_kernel_that_dies_is_news(pages: Pages, listed: SqliteStore) -> None:
    async def story() -> None:
        async with pages.open() as stream:
            first = await stream.next()
            listed.close()
            assert only(await stream.next())["seq"] > only(first)["seq"]

    pages.story(story)


def test_a_kernel_that_dies_as_soon_as_it_asked_is_news(
    pages: Pages, listed: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_DEEP_EVERY", 20)  # looks: it lives between two deep ones only

    async def story() -> None:
        async with pages.open() as stream:
            await stream.next()
            kernel = new_uid()
            with closing(SqliteStore(Path(listed.path))) as other:
                other.register_kernel(kernel, "other.ipynb", now_ms())
                new_run(other, "other-1", kernel=kernel)
                begun = await stream.next()
            assert only(await stream.next())["seq"] > only(begun)["seq"]

    pages.story(story)


def test_a_store_that_comes_or_goes_is_news(pages: Pages, listed: SqliteStore, jp_root_dir: Path) -> None:
    async def story() -> None:
        async with pages.open() as stream:
            assert len((await stream.next())["stores"]) == 1
            with made(jp_root_dir / "other.db") as other:
                registry.announce(other.uid, other.path, KERNEL)
                while len((await stream.next())["stores"]) != 2:
                    pass
            for file in jp_root_dir.glob("other.db*"):
                file.unlink()
            while len((await stream.next())["stores"]) != 1:
                pass
            ask(listed, TextPrompt(prompt="Name?"))
            while only(await stream.next())["open"] != 1:
                pass

    pages.story(story)


def test_a_store_is_heard_of_as_soon_as_a_kernel_announced_it(
    pages: Pages, listed: SqliteStore, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_DEEP_EVERY", 1_000_000)  # not by chance

    async def story() -> None:
        async with pages.open() as stream:
            assert len((await stream.next())["stores"]) == 1
            with made(jp_root_dir / "other.db") as other:
                registry.announce(other.uid, other.path, KERNEL)
                while len((await stream.next())["stores"]) != 2:
                    pass

    pages.story(story)


def test_all_pages_share_one_look_at_each_store(pages: Pages, listed: SqliteStore) -> None:
    earlier = set(threading.enumerate())  # what another test's server left

    def watchers() -> int:
        return sum(t.name.startswith("aether-hub") and t not in earlier for t in threading.enumerate())

    async def story() -> None:
        streams = [await Stream.open(pages.url, pages.headers) for _ in range(20)]
        for stream in streams:
            await stream.next()
        assert watchers() == 1
        ask(listed, TextPrompt(prompt="Name?"))
        assert [only(await stream.next())["open"] for stream in streams] == [1] * 20
        for stream in streams:
            stream.close()
        while watchers():
            await asyncio.sleep(0.01)
        async with pages.open() as stream:
            assert only(await stream.next())["open"] == 1

    pages.story(story)


def test_a_store_that_is_locked_does_not_hold_the_others_up(
    pages: Pages, listed: SqliteStore, jp_root_dir: Path
) -> None:
    async def story() -> None:
        with made(jp_root_dir / "other.db") as other, closing(sqlite3.connect(other.path)) as holder:
            other.close()
            holder.execute("PRAGMA journal_mode = DELETE")
            holder.execute("BEGIN EXCLUSIVE")
            registry.announce(other.uid, other.path, KERNEL)
            async with pages.open() as stream:
                await stream.next()
                ask(listed, TextPrompt(prompt="Name?"))
                while 1 not in [one["open"] for one in (await stream.next())["stores"].values()]:
                    pass
                holder.rollback()

    pages.story(story)


def test_nobody_follows_without_a_token(pages: Pages, call: Call, listed: SqliteStore) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "token wrong"}):
        assert call("stream", headers=headers)[0] == 403


def test_a_page_from_elsewhere_follows_nothing(
    pages: Pages, call: Call, listed: SqliteStore, browser: dict[str, str]
) -> None:
    assert call("stream", headers=browser | {"Origin": "https://evil.example"})[0] == 404


def test_there_is_an_end_to_how_many_follow(
    pages: Pages, call: Call, listed: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_MOST", 0)
    assert call("stream")[0] == 503

"""The server half under load: `make soak`, ten minutes; the tests run some seconds of it.

A kernel (a process of its own) keeps runs going that ask and compute; a Jupyter server lists and takes their answers;
pages follow its stream and fetch the open questions; people answer. At the end every answer that was accepted must have
come out of a run, no request may have failed, and, over ten minutes, neither process may have grown.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

import aether_nb as ae
from aether_nb.channels.widget import WidgetChannel
from aether_nb.jupyter import registry
from benchmarks.harness import ROOT, folder

PAGES = 20
ANSWERS_PER_S = 10
RUNS = 40
"""At a time."""
QUESTIONS = 10
"""Of each run."""
GROWN_MB = 6.0
"""What a process may grow by from its second fifth to its last."""


# -- the kernel --------------------------------------------------------------------------------------


@ae.tool(outputs=["text"])
async def compute(text: str, n: int) -> dict[str, str]:
    """What a run does between its questions."""
    await asyncio.sleep(0.01)
    return {"text": f"{text}{n}"}


@ae.graph_fn(outputs=["answers"])
async def interview(*, context: Any) -> dict[str, list[str]]:
    """Questions, and some nodes after each."""
    answers = []
    for n in range(QUESTIONS):
        answers.append(await context.channel().ask_text(f"Question {n}?", key=f"q{n}"))
        for step in range(3):
            await compute(answers[-1], step)
    return {"answers": answers}


async def kernel(store: Path, heard: Path) -> None:
    """Keep runs going, and write down what they were answered; until the standard input ends."""
    ae.configure(store=store, channel=WidgetChannel())
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    with heard.open("a", encoding="utf-8") as out:

        async def one() -> None:
            while not over.is_set():
                for answer in (await interview.start()).answers:
                    out.write(f"{answer}\n")
                out.flush()

        runs = [asyncio.create_task(one()) for _ in range(RUNS)]
        while not ae.waits():  # noqa: ASYNC110 - nobody tells of the first question of many runs
            await asyncio.sleep(0.01)
        runtime = ae.api.current()
        assert registry.announce(runtime.store.uid, runtime.store.path, runtime.kernel) is not None
        print("ready", flush=True)
        await over.wait()
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


# -- everybody else ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Load:
    """What happened.

    Attributes:
        accepted: answers that the server accepted, by their text.
        lost: those of them that no run got.
        errors: what failed, by kind, and how often.
        answered_s: how long answers took to be accepted.
        asked_s: how long the open questions took to fetch.
        sizes_mb: by process, what it held in memory, a hundred times.
        news: how much the pages heard together.
    """

    accepted: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    errors: Counter[str] = field(default_factory=Counter)
    answered_s: list[float] = field(default_factory=list)
    asked_s: list[float] = field(default_factory=list)
    sizes_mb: dict[str, list[float]] = field(default_factory=dict)
    news: int = 0


class Server:
    """A Jupyter server with the extension, and what talks to it."""

    def __init__(self, home: Path) -> None:
        self.token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = {**os.environ, "HOME": str(home)} | {
            f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
        }
        self._log = (home / "server.log").open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={self.port}",
                "--port-retries=0", f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={home}",
                "--ServerApp.jpserver_extensions={'aether_nb.jupyter.server': True}", "--log-level=ERROR",
            ],
            env=self.environment, cwd=home, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._client = AsyncHTTPClient(force_instance=True, max_clients=200)

    async def ask(self, route: str, body: Any = None, **options: Any) -> HTTPResponse:
        """Send a request, to a route of ours."""
        request = HTTPRequest(
            urljoin(f"http://127.0.0.1:{self.port}/aether-nb/api/", route), method="GET" if body is None else "POST",
            body=None if body is None else json.dumps(body), headers={"Authorization": f"token {self.token}"},
            **{"request_timeout": 60, **options},
        )  # fmt: skip
        return await self._client.fetch(request)

    async def ready(self) -> None:
        """Wait until it answers."""
        while True:
            with contextlib.suppress(OSError):
                await self.ask("stores")
                return
            await asyncio.sleep(0.05)

    async def stream(self) -> AsyncIterator[bytes]:
        """What a page hears, line by line."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = [
                "GET /aether-nb/api/stream HTTP/1.1",
                "Host: localhost",
                f"Authorization: token {self.token}",
            ]
            writer.write("\r\n".join([*head, "", ""]).encode())
            while line := await reader.readline():
                yield line.strip()
        finally:
            writer.close()

    def stop(self) -> None:
        """End it."""
        self._client.close()
        self.process.terminate()
        self.process.wait()
        self._log.close()


async def soak(seconds: float, home: Path) -> Load:
    """Put the load on, and see what came of it."""
    load, server, heard = Load(), Server(home), home / "heard.txt"
    worker = _worker(server, home / ".aether" / "runs.db", heard)
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        await asyncio.to_thread(worker.stdout.readline)
        await server.ready()
        (store,) = json.loads((await server.ask("stores")).body)["stores"]
        pids = {"server": server.process.pid, "kernel": worker.pid}
        weighing = _weigh(pids, load.sizes_mb, seconds)
        async with _meanwhile(*(_page(server, load) for _ in range(PAGES)), weighing):
            await _answer(server, store["store"], seconds, load)
        load.lost = await _lost(server, store["store"], heard, load)
    finally:
        worker.stdin.close()
        worker.stdout.close()
        worker.wait()
        server.stop()
    return load


def _worker(server: Server, store: Path, heard: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.soak", "--kernel", str(store), str(heard)], cwd=ROOT,
        env=server.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _meanwhile(*work: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _page(server: Server, load: Load) -> None:
    """Follow the stream; fetch the open questions when there is news, once a second at most."""
    news = asyncio.Event()

    async def fetch() -> None:
        while True:
            await news.wait()
            news.clear()
            began = time.perf_counter()
            try:
                await server.ask("waits?limit=50")
            except (HTTPClientError, OSError) as e:
                load.errors[f"waits: {e}"] += 1
            load.asked_s.append(time.perf_counter() - began)
            await asyncio.sleep(1)

    async with _meanwhile(fetch()):
        try:
            async for line in server.stream():
                if line == b"event: news":
                    load.news += 1
                    news.set()
        except OSError as e:
            load.errors[f"stream: {e}"] += 1
        load.errors["stream: it ended"] += 1


async def _answer(server: Server, store: str, seconds: float, load: Load) -> None:
    """People: each takes the next open question."""
    until, n, tokens = time.monotonic() + seconds, 0, list[str]()
    answering: set[asyncio.Task[None]] = set()
    done: set[str] = set()

    async def one(token: str, text: str) -> None:
        began = time.perf_counter()
        try:
            said = json.loads(
                (await server.ask("answer", {"store": store, "token": token, "value": text})).body
            )
        except (HTTPClientError, OSError) as e:
            load.errors[f"answer: {e}"] += 1
            return
        load.answered_s.append(time.perf_counter() - began)
        if said["accepted"]:
            load.accepted.add(text)
        else:
            load.errors[f"answer: {said['status']}"] += 1

    while time.monotonic() < until:
        if not tokens:
            rows = json.loads((await server.ask("waits?limit=100")).body)["waits"]
            tokens = [row["token"] for row in rows if row["token"] not in done]
        if tokens:
            n += 1
            token = tokens.pop(0)
            done.add(token)
            task = asyncio.create_task(one(token, f"answer-{n}"))
            answering.add(task)
            task.add_done_callback(answering.discard)
        await asyncio.sleep(1 / ANSWERS_PER_S)
    await asyncio.gather(*answering)


async def _weigh(pids: dict[str, int], sizes: dict[str, list[float]], seconds: float) -> None:
    """How much memory each process has, a hundred times."""
    while True:
        for name, pid in pids.items():
            sizes.setdefault(name, []).append(_size_mb(pid))
        await asyncio.sleep(seconds / 100)


def _size_mb(pid: int) -> float:
    """What is its own: not the files that it has mapped, which the system may take back at any time."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def _growth(sizes: list[float]) -> float:
    fifth = max(1, len(sizes) // 5)
    return statistics.median(sizes[-fifth:]) - statistics.median(sizes[fifth : 2 * fifth] or sizes)


async def _lost(server: Server, store: str, heard: Path, load: Load) -> set[str]:
    """Accepted answers that are in no run: neither written down at its end nor in the log of one that goes on."""
    until = time.monotonic() + 20
    while (lost := load.accepted - await _found(server, store, heard)) and time.monotonic() < until:  # noqa: ASYNC110 - of processes
        await asyncio.sleep(0.2)  # the last of them are on their way
    return lost


async def _found(server: Server, store: str, heard: Path) -> set[str]:
    found = _words(heard)
    for status in ("running", "waiting"):
        rows = json.loads((await server.ask(f"runs?store={store}&status={status}&limit=500")).body)["runs"]
        for row in rows:
            log = await server.ask(f"events?store={store}&run={row['run_id']}&limit=10000")
            taken = [event for event in json.loads(log.body)["events"] if event["type"] == "ReplyTaken"]
            found |= {event["reply"]["value"] for event in taken}
    return found | _words(heard)


def _words(file: Path) -> set[str]:
    return set(file.read_text(encoding="utf-8").split()) if file.exists() else set()


def _told(load: Load, seconds: float) -> Iterator[str]:
    yield f"{len(load.accepted)} answers in {seconds:g} s, {len(load.lost)} lost; {load.news} news for {PAGES} pages"
    for name, times in (("answer", load.answered_s), ("open questions", load.asked_s)):
        if times:
            worst = sorted(times)[int(len(times) * 0.99)]
            yield f"{name}: median {statistics.median(times) * 1e3:.1f} ms, 99 % in {worst * 1e3:.1f} ms"
    for name, sizes in load.sizes_mb.items():
        path = " ".join(f"{mb:.1f}" for mb in sizes[:: max(1, len(sizes) // 10)])
        yield f"{name}: {path} MB, grown by {_growth(sizes):+.1f} MB"
    yield from (f"error: {what} ({n} times)" for what, n in load.errors.items())


def main() -> int:
    """Run it; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--kernel", nargs=2, type=Path, metavar=("store", "heard"), help="be the kernel")
    given = parser.parse_args()
    if given.kernel:
        asyncio.run(kernel(*given.kernel))
        return 0
    with folder() as home:
        load = asyncio.run(soak(given.seconds, home))
    print("\n".join(_told(load, given.seconds)))
    grown = given.seconds >= 300 and any(_growth(sizes) > GROWN_MB for sizes in load.sizes_mb.values())
    return int(bool(load.lost or load.errors or grown))


if __name__ == "__main__":
    sys.exit(main())

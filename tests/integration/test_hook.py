"""A real Jupyter server, a real kernel of it, and a service that reports back: what `ae.configure(hook=True)` is for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse

from benchmarks.soak import Server

CELL = """
import aether_nb as ae
from aether_nb.tools import http_callback

ae.configure(hook=True)

@http_callback
async def render(*, url):
    print(url)

@ae.graph_fn(outputs=["frames"])
async def film():
    return {"frames": (await render()).value["frames"]}

run = film.start()
wait = await run.next_wait()
"""


def begin_kernel(server: Server, home: Path) -> BlockingKernelClient:
    """Have the server start a kernel, as a page does."""
    kernel = json.loads(asyncio.run(server.ask("/api/kernels", {})).body)
    client = BlockingKernelClient(connection_file=str(home / "runtime" / f"kernel-{kernel['id']}.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return client


def executing(client: BlockingKernelClient) -> Callable[[str], str]:
    """Execute a cell, and give what it printed."""

    def execute(code: str) -> str:
        said: list[dict[str, Any]] = []
        reply = client.execute_interactive(code, timeout=60, output_hook=said.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(one["content"].get("text", "") for one in said if one["msg_type"] == "stream")

    return execute


@pytest.mark.timeout(180)
def test_a_service_that_was_given_a_url_reports_back_to_the_server_of_the_notebook(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        asyncio.run(server.ready())
        client = begin_kernel(server, tmp_path)
        execute = executing(client)
        url = execute(CELL).strip()
        assert url.startswith("http://")
        assert json.loads(asyncio.run(reported(url)).body) == {"accepted": True}
        assert execute("print((await run).frames)") == "24\n"
        with pytest.raises(HTTPClientError) as second:
            asyncio.run(reported(url))
        assert second.value.code == 410
        client.stop_channels()
    finally:
        server.stop()


async def reported(url: str) -> HTTPResponse:
    """What the service is told that reports back."""
    return await AsyncHTTPClient().fetch(url, method="POST", body='{"frames": 24}')

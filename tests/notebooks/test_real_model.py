"""The class in lesson 6 that talks to a real model, against a server that has the format and no model."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import nbformat
import pytest
from helpers import ROOT

REPLY = {"role": "assistant", "content": "Jupiter is the largest."}


class Server(BaseHTTPRequestHandler):
    asked: ClassVar[list] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body))
        said = json.dumps({"choices": [{"index": 0, "message": REPLY, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_args):
        """Nothing."""


@pytest.fixture
def url():
    Server.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


async def test_it_asks_in_the_format_of_chat_completions_and_gives_the_message(url):
    names: dict = {}
    for cell in nbformat.read(ROOT / "notebooks" / "06_asks_first.ipynb", as_version=4).cells:
        if cell.cell_type == "code" and cell.source.startswith(("import asyncio", "class ChatModel")):
            exec(cell.source, names)
    messages, tools = [{"role": "user", "content": "Which is the largest?"}], [{"type": "function"}]
    model = names["ChatModel"](url, "small", key="sesame")
    assert await model.complete(messages, tools) == REPLY
    assert Server.asked == [
        ("/v1/chat/completions", "Bearer sesame", {"model": "small", "messages": messages, "tools": tools})
    ]

"""Real kernels of several ipykernel versions, for tests that must see them behave.

They are the environments in `.venvs` of the checkout, or the interpreters named in AETHER_NB_KERNELS
(separated as in PATH); without either, the interpreter that runs the tests.
"""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import ENVIRONMENTS, ROOT
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec


def interpreters() -> list[Any]:
    """One pytest parameter per kernel environment, named after its folder."""
    named = [Path(p) for p in os.environ.get("AETHER_NB_KERNELS", "").split(os.pathsep) if p]
    found = [p for p in sorted(ENVIRONMENTS.glob("*/bin/python")) if _has_ipykernel(p)]
    return [pytest.param(str(p), id=p.parent.parent.name) for p in named or found or [Path(sys.executable)]]


def _has_ipykernel(python: Path) -> bool:
    return any(python.parent.parent.glob("lib/python3*/site-packages/ipykernel"))


class LiveKernel:
    """One kernel process and its only client, as a page would be."""

    def __init__(self, python: str, **env: str) -> None:
        self.manager = KernelManager()
        self.manager._kernel_spec = KernelSpec(
            argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="tested", language="python",
        )  # fmt: skip
        self.manager.start_kernel(
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"} | env
        )
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=15)
        self.published: list[dict[str, Any]] = []
        self._replies: dict[str, dict[str, Any]] = {}

    def send(self, code: str, *, stdin: bool = False, **metadata: Any) -> str:
        """Run a cell; returns the message id that its outputs and its reply bear."""
        message = self.client.session.msg(
            "execute_request",
            {"code": code, "silent": False, "store_history": True, "user_expressions": {},
             "allow_stdin": stdin, "stop_on_error": True},
            metadata=metadata,
        )  # fmt: skip
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def subshell(self) -> str | None:
        """A new subshell, over which Lab sends comms by default; None where the kernel has none."""
        self.client.kernel_info()
        info = self.client.get_shell_msg(timeout=8)
        while info["msg_type"] != "kernel_info_reply":
            info = self.client.get_shell_msg(timeout=8)
        if "kernel subshells" not in info["content"].get("supported_features", []):
            return None
        self.client.control_channel.send(self.client.session.msg("create_subshell_request"))
        return str(self.client.get_control_msg(timeout=8)["content"]["subshell_id"])

    def comm(self, comm_id: str, data: Any, subshell: str | None = None) -> str:
        """Send a comm message, as the page does; returns its id."""
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def reply(self, msg_id: str, timeout: float = 8) -> dict[str, Any]:
        """The cell's reply."""
        until = time.monotonic() + timeout
        while msg_id not in self._replies:
            message = self.client.get_shell_msg(timeout=max(0.0, until - time.monotonic()))
            self._replies[message["parent_header"].get("msg_id", "")] = message["content"]
        return self._replies[msg_id]

    def run(self, code: str, timeout: float = 8) -> str:
        """Run a cell to its end; returns what it printed."""
        msg_id = self.send(code)
        content = self.reply(msg_id, timeout)
        assert content["status"] == "ok", "\n".join(content.get("traceback", []))
        self.until(lambda m: m["msg_type"] == "status" and idle_of(m, msg_id), timeout)
        return self.printed(msg_id)

    def until(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 8) -> dict[str, Any]:
        """The first published message, past or to come, that is wanted."""
        for message in self.published:
            if wanted(message):
                return message
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"not seen within {timeout} s; seen: {[m['msg_type'] for m in self.published]}")
            self.published.append(message)
            if wanted(message):
                return message

    def until_printed(self, msg_id: str, text: str) -> None:
        """Wait until the cell has printed this."""
        if text not in self.printed(msg_id):
            self.until(lambda m: m["msg_type"] == "stream" and text in self.printed(msg_id))

    def printed(self, msg_id: str) -> str:
        """All that the cell has printed so far."""
        return "".join(
            m["content"]["text"]
            for m in self.published
            if m["msg_type"] == "stream" and m["parent_header"].get("msg_id") == msg_id
        )

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.manager.context.destroy()


def idle_of(message: dict[str, Any], msg_id: str) -> bool:
    """Whether this is the status that says: all about that message is done."""
    return (
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"].get("msg_id") == msg_id
    )


def live(python: str, **env: str) -> Iterator[LiveKernel]:
    """Body of a fixture."""
    kernel = LiveKernel(python, **env)
    try:
        yield kernel
    finally:
        kernel.stop()

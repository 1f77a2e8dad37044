"""The kernel as we need it: widget messages while a cell waits, and outputs in the launching cell.

The widget host calls this. It is the only module that touches ipykernel's internals (`reenter.py`
touches the loop), everything it changes it can put back, and importing it imports no kernel.

*The pump.* A kernel handles one shell message at a time. While a cell awaits an answer, the comm
message that brings the answer stands in the queue behind that cell: a deadlock. The pump is a filter
on the stream from which the main thread receives shell messages. A message of a comm that was let
through goes straight to the comm manager; everything else takes the kernel's own way, in order. The
kernel's queue, locks, parent headers and signal handlers are left alone, so there is nothing to save
and restore around a delivery, and it works just as well inside `reenter.run_until_complete`.

- 6.x: the stream is `kernel.shell_stream`. Without the pump: deadlock.
- 7.0-7.3: it is the inproc pair from the shell channel thread. Without the pump: deadlock, unless the
  page sends comms over subshells (Lab's default): then callbacks come on a *subshell thread*, past the
  filter.
- 7.4: the same pair. Without the pump comms are delivered while an async cell waits, but not marked
  idle, and not while a synchronous cell has re-entered the loop.

*Lost requests.* On 7.0-7.3 the shell channel thread sends replies on the bare socket that its stream
reads. A request that arrives in that moment is read by nobody, nor is any later one: the kernel idles,
the cell stays `[*]` for good, about one cell in a few hundred when several are queued (ipykernel's issue
1554). The pump makes the replies go through the stream, as 7.4 does.

So a callback may come on the main thread or, on 7.0-7.3, on a subshell's: who receives it must enter
the loop by `call_soon_threadsafe` and nothing else. On the main thread it runs outside every cell:
what it prints has no cell to go to, and a task it starts would inherit that.

*Interrupts*, the same on 6.31, 7.0, 7.1, 7.3 and 7.4:

- A cell that awaits: ipykernel cancels the cell's task. The future that it awaits is cancelled (so
  what is shared with a run must be shielded), `CancelledError` is raised at the `await` and is the
  cell's error; other tasks notice nothing. No `KeyboardInterrupt` anywhere, however often it is pressed.
- A synchronous cell: `KeyboardInterrupt` wherever the main thread is, also in the middle of another
  task's step when the loop is re-entered. `reenter.py` turns the first one into a cancellation.
- An idle kernel: SIGINT is ignored; background tasks notice nothing.
- Cells that were queued behind the interrupted one are aborted, as after any error.
"""

from __future__ import annotations

import contextvars
import hashlib
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["6", "7.0", "7.4", "none"]
"""How the kernel is built; `none`: not as we know it, and nothing was changed."""

_COMM = frozenset({"comm_msg", "comm_close"})


def current_kernel() -> Any | None:
    """The ipykernel that this process is, or None; imports nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    return kernel if hasattr(kernel, "iopub_socket") else None


# -- messages ------------------------------------------------------------------------------------


class Pump:
    """Lets the messages of chosen comms overtake the shell queue. Made by `install`, one per kernel.

    All methods are for the main thread, `let_through` and `hold_back` for any.
    """

    kind: Kind

    def __init__(self, kernel: Any, kind: Kind, stream: Any) -> None:
        self.kind = kind
        self._kernel = kernel
        self._stream = stream
        self._through: set[str] = set()
        self._queue: Callable[[Sequence[Any]], Any] | None = None
        if stream is not None:
            self._queue = stream._recv_callback
            self._copy = stream._recv_copy
            stream.on_recv(self._on_recv, copy=self._copy)
        if kind == "7.0":
            kernel.shell_channel_thread.manager._shell_socket = kernel.shell_stream

    @classmethod
    def install(cls, kernel: Any) -> Pump:
        """The pump of this kernel, put in now if it is not there yet.

        Call it from the main thread: from any other, and for a kernel that is not built as expected,
        the answer is a pump of kind `none` that does nothing; replies then come by HTTP. Never raises.
        """
        if threading.current_thread() is threading.main_thread():
            try:
                kind, stream = _shell_stream(kernel)
                there = getattr(stream._recv_callback, "__self__", None)
                return there if isinstance(there, cls) else cls(kernel, kind, stream)
            except Exception:  # noqa: BLE001 - internals of a version that nobody has seen yet
                return cls(kernel, "none", None)
        return cls(kernel, "none", None)

    def let_through(self, comm_id: str) -> None:
        """From now on messages of this comm overtake. Say it before its widget is shown."""
        self._through.add(comm_id)

    def hold_back(self, comm_id: str) -> None:
        """Messages of this comm queue again, like all others."""
        self._through.discard(comm_id)

    def restore(self) -> None:
        """Give the stream back its own callback and forget all comms. Idempotent.

        If something else has wrapped the stream since, the filter stays in its place and lets everything
        take the kernel's way.
        """
        self._through.clear()
        if self._stream is not None and self._stream._recv_callback == self._on_recv:
            self._stream.on_recv(self._queue, copy=self._copy)
            self._stream = None
            if self.kind == "7.0":
                self._kernel.shell_channel_thread.manager._shell_socket = self._kernel.shell_stream.socket

    def _on_recv(self, frames: Sequence[Any]) -> Any:
        if self._through and self._is_ours(frames):
            # The stream reuses one context for all its messages; callbacks must not leave traces in it.
            return contextvars.copy_context().run(self._deliver, frames)
        assert self._queue is not None
        return self._queue(frames)

    def _is_ours(self, frames: Sequence[Any]) -> bool:
        """Look at a message without checking its signature: whoever handles it does that, once."""
        try:
            session = self._kernel.session
            _, parts = session.feed_identities(frames, copy=False)
            if session.unpack(parts[1].bytes)["msg_type"] not in _COMM:
                return False
            return session.unpack(parts[4].bytes)["comm_id"] in self._through
        except Exception:  # noqa: BLE001 - the kernel's own marks, or damaged: its own code knows what to do
            return False

    def _deliver(self, frames: Sequence[Any]) -> None:
        """Hand a comm message to its handler, with the statuses that tell the page when it is done.

        Without the idle the page keeps each message it sent, buffers included, and holds back the
        next state of a widget. The busy at the end is for the cell that still runs.
        """
        kernel = self._kernel
        try:
            idents, parts = kernel.session.feed_identities(frames, copy=False)
            message = kernel.session.deserialize(parts, content=True, copy=False)
            kernel._publish_status("busy", "shell", parent=message)
            try:
                kernel.shell_handlers[message["msg_type"]](self._stream, idents, message)
            finally:
                kernel._publish_status("idle", "shell", parent=message)
                # The kernel ignores SIGINT exactly while it handles nothing.
                if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                    kernel._publish_status("busy", "shell")
        except Exception:  # as the kernel does with its own: a bad message stops nothing
            kernel.log.exception("aether_nb: a widget message could not be handled")


def _shell_stream(kernel: Any) -> tuple[Kind, Any]:
    """How the kernel is built, and the stream on which the main thread gets shell messages.

    Raises:
        Exception: anything at all, if it is not built like that.
    """
    thread = getattr(kernel, "shell_channel_thread", None)
    stream = kernel.shell_stream if thread is None else thread.manager._shell_channel_to_main.to_stream
    needed = (
        callable(stream._recv_callback), stream._recv_copy is False, callable(stream.on_recv),
        callable(kernel.session.feed_identities), callable(kernel.session.deserialize),
        callable(kernel.shell_handlers["comm_msg"]), callable(kernel.shell_handlers["comm_close"]),
        "parent" in inspect.signature(kernel._publish_status).parameters,
    )  # fmt: skip
    if not all(needed):
        raise TypeError("the shell stream is not as expected")
    if thread is None:
        return "6", stream
    if "concurrent" in inspect.signature(kernel.dispatch_shell).parameters:
        return "7.4", stream
    if thread.manager._shell_socket not in (kernel.shell_stream, kernel.shell_stream.socket):
        raise TypeError("replies are not sent as expected")
    return "7.0", stream


# -- cells and their outputs ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known about the cell that is being executed."""

    cell_id: str
    """The notebook's own id of the cell; a hash of its text where the page does not send one; or empty."""
    msg_id: str
    """Names this one execution."""
    notebook: str
    """The notebook's path as the server knows it; empty outside one."""
    allow_stdin: bool
    """Whether the page can answer `input()`."""


def cell_of(kernel: Any) -> Cell:
    """The cell that the calling code (or the task it runs in, on ipykernel 7) was started by."""
    parent = kernel.get_parent("shell") or {}
    content = parent.get("content") or {}
    code = str(content.get("code") or "")
    named = (parent.get("metadata") or {}).get("cellId")
    hashed = hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=8).hexdigest() if code else ""
    return Cell(
        cell_id=str(named or hashed),
        msg_id=str((parent.get("header") or {}).get("msg_id", "")),
        notebook=os.environ.get("JPY_SESSION_NAME", ""),
        allow_stdin=bool(content.get("allow_stdin")),
    )


class CellOutput:
    """Outputs of the cell in which it was made, whatever cell runs when they are made.

    `IPython.display.display()` from a task goes to the running cell on ipykernel 6, and from a thread
    to none on 7. Here the parent header is taken once and sent along every time. For the main thread.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self.parent = kernel.get_parent("shell")

    def publish(
        self, bundle: Mapping[str, Any], metadata: Mapping[str, Any], display_id: str | None = None
    ) -> None:
        """Add an output to the cell.

        Args:
            bundle: JSON or text by MIME type; binary formats already in base64.
            metadata: by MIME type.
            display_id: what `update` finds it by.
        """
        self._send("display_data", bundle, metadata, display_id)

    def update(
        self, display_id: str, bundle: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Replace every output that bears this display id. After a page reload nothing bears it any more."""
        self._send("update_display_data", bundle, metadata or {}, display_id)

    def _send(
        self, kind: str, bundle: Mapping[str, Any], metadata: Mapping[str, Any], display_id: str | None
    ) -> None:
        for text in (sys.stdout, sys.stderr):  # what was printed before stands before
            text.flush()
        transient = {} if display_id is None else {"display_id": display_id}
        self._kernel.session.send(
            self._kernel.iopub_socket,
            kind,
            {"data": dict(bundle), "metadata": dict(metadata), "transient": transient},
            parent=self.parent,
            ident=self._kernel._topic(kind),
        )

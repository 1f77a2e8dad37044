"""What a body sees of its run: `context`, and the channel that it hands out.

Given to who asks for it by a keyword-only parameter named `context`. All that lasts goes through a
`Body`: inside a run that is an `Activation` (journalled, replayed), outside a detached one.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
import uuid as uuid_module
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from aether_nb.engine.asking import Asks
from aether_nb.engine.failures import in_words
from aether_nb.engine.ports import Artifacts, Services
from aether_nb.engine.saying import Says
from aether_nb.engine.telling import Narrator, Source
from aether_nb.engine.waits import is_span
from aether_nb.errors import BadInputs, OutsideRun
from aether_nb.frames import user_frames
from aether_nb.messages import Message
from aether_nb.values import show, written
from aether_nb.values.secrets import hidden

_LOG = logging.getLogger("aether_nb.run")


class Body(Protocol):
    """What a context stands on."""

    run_id: str
    node_id: str
    attempt: int
    generation: int
    """How often a person sent the node back."""
    services: Services
    wait_token: str | None
    """The token of the node's wait, in the stages of a dual-stage tool that has told the log of it."""

    @property
    def asleep(self) -> bool:
        """Whether the run sleeps here, as when the kernel ends: a cancellation then withdraws nothing."""

    def ask(
        self, tool: str, inputs: dict[str, Any], key: str | None, *, pick: str | None = None
    ) -> Coroutine[Any, Any, Any]:
        """Ask a person, durably, by the dual-stage tool of that name; the output `pick`, or all of them."""

    def send(
        self, name: str, inputs: Mapping[str, Any], message: Message | Callable[[], Awaitable[Message]]
    ) -> Awaitable[None]:
        """Say something, once: the call's name, what makes it what it is, and what to say, or what makes that."""

    def tell(
        self, name: str, inputs: Mapping[str, Any], source: Source, *, awaited: bool = False
    ) -> Narrator:
        """Begin to tell something that takes its time: a bar, a stream. From any thread of the body."""

    def recorded(self, name: str, make: Callable[[], Any]) -> Any:
        """A value that is made once and then always the same for this call."""

    async def remember(self, kind: str, data: Any) -> Any:
        """Record a fact, once."""

    async def sleep_until(self, at_us: int) -> None:
        """Sleep; what is left of it after a restart."""

    def now_us(self) -> int:
        """The clock, not recorded."""


class NodeContext:
    """A body's view of its run."""

    def __init__(self, body: Body) -> None:
        self._body = body

    @functools.cached_property
    def cancelled(self) -> threading.Event:
        """Set when the node is cancelled or timed out; a sync body may look at it and return."""
        return threading.Event()

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._body.run_id

    @property
    def node_id(self) -> str:
        """The node's id; `""` in the run's own graph function."""
        return self._body.node_id

    @property
    def attempt(self) -> int:
        """Which attempt of the node this is, counted from 1."""
        return self._body.attempt

    @property
    def idempotency_key(self) -> str:
        """The same string on every attempt and after every crash; another one after `run.retry(node)`.

        For effects that must happen once: hand it to the outside world with the request.
        """
        return f"{self.run_id}/{self.node_id}/{self._body.generation}"

    @property
    def wait_token(self) -> str:
        """The token of the wait of this node, for the outside world: whoever has it can answer.

        Stored before Stage A begins, and the same when Stage A runs again after a crash; a reply that comes
        before the wait does is kept for it.

        Raises:
            OutsideRun: this is no stage of a dual-stage tool, or one with `pure_setup`.
        """
        token = self._body.wait_token
        if token is None:
            raise OutsideRun(
                f"{self.node_id!r} has no wait token here: only the stages of a dual-stage tool have one, and "
                "`setup` only when the class does not say `pure_setup = True`."
            )
        return token

    @property
    def wait_url(self) -> str:
        """The address at which the outside world can answer this node's wait; it ends in `wait_token`.

        At the hook of the Jupyter server (`ae.configure(hook=True)`) only a wait of kind `callback` without a
        question is answered.

        Raises:
            OutsideRun: there is no token here, or nobody said where replies come in.
        """
        token, base = self.wait_token, self._body.services.callback_url
        if not base:
            raise OutsideRun(
                f"{self.node_id!r} needs an address for replies: ae.configure(hook=True) for the one of the Jupyter "
                "server, ae.configure(callback_url='https://...'), or the environment variable AETHER_NB_CALLBACK_URL."
            )
        return f"{base.rstrip('/')}/{token}"

    def channel(self) -> ChannelHandle:
        """Where messages go and questions are asked."""
        return ChannelHandle(self._body)

    def memory(self) -> MemoryHandle:
        """Facts that last, over all runs of this store."""
        return MemoryHandle(self._body)

    def kv(self, namespace: str = "default") -> MutableMapping[str, Any]:
        """A dict that lasts, over all runs of this store. Not journalled: a replay reads it again."""
        kv: MutableMapping[str, Any] = self._body.services.kv(namespace)
        return kv

    def artifacts(self) -> Artifacts:
        """Files that last, by content."""
        return self._body.services.artifacts

    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A standard logger (`aether_nb.run`) with run and node in each line; the page shows its last lines, too."""
        return _RunLogger(self._body)

    def service(self, name: str) -> Any:
        """An object given to `ae.configure(services={...})`.

        Raises:
            OutsideRun: there is no such service; the message says which there are.
        """
        named = self._body.services.named
        if name not in named:
            have = ", ".join(sorted(named)) or "none"
            raise OutsideRun(
                f"No service {name!r}; there is: {have}. Give it by ae.configure(services={{{name!r}: ...}})."
            )
        return named[name]

    def now(self) -> datetime:
        """The time, UTC; after a restart the same call gives the same time again."""
        us: int = self._body.recorded("now", self._body.now_us)
        return datetime.fromtimestamp(us / 1_000_000, UTC)

    def uuid(self) -> uuid_module.UUID:
        """A random id; after a restart the same call gives the same id again."""
        return uuid_module.UUID(self._body.recorded("uuid", lambda: str(uuid_module.uuid4())))

    async def sleep(self, seconds: float) -> None:
        """Sleep that survives a restart: only what is left of it is slept then.

        Raises:
            BadInputs: that is no number of seconds, or more than a thousand years; one below 0 does not sleep.
        """
        if not is_span(seconds):
            raise BadInputs(
                f"context.sleep({written(seconds)}) of {self.node_id or self.run_id!r}: give seconds, not more than a "
                "thousand years of them."
            )
        at_us: int = self._body.recorded("sleep", lambda: self._body.now_us() + round(max(seconds, 0) * 1e6))
        await self._body.sleep_until(at_us)


class ChannelHandle(Asks, Says):
    """Says things to the person and asks them. Every `ask_*` is durable, every `send_*` is shown once."""

    def __init__(self, body: Body) -> None:
        self._body = body


class MemoryHandle:
    """Facts that last."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def record(self, kind: str, data: Any) -> Any:
        """Keep a fact; a replay does not keep it again. Returns the stored item."""
        return await self._body.remember(kind, data)

    def query(self, kind: str | None = None, **conditions: Any) -> Sequence[Any]:
        """Facts, oldest first; see `services.memory.Memory.query`. Not journalled: a replay asks again."""
        return self._body.services.memory.query(kind=kind, **conditions)


class _RunLogger(logging.LoggerAdapter[logging.Logger]):
    def __init__(self, body: Body) -> None:
        super().__init__(_LOG, {"run_id": body.run_id, "node_id": body.node_id})
        self._body = body

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a line, and keep it for who looks at the node, whatever level the logger is set to."""
        body, text = self._body, _text(msg, args)
        line = hidden(text)
        if line != text:  # a secret stands in it, and handlers write where they like
            msg, args = line, ()
        kept = line + _told(kwargs.get("exc_info"))
        name = logging.getLevelName(level)
        body.services.logbook.write(body.run_id, body.node_id, body.now_us() // 1000, name, kept)
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        super().log(level, msg, *args, **kwargs)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        extra = dict(self.extra or {})
        kwargs["extra"] = {**extra, **kwargs.get("extra", {})}
        where = f"{extra['run_id']} {extra['node_id']}".strip()
        return f"[{where}] {msg}", kwargs


def _text(msg: object, args: tuple[object, ...]) -> str:
    """A line as logging writes it; what cannot be put together is shown in parts, as logging survives it too."""
    try:
        return logging.LogRecord("", 0, "", 0, msg, args, None).getMessage()
    except Exception:  # noqa: BLE001 - a wrong format, or a `__str__` of the user's that fails
        return f"{show(msg)} {show(args)}"


def _told(raised: object) -> str:
    """What is kept of the exception that a line tells of, below it; nothing without one."""
    error = sys.exc_info()[1] if raised and not isinstance(raised, BaseException) else raised
    return (
        "".join(f"\n{row}" for row in (*user_frames(error), in_words(error)))
        if isinstance(error, BaseException)
        else ""
    )

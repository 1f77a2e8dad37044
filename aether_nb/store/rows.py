"""Waits as records, and what events, replies and early mail do to them. The one copy of these rules.

Both stores load the records concerned, apply, and keep the result, inside one transaction.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aether_nb.engine.ports import Append, Mail, RunRow, WaitRow
from aether_nb.errors import ReplyInvalid, StoreError, UnknownRun
from aether_nb.events import (
    FINAL,
    AnyEvent,
    ReplyRejected,
    ReplyTaken,
    RunCancelledEvent,
    RunStatus,
    WaitExpired,
    WaitOpened,
    WaitStatus,
    WaitWithdrawn,
)
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.prompts import Reply, check_reply, reply_schema, schema_hash
from aether_nb.store.codec import dump_outside, dump_prompt, dumps, load_prompt, loads

WaitEvent = WaitOpened | ReplyTaken | ReplyRejected | WaitExpired | WaitWithdrawn
"""The events that make or move a wait."""

BEAT_MS = 30_000
"""A kernel on another machine that has not beaten for so long is dead."""


@dataclass(slots=True)
class Wait:
    """One wait, in the order of its columns. JSON is text."""

    token: Token
    run_id: RunId
    node: NodeId
    kind: str
    ask: str
    """The prompt."""
    schema: str
    """Key of the reply's schema among the specs."""
    correlator: str | None
    deadline_ms: int | None
    status: WaitStatus = "open"
    reply: str | None = None
    replied_by: str | None = None
    door: str | None = None
    replied_ms: int | None = None
    taken: int = 0
    schema_body: str = "{}"

    def columns(self) -> tuple[Any, ...]:
        """What a table of waits keeps: all but the schema's body."""
        return (
            self.token, self.run_id, self.node, self.kind, self.ask, self.schema, self.correlator,
            self.deadline_ms, self.status, self.reply, self.replied_by, self.door, self.replied_ms,
            self.taken,
        )  # fmt: skip

    def is_open(self, now_ms: int) -> bool:
        """Whether a reply may still come."""
        return self.status == "open" and (self.deadline_ms is None or self.deadline_ms > now_ms)

    def answer(self, reply: Reply) -> None:
        """Accept a reply."""
        self.reply, self.replied_by, self.door = dump_outside(reply.value), reply.by, reply.door
        self.status, self.taken = "answered", 0
        self.replied_ms = reply.at_ms

    def accept(self, value: Any, by: str, at_ms: int) -> bool:
        """Accept a reply that came by mail, before the question was there to check it against.

        Returns:
            False when it does not fit; the wait is as it was.
        """
        try:
            checked = check_reply(load_prompt(self.ask), value)
        except ReplyInvalid:
            return False
        self.answer(Reply(value=checked, by=by, door="mailbox", at_ms=at_ms))
        return True

    def row(self) -> WaitRow:
        """As the engine reads it."""
        reply = None
        if self.reply is not None:
            reply = Reply(
                value=loads(self.reply),
                by=self.replied_by or "",
                door=self.door or "",
                at_ms=self.replied_ms or 0,
            )
        return WaitRow(
            token=self.token,
            run_id=self.run_id,
            node_id=self.node,
            kind=self.kind,
            prompt=load_prompt(self.ask),
            schema=_schema(self.schema_body),
            deadline_ms=self.deadline_ms,
            status=self.status,
            reply=reply,
            taken=bool(self.taken),
            correlator=self.correlator,
        )


def opened(event: WaitOpened) -> Wait:
    """The record of a new wait."""
    schema = reply_schema(event.prompt)
    return Wait(
        token=event.token,
        run_id=event.run,
        node=event.node,
        kind=event.kind,
        ask=dump_prompt(event.prompt),
        schema=schema_hash(schema).hex(),
        correlator=event.correlator,
        deadline_ms=event.deadline_ms,
        schema_body=dumps(schema),
    )


def apply(event: WaitEvent, waits: dict[Token, Wait]) -> Wait | None:
    """Make or move the event's wait among `waits`.

    A token that another run has already stays that run's: a fork copies questions that are over
    with their tokens, and copies nothing but the log.

    Returns:
        The wait that was touched, None when there is none to touch.
    """
    wait = waits.get(event.token)
    if isinstance(event, WaitOpened):
        if wait is not None:
            return None
        wait = waits[event.token] = opened(event)
        return wait
    if wait is None or wait.run_id != event.run:
        return None
    match event:
        case ReplyTaken():
            if wait.status == "open":
                wait.answer(event.reply)
            wait.taken = 1
        case ReplyRejected():
            if wait.status == "answered":
                wait.status, wait.taken = "open", 0
                wait.reply = wait.replied_by = wait.door = wait.replied_ms = None
        case WaitExpired() | WaitWithdrawn():
            if wait.status == "open":
                wait.status = "expired" if isinstance(event, WaitExpired) else "withdrawn"
    return wait


def addresses(wait: Wait) -> tuple[str, ...]:
    """Where early replies to a wait are left."""
    token = f"token:{wait.token}"
    found = (token,) if wait.correlator is None else (token, f"correlator:{wait.correlator}")
    # what comes without a login is for waits that are nobody's question
    is_hook = wait.kind == "callback" and loads(wait.ask).get("kind") == "callback"
    return (*found, f"hook:{wait.token}") if is_hook else found


def deliver(waits: Iterable[Wait], mail: Sequence[Mail]) -> dict[int, str]:
    """Answer those waits that are open with the mail that waits at their addresses, oldest first.

    Mail that does not fit the question is used up too: it would fit no better the next time.

    Returns:
        By id of the mail, who took it.
    """
    boxes: dict[str, list[Mail]] = {}
    for letter in mail:
        boxes.setdefault(letter.address, []).append(letter)
    taken: dict[int, str] = {}
    for wait in waits:
        if wait.status != "open":
            continue
        letters = [letter for address in addresses(wait) for letter in boxes.get(address, ())]
        for letter in sorted(letters, key=lambda one: one.id):
            if letter.id in taken:
                continue
            fits = wait.accept(letter.value, letter.by, letter.at_ms)
            taken[letter.id] = f"token:{wait.token}" if fits else f"refused by token:{wait.token}"
            if fits:
                break
    return taken


def mailed_run(address: str) -> str | None:
    """The run that mail is for, None for mail to waits: `run:<run_id>:<verb>`."""
    kind, _, rest = address.partition(":")
    return rest.rpartition(":")[0] if kind == "run" else None


def check_sequence(run_id: RunId, prev_seq: int, events: Sequence[AnyEvent]) -> None:
    """Refuse events that are not the next of this run: a log has no gaps.

    Raises:
        StoreError: the caller counted wrong.
    """
    for seq, event in enumerate(events, prev_seq + 1):
        if event.seq != seq or event.run != run_id:
            raise StoreError(
                f"Event {event.seq} of run {event.run} ({event.type}) was given as number {seq} of {run_id}."
            )


def put_aside(
    row: RunRow, open_waits: Iterable[Wait], taken: Container[str], now_ms: int
) -> tuple[RunId, list[AnyEvent], RunStatus]:
    """What archiving a run means: its next name, the events that end it, the status it ends in.

    Args:
        row: the run.
        open_waits: its open waits.
        taken: the run ids that there are.
        now_ms: the time of the events.
    """
    new_id = next(name for n in itertools.count(1) if (name := RunId(f"{row.run_id}~{n}")) not in taken)
    events: list[AnyEvent] = []
    for seq, wait in enumerate(open_waits, row.last_seq + 1):
        events.append(
            WaitWithdrawn(run=row.run_id, seq=seq, at_us=now_ms * 1000, node=wait.node, token=wait.token)
        )
    if row.status in FINAL:
        return new_id, events, row.status
    over = RunCancelledEvent(run=row.run_id, seq=row.last_seq + len(events) + 1, at_us=now_ms * 1000)
    return new_id, [*events, over], "cancelled"


def no_run(run_id: RunId, path: str) -> UnknownRun:
    """The error for a run that is not there."""
    return UnknownRun(
        f"There is no run {run_id!r} in the store {path}; ae.runs() lists those that there are."
    )


def ends(batch: Sequence[Append]) -> Mapping[RunId, Append]:
    """The batch by run, its sequences checked."""
    for entry in batch:
        check_sequence(entry.run_id, entry.prev_seq, entry.events)
    return {entry.run_id: entry for entry in batch}


@functools.lru_cache(maxsize=256)
def _schema(body: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = loads(body)
    return schema

"""Waits as users see them: what `run.waits` and `ae.waits()` list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aether_nb.display.looks import signed
from aether_nb.engine.ports import WaitRow
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.markup import Showable, pairs
from aether_nb.prompts import headline
from aether_nb.tables import Column, Table


@dataclass(frozen=True, slots=True, repr=False)
class OpenWait(Showable):
    """A wait as users see it.

    Attributes:
        token: its name; whoever has it can answer.
        run_id: the run.
        node_id: the node that asks.
        kind: text, approval, files, ...
        prompt: the question.
        schema: JSON Schema of the reply.
        deadline: when it expires, UTC; None waits for ever.
        status: open, answered, expired, withdrawn.
        by: who answered, if anybody did.
    """

    token: Token
    run_id: RunId
    node_id: NodeId
    kind: str
    prompt: str
    schema: Mapping[str, Any]
    deadline: datetime | None
    status: str
    by: str = ""

    @classmethod
    def of(cls, row: WaitRow) -> OpenWait:
        """From the store's row."""
        deadline = None if row.deadline_ms is None else datetime.fromtimestamp(row.deadline_ms / 1000, UTC)
        by = "" if row.reply is None else row.reply.by
        return cls(
            row.token,
            row.run_id,
            row.node_id,
            row.kind,
            row.prompt.prompt,
            row.schema,
            deadline,
            row.status,
            by,
        )

    def _repr_html_(self) -> str:
        said = {
            "status": signed(self.status), "by": self.by, "kind": self.kind, "run": self.run_id, "node": self.node_id,
            "deadline": "" if self.deadline is None else f"{self.deadline.astimezone():%Y-%m-%d %H:%M:%S}",
            "token": self.token,
        }  # fmt: skip
        return pairs({name: text for name, text in said.items() if text}, title=self.prompt)

    def __repr__(self) -> str:
        return f"<wait {self.prompt!r} of run {self.run_id}: {self.kind}, {self.status}, token {self.token}>"


def wait_table(rows: Sequence[WaitRow]) -> Table[OpenWait]:
    """Waits as a table."""
    columns = [
        Column("prompt", lambda w: headline(w.prompt)), Column("kind", lambda w: w.kind),
        Column("run", lambda w: w.run_id), Column("status", lambda w: w.status, "status"),
        Column("by", lambda w: w.by or None), Column("deadline", lambda w: w.deadline, "time"),
        Column("token", lambda w: w.token),
    ]  # fmt: skip
    return Table([OpenWait.of(r) for r in rows], columns, "Nothing waits for an answer.")

"""`aether-nb waits` and `answer`: what is asked, and the answers, typed as in any terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from aether_nb.answering import NO_SECRETS, Answer
from aether_nb.channels.console import MARK, question, refusal
from aether_nb.channels.following import harmless
from aether_nb.channels.typed import MORE, Entry, typed
from aether_nb.cli.finding import TokenArgument, token_of
from aether_nb.cli.saying import NO, JsonOption, StoreOption, moment, opened, say, say_json
from aether_nb.engine.ports import WaitRow
from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.openwaits import wait_table
from aether_nb.prompts import is_secret
from aether_nb.runtime import Runtime


def waits(
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only those of this run.")] = None,
    closed: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for an answer, earliest deadline first."""
    here = opened(store)
    runs = None if run is None else [here.row(run).run_id]
    rows = here.store.waits(status=None if closed else "open", runs=runs)
    if as_json:
        say_json({"waits": [_wait(row) for row in rows]})
    else:
        say(wait_table(rows).text(whole=True))


def _wait(row: WaitRow) -> dict[str, Any]:
    return {
        "token": row.token, "run": row.run_id, "node": row.node_id, "kind": row.kind, "prompt": row.prompt.prompt,
        "status": row.status, "deadline": moment(row.deadline_ms),
        "by": None if row.reply is None else row.reply.by, "schema": row.schema,
    }  # fmt: skip


def answer(
    token: TokenArgument,
    value: Annotated[str | None, typer.Argument(help="The answer; without it you are asked.")] = None,
    by: Annotated[str, typer.Option(help="Who answers; you when left out.")] = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question by its token.

    An option also by its number, several separated by ;, files by their paths, a form as JSON. Without VALUE the
    question is asked here, in as many lines as it takes, and again until the answer fits.
    """
    here = opened(store)
    name = token_of(here, token)
    row = here.store.wait(name)
    try:
        if row is not None and value is None and row.status == "open":
            done = _Asking(here, row, by, as_json=as_json).until_it_fits()
        else:
            given = _promised(value) if row is None else typed(row.prompt, value or "")
            done = here.answer(name, given, by=by, door="cli")
    except ReplyInvalid as error:
        if as_json:
            say_json({"token": name, "accepted": False, "problems": error.problems})
            raise typer.Exit(NO) from None
        raise
    if as_json:
        say_json({"token": name, "accepted": bool(done), **_outcome(done)})
    else:
        say(repr(done))
    if not done:
        raise typer.Exit(NO)


def _promised(value: str | None) -> Any:
    """The reply to a question that is not open yet, whose kind nobody knows: JSON, else a text."""
    if value is None:
        raise BadInputs("What this token asks is not open yet: give the reply behind it, as JSON.")
    try:
        return json.loads(value)
    except ValueError:
        return value


def _outcome(done: Answer) -> dict[str, Any]:
    at = None if done.at is None else moment(round(done.at.timestamp() * 1000))
    return {"status": done.status, "by": done.by, "door": done.door, "at": at}


class _Asking:
    """One question in a terminal, or to whatever is piped in, until an answer is taken.

    Args:
        here: has the question.
        row: the question.
        by: who answers.
        as_json: standard output is for JSON alone, so that the question stands on standard error.
    """

    def __init__(self, here: Runtime, row: WaitRow, by: str, *, as_json: bool) -> None:
        self._here, self._row, self._by = here, row, by
        self._out = sys.stderr if as_json else sys.stdout

    def until_it_fits(self) -> Answer:
        """Ask, and ask again.

        Raises:
            ReplyInvalid: a secret is asked for; or no more is typed and nothing fitted.
        """
        if is_secret(self._row.prompt):
            raise ReplyInvalid({"": NO_SECRETS})
        self._write(question(self._row))
        given: Mapping[str, Any] = {}
        problems: Mapping[str, str] = {"": "nothing was typed; the question stays open"}
        while True:
            entry = Entry(self._row.prompt, given)
            try:
                value = self._typed(entry)
            except EOFError:
                self._write("\n")
                raise ReplyInvalid(problems) from None
            try:
                return self._here.answer(self._row.token, value, by=self._by, door="cli")
            except ReplyInvalid as error:
                problems, given = error.problems, entry.given
                self._write(refusal(self._row.prompt, problems))

    def _typed(self, entry: Entry) -> Any:
        """All lines of an answer."""
        first = True
        while True:
            label = entry.label()
            if label or first:
                self._write(harmless(label) + MARK)
            first = False
            value = entry.take(input())
            if value is not MORE:
                return value

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

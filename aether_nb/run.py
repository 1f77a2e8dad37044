"""`Run`: what `start()` gives and `ae.get` finds. A thin handle; the truth is in the driver or the store."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aether_nb import pictures, showing
from aether_nb.answering import Answer
from aether_nb.calling import MISSING
from aether_nb.edits import Changes
from aether_nb.engine import outcome
from aether_nb.engine.driver import Driver
from aether_nb.engine.metrics import Meter, Metrics
from aether_nb.engine.records import DONE
from aether_nb.engine.state import RunState
from aether_nb.errors import AetherError, AmbiguousWait, RunError, UnknownWait, WaitError
from aether_nb.events import FINAL, AnyEvent, RunStatus
from aether_nb.ids import RunId, Token
from aether_nb.nodes import Measure, Nodes, find_node
from aether_nb.openwaits import OpenWait, wait_table
from aether_nb.tables import Column, Table
from aether_nb.values import Outputs, show

if TYPE_CHECKING:
    from aether_nb.display.view import RunView
    from aether_nb.redacting import Redact
    from aether_nb.runtime import Runtime

_OVER = FINAL | {"blocked"}
_FOLLOW_S = 0.2  # how often a run that another kernel drives is looked at


class Run:
    """A run: watch it, answer it, await its outputs. Awaiting may be interrupted; the run goes on.

    Attributes:
        run_id: its id.
        note: one line about how this handle came to it; empty for a fresh run.
    """

    def __init__(self, runtime: Runtime, run_id: RunId, note: str = "") -> None:
        self.run_id = run_id
        self.note = note
        self._home = runtime
        self._folded: RunState | None = None

    @property
    def _runtime(self) -> Runtime:
        if self._home.closed:
            raise RunError(asleep(self.run_id))
        return self._home

    # -- looking ---------------------------------------------------------------------------------

    @property
    def status(self) -> RunStatus:
        """running, waiting, succeeded, failed, cancelled, blocked."""
        driver = self._live()
        return driver.state.status if driver is not None else self._runtime.row(self.run_id).status

    @property
    def outputs(self) -> Outputs | None:
        """The outputs once it succeeded, else None."""
        state = self._state()
        return self._outcome(state) if state.status == "succeeded" else None

    @property
    def error(self) -> AetherError | None:
        """Why it failed, was cancelled or is blocked, as the exception that `await run` raises; else None."""
        state = self._state()
        if state.status in {"failed", "cancelled", "blocked"}:
            try:
                self._outcome(state)
            except AetherError as error:
                return error
        return None

    @property
    def nodes(self) -> Nodes:
        """Its nodes by id."""
        return Nodes(self._state(), self._runtime.services.artifacts, functools.cache(self._measured))

    @property
    def metrics(self) -> Metrics:
        """Where its time went and what it left in the store, as far as its log is committed.

        An open question counts up to now, whoever drives the run; what computes or stands in line does while this
        process drives it.
        """
        return self._measured()(None)

    def _measured(self) -> Measure:
        """Its log, measured."""
        meter = Meter()
        for event in self._runtime.store.events(self.run_id):
            meter.apply(event)
        now_us, driver = self._runtime.clock.now_us(), self._live()
        in_line = None if driver is None else driver.in_line()
        return lambda node: (
            meter.total(now_us, in_line=in_line) if node is None else meter.of(node, now_us, in_line=in_line)
        )

    @property
    def waits(self) -> Table[OpenWait]:
        """Its waits, open and closed."""
        return wait_table(self._runtime.store.waits(status=None, runs=[self.run_id]))

    @property
    def events(self) -> Table[AnyEvent]:
        """Its log, as far as it is committed."""
        columns = [
            Column("seq", lambda e: e.seq, "number"),
            Column("at", lambda e: datetime.fromtimestamp(e.at_us / 1e6, UTC), "instant"),
            Column("event", lambda e: e.type), Column("node", lambda e: getattr(e, "node", None) or None),
        ]  # fmt: skip
        return Table(self._runtime.store.events(self.run_id), columns, "No events yet.")

    @property
    def changes(self) -> Changes:
        """What of its code was edited last, one change per tool or graph, that prints as a diff.

        From the code that it was last driven with to the code that is defined here now, else the last edit that it
        saw. A change has `name`, `before`, `after` and `diff`; with `gone` it is a recorded node that the
        edited graph does not have any more. Comments and formatting do not count; helper functions, globals,
        and tools that only helpers call are not looked at.
        """
        return self._runtime.resuming.changes(self.run_id)

    def to_dot(self) -> str:
        """The run as it stands, as DOT, the language of Graphviz."""
        return pictures.of_run(self._seen(), "dot")

    def to_svg(self) -> str:
        """The run as it stands, as an `<svg>` element.

        Raises:
            DisplayError: there is no Graphviz here, which lays it out.
        """
        return pictures.of_run(self._seen(), "svg")

    def to_mermaid(self) -> str:
        """The run as it stands, as a Mermaid flowchart, for READMEs, issues and wikis that draw these."""
        return pictures.of_run(self._seen(), "mermaid")

    def report(self, path: str | os.PathLike[str] | None = None, *, redact: Redact = False) -> Path:
        """Write all there is of this run into one HTML file, which needs no network and no kernel.

        It has the graph and the timeline, questions and answers, messages, outputs, errors, and the code as it was
        kept with the run, with what has changed since. A slider plays the run again, event by event. A run that goes
        on gives the report of what is committed so far. An earlier report of the same graph is written over; any
        other file is left alone.

        Args:
            path: of the file; None takes the run's id, in the working directory.
            redact: answers that are dots in it, wherever they stand word for word: True for all of them, questions
                and kinds such as `["Your name?", "files"]`, or a function that is given each question (as in
                `run.waits`) and says so. What followed from an answer, such as which way the run went, can be seen.
                Secrets are always dots.

        Returns:
            Where it was written.

        Raises:
            BadInputs: the file is another one's, or `redact` names what this run does not ask.
            DisplayError: it could not be written.
        """
        from aether_nb import reporting  # noqa: PLC0415 - rarely needed

        return reporting.write(self._runtime, self.run_id, path, redact)

    def _seen(self) -> RunView:
        here = self._runtime
        log = here.store.events(self.run_id)
        return pictures.view(here.store, here.services.artifacts, self.run_id, log, me=here.me())

    def __repr__(self) -> str:
        if self._home.closed:
            return f"<run {self.run_id}: its store was let go of>"
        said: str = self.status
        if said == "waiting":
            said = "waiting for " + _listed([w.prompt for w in self.waits if w.status == "open"])
        elif said == "blocked" and (blocked := self._state().blocked) is not None:
            said = f"blocked, {show(blocked.reason, 120)}"
        elif said == "failed" and (error := self.error) is not None:
            said = f"failed, {show(str(error), 120)}"
        driver = self._live()
        if driver is not None and driver.state.cancel_requested and not driver.state.final:
            said = "being cancelled"
        if said in {"running", "waiting"} and self._runtime.paused and driver is not None:
            said += ", paused until ae.unpause()"
        if driver is not None and driver.engine.trouble is not None:
            return f"<run {self.run_id}: {said}, but stands still: {driver.engine.trouble}>"
        if self.note:
            said = self.note if self.note.startswith(said) else f"{said} ({self.note})"
        return f"<run {self.run_id}: {said}>"

    def _ipython_display_(self) -> None:
        showing.redraw(self._runtime, self)

    # -- doing -----------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Outputs]:
        return self.result().__await__()

    async def result(self) -> Outputs:
        """Wait for the end and give the outputs; cancelling this leaves the run alone.

        Raises:
            NodeFailed: it failed; the message says where and how.
            RunCancelled, RunBlocked, FencedOut: it ended so.
        """
        try:
            while True:
                driver = self._runtime.awake(self.run_id)
                if driver is not None and not driver.suspended:
                    host = self._runtime.host
                    return await (driver.result() if host is None else host.result(self, driver))
                if (lost := self._runtime.lost(self.run_id)) is not None:
                    raise lost
                if self.status in _OVER:
                    return self._outcome(self._state())
                await self._follow()
        finally:
            showing.told(self._runtime, self)

    async def next_wait(self) -> OpenWait:
        """The next open question, as soon as there is one.

        Raises:
            WaitError: the run ended without another question.
        """
        while True:
            rows = self._runtime.store.waits(runs=[self.run_id])
            if rows:
                return OpenWait.of(rows[0])
            driver = self._runtime.awake(self.run_id)
            status = self.status  # once: it may be written just now
            if status == "blocked" and (blocked := self._state().blocked) is not None:
                raise WaitError(f"Run {self.run_id!r} is blocked and asks nothing. {blocked.reason}")
            if status in _OVER or self._runtime.lost(self.run_id) is not None:
                raise WaitError(f"Run {self.run_id!r} ({status}) asks nothing more.")
            if driver is None:
                await self._follow()
            else:
                await driver.engine.audience.next_commit(self.run_id)

    def answer(self, value: Any, *, wait: str | None = None, to: str | None = None, by: str = "") -> Answer:
        """Answer its open wait.

        Args:
            value: the reply.
            wait: the token, when several are open.
            to: the prompt's text instead of the token.
            by: who answers; the user of this kernel when empty.

        Returns:
            What became of it; true when it was accepted. Being second is no error: it says who was first.

        Raises:
            ReplyInvalid: it does not fit; the wait stays open.
            UnknownWait: nothing here is open (yet); AmbiguousWait: several are, say which.
        """
        token = self._only_wait(to) if wait is None else Token(wait)
        return self._runtime.answer(token, value, by=by)

    def cancel(self, node: str | None = None) -> None:
        """Cancel it, or one node of it. Returns when the wish is durable; what it does comes at once after.

        Bodies are cancelled, questions withdrawn; then the run is `cancelled`, and `await run` raises that. A
        run of another process is cancelled there, shortly after.

        Args:
            node: id, or label where only one node has it. Then only this is cancelled, with what stands inside
                it, and the run goes on: in a graph function whoever awaits it gets a `NodeCancelled` (a
                `NodeFailed`, which may be caught); in a static graph what depends on it is skipped, and the
                graph fails at its end if it cannot do without.

        Raises:
            UnknownNode: there is no such node.
            RunError: that node is done.
        """
        if node is None:
            self._runtime.cancel(self.run_id)
            return
        state = find_node(self._state(), node)
        if state.status in DONE:
            raise RunError(f"Nothing to cancel: node {state.id!r} of run {self.run_id!r} is {state.status}.")
        self._runtime.cancel(self.run_id, state.id)
        self._folded = None

    def retry(self, node: str) -> Run:
        """Run a failed node of a run that is over again, and go on from there; what succeeded without it is kept.

        A node that was cancelled by name, so that its run failed, counts as failed.

        Args:
            node: its id, or its label where only one node has it; of a graph or map, what failed in it.

        Raises:
            UnknownNode: there is no such node.
            RunError: nothing failed there, or a graph function went on without it.
        """
        self._runtime.resuming.retry(self, node)
        self._folded = None
        return self

    def start_over(self) -> Run:
        """Put this run aside and start it afresh with the same inputs; its id goes to the new one.

        Tools of its open waits have their `on_cancel` called, also when no kernel drove it; that is not repeated
        when the kernel dies meanwhile.

        Returns:
            The new run. The old one stays in the store under `<run_id>~<n>`.
        """
        return self._runtime.starting.over(self)

    def fork(self, at: str | None = None, *, answer: Any = MISSING, run_id: str | None = None) -> Run:
        """Make a new run that shares the recorded past of this one up to a node, and goes on from there by itself.

        This run is left as it is, whatever its status. Shared is all that did not come of the node's outcome: in
        a graph function what was recorded before that outcome, in a static graph everything that is not
        downstream of the node. Nothing shared runs again; what was at work runs again, what was asked is
        asked anew. Effects in the new run have idempotency keys of their own.

        Args:
            at: a node, by id or label, or a question, by its text; None shares everything.
            answer: the answer to the question at that node, in the new run; without it that is asked again.
            run_id: the new run's id; used again for the same fork, it gives the same run.

        Raises:
            UnknownNode: there is no such node, or there are several.
            WaitError: there is an answer, and no question at that node.
            ReplyInvalid: the answer does not fit.
            RunIdTaken: `run_id` is another run.
            GraphError: the graph is not defined here.
        """
        return self._runtime.starting.fork(self, at=at, answer=answer, run_id=run_id)

    def _only_wait(self, to: str | None) -> Token:
        """The open question that is meant.

        A closed one when `to` names it, or when the run is over and asked no other: its answer says who won.
        """
        asked = [
            r
            for r in self._runtime.store.waits(status=None, runs=[self.run_id])
            if to in (None, r.prompt.prompt)
        ]
        rows = [r for r in asked if r.status == "open"]
        if len(rows) == 1:
            return rows[0].token
        that = "" if to is None else f" that asks {to!r}"
        if rows:
            open_now = "; ".join(f"{r.prompt.prompt!r} is wait={r.token!r}" for r in rows)
            raise AmbiguousWait(f"Run {self.run_id!r} has {len(rows)} open questions{that}: {open_now}.")
        if asked and (to is not None or (len(asked) == 1 and self.status in _OVER)):
            return asked[-1].token
        said = f"Run {self.run_id!r} ({self.status}) has no open question{that}"
        if asked:
            last = max(asked, key=lambda r: 0 if r.reply is None else r.reply.at_ms)
            said += f"; {last.prompt.prompt!r}: {Answer.of(last, accepted=False)!r}"
        raise UnknownWait(
            said + ("." if self.status in _OVER else ". `await run.next_wait()` gives the next one.")
        )

    async def _follow(self) -> None:
        """Another process drives it: wait a moment, and take it over when that one is dead."""
        if not self._runtime.resuming.take_over(self.run_id):
            await asyncio.sleep(_FOLLOW_S)

    def _live(self) -> Driver | None:
        """The driver, when this process has the run in memory and it is not asleep: else the store knows more."""
        driver = self._runtime.driver(self.run_id)
        if driver is None or driver.suspended or (driver.state.final and not driver.done.done()):
            return None  # also while its end is being written: until then it has not ended
        return driver

    def _state(self) -> RunState:
        driver = self._live()
        if driver is not None:
            return driver.state
        if self._folded is None or self._folded.status not in FINAL:
            self._folded = self._runtime.fold(self.run_id)
        return self._folded

    def _outcome(self, state: RunState) -> Outputs:
        return outcome.of_run(self.run_id, state, self._runtime.services.artifacts)


def asleep(run_id: str) -> str:
    """What a handle says whose runtime was closed."""
    return (
        f"This handle on run {run_id!r} belongs to a store that was let go of, as ae.configure() does. When it is "
        f"the same store, ae.get({run_id!r}) finds the run again, and ae.resume({run_id!r}) goes on with it."
    )


def _listed(prompts: Sequence[str]) -> str:
    if not prompts:
        return "an answer"
    more = f" and {len(prompts) - 1} more" if len(prompts) > 1 else ""
    return repr(prompts[0].strip().partition("\n")[0]) + more

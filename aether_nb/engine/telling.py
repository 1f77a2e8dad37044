"""What a run is telling just now: bars and streams, shown as they grow and kept nowhere until they end.

Three sides: a `Source` is the user's end (`progress.py`, `stream.py`) and says how it stands; its `Teller` knows the
call in the journal of the body that made it, and records the end as `MessageSent`; the run's `Tellings` show what
changed to whoever looks on, twenty times a second at most, whatever the code does.

A change costs a flag, and the look at a clock when the flag is set already: there is one alarm for all that a run
tells, no task. Traps: a change may come from any thread, all else happens on the loop's. A body that never gives the
loop up is shown all the same: a change that comes when the alarm is overdue does what that would have done.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from aether_nb.engine.failures import error_info, node_failed
from aether_nb.engine.records import Entry, identity
from aether_nb.errors import AetherError, NodeFailed, NotAwaited, RunSuspended
from aether_nb.events import Call, ErrorInfo, MessageSent
from aether_nb.facts import replace
from aether_nb.ids import letters_of
from aether_nb.messages import Message, Telling
from aether_nb.values import digest
from aether_nb.values.secrets import hidden, hidden_so_far

if TYPE_CHECKING:
    from aether_nb.engine.activation import Activation
    from aether_nb.engine.driver import Driver
    from aether_nb.engine.journal import Scope

PAUSE_US = 50_000
"""From one showing of a run to the next, at least."""


class Source(Protocol):
    """The user's end of a bar or a stream."""

    def draw(self, now_us: int, *, whole: bool, replayed: bool) -> tuple[int, Message]:
        """How it stands. Called on the loop's thread, while other threads may change it.

        Args:
            now_us: the time.
            whole: all of it; else what is new since the last time.
            replayed: what was done until now is only repeated from the log.

        Returns:
            How many characters of it come before these, and the message.
        """


class Narrator(Protocol):
    """What a `Source` tells: the `Teller` of a body in a run, or what stands there outside one."""

    def touch(self) -> bool:
        """It has changed; from any thread. Returns whether it was shown, so that the loop may take its turn."""

    def end(self, error: BaseException | None = None) -> None:
        """It is told, or this broke it off; from any thread, once."""

    def leave(self) -> None:
        """The loop over it was left, in whatever way; from any thread, never raises."""

    async def outcome(self) -> str | None:
        """The text of an awaited one, if an earlier life has it.

        Raises:
            NodeFailed: it was broken off then.
        """

    def failure(self, error: Exception) -> Exception:
        """What to raise for what broke an awaited one off: the same live and replayed."""


class Tellings:
    """What one run is telling. Part of a driver; on the loop's thread.

    Args:
        driver: the run.

    Attributes:
        thread: the loop's.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._told: dict[str, Teller] = {}
        self._changed: dict[str, Teller] = {}
        self._count = 0
        self._next_us = 0
        self._off: Callable[[], None] | None = None
        self.thread = driver.engine.thread

    def begin(self, teller: Teller) -> tuple[int, int]:
        """Something begins, or begins again. Returns its place."""
        self._count += 1
        self._told[teller.id] = teller
        self.change(teller)
        return (self._driver.state.seq, self._count)

    def change(self, teller: Teller) -> None:
        """Show it soon."""
        if self._told.get(teller.id) is not teller:
            return
        self._changed[teller.id] = teller
        if self._off is None:
            clock = self._driver.engine.clock
            self._off = clock.call_at(max(self._next_us, clock.now_us()), self.show)

    def is_overdue(self) -> bool:
        """Whether the next showing should have been, and this is the thread for it."""
        return self._driver.engine.clock.now_us() >= self._next_us and threading.get_ident() == self.thread

    def show(self) -> None:
        """Show what has changed."""
        self._call_off()
        now_us = self._driver.engine.clock.now_us()
        self._next_us = now_us + PAUSE_US
        changed, self._changed = self._changed, {}
        if changed and not self._driver.asleep:
            tellings = [teller.telling(now_us, whole=False) for teller in changed.values()]
            self._driver.engine.audience.tell(self._driver.run_id, tellings)

    def whole(self) -> list[Telling]:
        """All that is being told, for who begins to look on."""
        now_us = self._driver.engine.clock.now_us()
        return [teller.telling(now_us, whole=True) for teller in self._told.values()]

    def recorded(self, teller: Teller) -> None:
        """Its end is in the log, which tells it from now on."""
        if self._told.get(teller.id) is teller:
            del self._told[teller.id]
            self._changed.pop(teller.id, None)

    def close(self) -> None:
        """The run does nothing more here."""
        self._call_off()
        self._next_us = sys.maxsize
        self._told.clear()
        self._changed.clear()

    def _call_off(self) -> None:
        if self._off is not None:
            self._off()
            self._off = None


class Teller:
    """One bar or stream of a body, between the user's end, the journal, and who looks on.

    Args:
        body: the body that tells it.
        scope: the task in which it was made.
        name: of the call.
        inputs: what makes the call what it is.
        line: where it was made.
        source: the user's end.
        awaited: whether somebody awaits what it comes to: a bad end in the record counts then, too.

    Attributes:
        id: see `Telling`.
    """

    def __init__(
        self, body: Activation, scope: Scope, name: str, inputs: Mapping[str, Any], line: int, source: Source,
        *, awaited: bool,
    ) -> None:  # fmt: skip
        self._body, self._scope, self._source, self._awaited = body, scope, source, awaited
        self._name, self._inputs, self._line = name, inputs, line
        self._tellings = body._driver.tellings
        self._call: Call
        self._place = (0, 0)
        self._silent = self._dirty = self._over = self._resumed = self._asked = False
        self._error: BaseException | None = None
        self._entry: Entry | None = None
        self.id = ""
        self._here(self._begin)

    # -- from any thread -------------------------------------------------------------------------

    def touch(self) -> bool:
        """See `Narrator`."""
        if self._silent:
            return False
        if self._dirty:
            if not self._tellings.is_overdue():
                return False
            self._tellings.show()
            return True
        self._dirty = True
        self._here(self._tellings.change, self)
        return False

    def end(self, error: BaseException | None = None) -> None:
        """See `Narrator`."""
        if not self._over:
            self._over = True
            self._here(self._end, error)

    def leave(self) -> None:
        """See `Narrator`."""
        if not self._over:
            self._over = True
            with contextlib.suppress(AetherError, RunSuspended):
                self._here(self._left)

    async def outcome(self) -> str | None:
        """See `Narrator`."""
        self._asked = True
        if self._entry is None or not self._silent:
            return None
        self._over = True
        self._part()
        replay = self._body._journal.replay
        if not replay.turn_nowait(self._entry):
            await replay.turn(self._entry)
        if self._entry.error is not None:
            raise self._failed(self._entry.error)
        return str(self._entry.value)

    def failure(self, error: Exception) -> Exception:
        """See `Narrator`."""
        return self._failed(error_info(error))

    def _failed(self, error: ErrorInfo) -> NodeFailed:
        return node_failed(self._body._node, self._name, self._body.attempt, error)

    def _here(self, call: Callable[..., None], *args: Any) -> None:
        """Make a call on the loop's thread; from another one it is made soon, and nobody hears how it went."""
        if threading.get_ident() == self._tellings.thread:
            call(*args)
        else:
            self._body._driver.engine.post(_quietly, call, *args)

    # -- on the loop's ---------------------------------------------------------------------------

    def telling(self, now_us: int, *, whole: bool) -> Telling:
        """How it stands."""
        self._dirty = False  # before the look: what changes meanwhile is shown next time
        start, message = self._draw(now_us, whole=whole)
        if (
            whole or message.kind == "progress"
        ):  # of the rest a stream takes care, which knows what came before
            grows = message.kind != "progress" and not self._over
            message = replace(message, text=(hidden_so_far if grows else hidden)(message.text))
        state: Literal["live", "done", "stopped"] = "live"
        if self._over:
            state = "done" if self._error is None else "stopped"
        return Telling(
            id=self.id, node=self._body._node, place=self._place, message=message, start=start, state=state
        )

    def check(self) -> None:
        """The body returns now.

        Raises:
            NotAwaited: it should have awaited this.
        """
        if self._awaited and not self._asked:
            self._body.telling = tuple(t for t in self._body.telling if t is not self)
            self._tellings.recorded(self)
            self._part()
            raise NotAwaited(
                f"Called and never awaited: line {self._line}: {self._name}(...). Write `await` before it."
            )

    def record(self, because: BaseException | None = None) -> None:
        """Have the log tell how it ended; `because` is what ended the body, when it was left without a word.

        Raises:
            ReplayDiverged: the journal has something else here.
            RunSuspended, RunOver: nothing can be recorded any more.
        """
        body, driver, error = self._body, self._body._driver, self._error or because
        if self._entry is None and not body._threaded:
            body._check_new(self._call, self._inputs)
        self._tellings.recorded(self)
        if self._entry is not None and self._entry.outcome == "failed" and error is not None:
            self._part()
            return  # broken off as it was before
        _, message = self._draw(body.now_us(), whole=True)
        message = replace(message, text=hidden(message.text))
        driver.emit(
            MessageSent(
                **driver.head(), node=body._node, call=self._call, message=message, telling=self.id,
                place=self._place, error=None if error is None else error_info(error),
            )
        )  # fmt: skip
        self._part()

    def _part(self) -> None:
        """It is told for good: it and its source let go of each other, and are free without a collection."""
        vars(self).pop("_source", None)

    def _draw(self, now_us: int, *, whole: bool) -> tuple[int, Message]:
        replayed = self._resumed  # up to the first look after it, too
        self._resumed = replayed and self._body._journal.replay.is_under_way
        return self._source.draw(now_us, whole=whole, replayed=replayed)

    def _begin(self) -> None:
        body = self._body
        body._check_alive()
        journal, inputs = body._journal, digest(self._inputs)
        self._call, self._entry = journal.identify(self._scope.path, self._name, inputs, None, self._line)
        self.id = f"{body._node}/{letters_of(*identity(self._call))}"
        self._resumed = journal.replay.is_under_way
        if self._entry is not None and (self._entry.outcome == "ok" or (self._awaited and not body.again)):
            self._silent = True  # it stands in the log, and is not shown again
        else:
            self._dirty = True
            body.telling = (*body.telling, self)
            self._place = self._tellings.begin(self)

    def _end(self, error: BaseException | None) -> None:
        self._error = error
        if not self._is_begun():
            return
        if error is None or isinstance(error, Exception):
            self._body._check_alive()
            self._body._flush_cancelled()
            self.record()
        else:
            self._cut()

    def _left(self) -> None:
        if self._is_begun():
            self._cut()

    def _is_begun(self) -> bool:
        """Whether it was shown; it is not any more. What is in the log already has had its turn now."""
        if self in self._body.telling:
            self._body.telling = tuple(t for t in self._body.telling if t is not self)
            return True
        if self._entry is not None:
            self._body._journal.replay.turn_nowait(self._entry)
        if self not in self._body.untold:
            self._part()
        return False

    def _cut(self) -> None:
        """It was left, perhaps because the run goes to sleep: it is recorded when the body goes on (rule 11)."""
        if not self._body.asleep:
            self._body.untold = (*self._body.untold, self)
            self._tellings.change(self)


def _quietly(call: Callable[..., None], *args: Any) -> None:
    with contextlib.suppress(AetherError, RunSuspended):
        call(*args)

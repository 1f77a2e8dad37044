"""What was recorded of a body before, and how far its replay has come: what is claimed, what was handed out.

Part of a `Journal`, which names the calls; the numbers are those of the rules in the durability notes, section 4.
Recorded outcomes are handed out in the order of the log, so that a race goes as it went (5).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from aether_nb.engine.records import Entry, Identity, JournalLog, identity
from aether_nb.events import Call
from aether_nb.values import alike

_SETTLE_TURNS = 16  # loop turns that tasks may take to react to a replayed outcome before the next


class Replay:
    """One replay of one record.

    Args:
        log: what was recorded before; later entries are not its concern.
        stage: the scope that all calls of the body stand in; the two stages of one node share a log.
        again: an earlier attempt of the body failed, so that this one may well take another way: what it
            calls again is known again, the rest of the record binds it to nothing.
    """

    def __init__(self, log: JournalLog, *, stage: str = "", again: bool = False) -> None:
        self._log = log
        entries = log.entries
        if stage:
            entries = [e for e in entries if e.call.scope.partition("/")[0] == stage]
        # what was left over and cut off has no outcome to give: made again, it is a new call
        self._recorded = {identity(e.call): e for e in entries if not (e.left and e.outcome == "cancelled")}
        self._unclaimed: dict[str, dict[Identity, Entry]] = {}
        for i, e in () if again else self._recorded.items():
            if not e.left:
                self._unclaimed.setdefault(e.call.scope, {})[i] = e
        self._ahead = {scope: deque(left.items()) for scope, left in self._unclaimed.items()}
        self._order = deque(log.outcomes)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._passed: set[int] = set()
        self._pumping = False

    # -- what is recorded ------------------------------------------------------------------------

    def claim(self, i: Identity) -> Entry | None:
        """The recorded entry of a call that is being made."""
        entry = self._recorded.get(i)
        if entry is not None:
            left = self._unclaimed.get(entry.call.scope)
            if left is not None:
                left.pop(i, None)
        return entry

    def next_if(self, scope: str, name: str, inputs: Mapping[str, Any]) -> Entry | None:
        """The next unclaimed entry of this scope, if it is plainly this call, for an equal one not made before."""
        ahead = self._ahead.get(scope)
        if not ahead:
            return None
        left = self._unclaimed[scope]
        while ahead[0][0] not in left:
            ahead.popleft()
            if not ahead:
                return None
        entry = ahead[0][1]
        same = entry.call.name == name and entry.call.key is None
        return entry if same and entry.inputs is not None and alike(inputs, entry.inputs) else None

    def claim_next(self, scope: str) -> None:
        """The entry that `next_if` gave is the call that is being made."""
        i, _ = self._ahead[scope].popleft()
        del self._unclaimed[scope][i]

    def expected(self, call: Call) -> Entry | None:
        """What the record has next where this call, which it does not have, is about to be made.

        None: nothing, the call is simply new (rule 7). To be asked when the call is awaited: others, that
        were called after it and awaited before, may be recorded without it.
        """
        left = self._unclaimed.get(call.scope)
        return next(iter(left.values())) if left and identity(call) not in self._log.inserted else None

    def give_up(self, entry: Entry) -> None:
        """Another call takes the place of this one, and its recorded outcome does not count. Before that is logged."""
        self.claim(identity(entry.call))
        del self._recorded[identity(entry.call)]
        if entry.outcome is not None:
            self._order.remove(entry)

    @property
    def is_under_way(self) -> bool:
        """Whether calls are still to come that are recorded."""
        return any(self._unclaimed.values())

    def leftover(self) -> list[Entry]:
        """Recorded entries that no call has claimed, in the order of the log."""
        return [e for left in self._unclaimed.values() for e in left.values()]

    # -- handing out recorded outcomes (rule 5) --------------------------------------------------

    def turn_nowait(self, entry: Entry) -> bool:
        """Whether this recorded outcome may be handed out now: it is the next in the log, or overdue."""
        if self._order and self._order[0] is entry:
            self._pass_head()
            if self._waiting:
                self._pump_soon()
            return True
        return id(entry) in self._passed

    async def turn(self, entry: Entry) -> None:
        """Wait until every outcome recorded before this one has been handed out."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[id(entry)] = future
        self._pump_soon()
        await future

    def _pass_head(self) -> None:
        self._passed.add(id(self._order.popleft()))

    def _pump_soon(self) -> None:
        if self._waiting and not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump, _SETTLE_TURNS)

    def _pump(self, turns: int) -> None:
        """Hand out the next outcome, once the tasks have settled after the one before.

        A head that nobody has come for when all is quiet is passed over: what would call it waits for
        something outside the journal, or is not in the code any more (`leftover` reports that).
        """
        loop = asyncio.get_running_loop()
        if turns and getattr(loop, "_ready", None):
            loop.call_soon(self._pump, turns - 1)
            return
        self._pumping = False
        while self._order and self._waiting:
            future = self._waiting.pop(id(self._order[0]), None)
            self._pass_head()
            if future is not None and not future.done():
                future.set_result(None)
                break
        self._pump_soon()


NOTHING = Replay(JournalLog())
"""Of a body that begins: there is nothing in it that could change, so it is one for all."""

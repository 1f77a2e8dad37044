"""Looking for what other processes left in the store for the runs of this kernel: replies, mail, wishes.

Part of an engine. One alarm for all its runs, in memory, dormant or failed, and none when there are none; the store
is only read when somebody has written to it since the last look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aether_nb.engine.ports import Mail
from aether_nb.errors import StoreError
from aether_nb.ids import NodeId, RunId

if TYPE_CHECKING:
    from aether_nb.engine.engine import Engine

_LOOK_US = 200_000  # how often the store is asked whether another process wrote


class Lookout:
    """See the module.

    Args:
        engine: whose runs.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._alarm: Callable[[], None] | None = None
        self._is_soon = False

    def begin(self) -> None:
        """There is a run: look from time to time from now on."""
        if self._alarm is None:
            self._later()

    def soon(self) -> None:
        """Look at the next turn of the loop."""
        if not self._is_soon:
            self._is_soon = True
            self._engine.loop.call_soon(self.look)

    def look(self) -> None:
        """Look now, and come back while there are runs."""
        self._is_soon = False
        if self._engine.closing:
            return
        try:
            self._collect()
        except StoreError as error:
            self._engine.in_trouble(error)
        self._later()

    def off(self) -> None:
        """Look no more."""
        if self._alarm is not None:
            self._alarm()
            self._alarm = None

    def _later(self) -> None:
        self.off()
        engine = self._engine
        if engine.drivers or engine.dormant or engine.failed:
            self._alarm = engine.clock.call_at(engine.clock.now_us() + _LOOK_US, self._look_if_changed)

    def _look_if_changed(self) -> None:
        try:
            changed = self._engine.store.changed()
        except StoreError as error:
            self._engine.in_trouble(error)
            changed = True
        self._engine.dormant.sweep()
        if changed:
            self.look()
        else:
            self._later()

    def _collect(self) -> None:
        engine = self._engine
        for row in engine.store.untaken(engine.kernel):
            engine.answered(row)
        for mail in engine.store.mail(engine.kernel):
            kind, _, rest = mail.address.partition(":")
            if kind != "run":
                continue
            run_id, _, verb = rest.rpartition(":")
            if verb == "cancel" and engine.drives(RunId(run_id)) and self._take(mail):
                node = None if mail.value is None else NodeId(str(mail.value))
                engine.cancel(RunId(run_id), mail.by, node)
            elif verb == "retry" and engine.retry is not None and self._take(mail):
                engine.retry(RunId(run_id), NodeId(str(mail.value)))

    def _take(self, mail: Mail) -> bool:
        return self._engine.store.take_mail(mail.id, self._engine.kernel)

"""The kernel as a `Host`: shows runs in their cells, takes replies while a cell waits, re-enters its loop.

Found by `home.find_host` when the process is a kernel; one per runtime.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from aether_nb import showing
from aether_nb.channels.widget import WidgetChannel
from aether_nb.display.progress import text_table
from aether_nb.display.view import RunView
from aether_nb.engine.journal import SCOPE
from aether_nb.graph.model import GraphSpec
from aether_nb.ids import new_uid
from aether_nb.jupyter import typed
from aether_nb.jupyter.inbox import Inbox
from aether_nb.jupyter.live import LiveRun
from aether_nb.jupyter.printing import listen_from_a_cell
from aether_nb.jupyter.pump import CellOutput, Pump, cell_of, current_kernel
from aether_nb.jupyter.reenter import run_until_complete
from aether_nb.jupyter.registry import Announcement, announce, hook_url
from aether_nb.jupyter.widget import RunWidget
from aether_nb.values import Outputs

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver
    from aether_nb.run import Run
    from aether_nb.runtime import Runtime

ROOM = 20
"""So many runs are drawn in one cell; a page with thousands of widgets shows nobody anything."""

_NO_ROOM = (
    f"Only the first {ROOM} runs of this cell are drawn here. ae.runs() lists all of them, ae.inbox() has what "
    "they ask."
)


def find(runtime: Runtime) -> KernelHost | None:
    """The host for the kernel that this process is, or None."""
    kernel = current_kernel()
    return None if kernel is None else KernelHost(kernel, runtime)


class KernelHost:
    """This kernel.

    Args:
        kernel: the ipykernel.
        runtime: whose runs are shown.
    """

    def __init__(self, kernel: Any, runtime: Runtime) -> None:
        self.kernel = kernel
        self.runtime = runtime
        self.life = new_uid()
        self.pump = Pump.install(kernel)
        self._door: Announcement | None = None
        self._shown: dict[tuple[str, str], str] = {}
        self._drawn: Counter[str] = Counter()
        self._live: dict[str, list[LiveRun]] = {}
        self._told: set[str] = set()
        self._inboxes: list[Inbox] = []
        self._tasks: set[asyncio.Task[None]] = set()
        listen_from_a_cell()
        self._base = contextvars.copy_context()
        self._base.run(SCOPE.set, None)

    def loop(self) -> asyncio.AbstractEventLoop:
        """The kernel's loop; from its main thread."""
        return asyncio.get_running_loop()

    def background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Draw something meanwhile."""
        token = SCOPE.set(None)
        try:
            task = asyncio.get_running_loop().create_task(work, context=self._base.copy())
        finally:
            SCOPE.reset(token)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def show(self, widget: RunWidget) -> CellOutput:
        """Put a widget into the cell that is being executed; its messages overtake the shell queue."""
        self.pump.let_through(widget.model_id)
        output = CellOutput(self.kernel)
        output.publish(widget.bundle(), {})
        return output

    # -- Host ------------------------------------------------------------------------------------

    def cell(self) -> str:
        """The id of the cell that is being executed."""
        return cell_of(self.kernel).cell_id

    def execution(self) -> str:
        """Names this one execution of that cell."""
        return cell_of(self.kernel).msg_id

    def channel(self) -> WidgetChannel:
        """The run's widget asks."""
        return WidgetChannel()

    def hook_url(self) -> str:
        """The hook of the server that started this kernel."""
        return hook_url()

    def announcement(self) -> Announcement | None:
        """What servers are told of the store; None where there is no such door."""
        runtime = self.runtime
        if self._door is None and runtime.kernel and runtime.store.path != ":memory:":
            self._door = announce(runtime.store.uid, runtime.store.path, runtime.kernel)
        return self._door

    def door(self) -> dict[str, str] | None:
        """What the page needs to know to answer by HTTP; None where there is no such door."""
        door = self.announcement()
        return None if door is None else {"store": door.store, "nonce": door.nonce, "base": ""}

    def follow(self, run: Run, spec: GraphSpec) -> Sequence[LiveRun]:
        """Show a run in the cell that is being executed; a cell that starts very many says so instead."""
        listen_from_a_cell()
        here = cell_of(self.kernel).msg_id
        self._drawn[here] += 1
        if self._drawn[here] > ROOM:
            if self._drawn[here] == ROOM + 1:
                CellOutput(self.kernel).publish({"text/plain": _NO_ROOM}, {})
            return []
        live = LiveRun(self, run, spec)
        self._live.setdefault(run.run_id, []).append(live)
        self._shown[run.run_id, here] = live.widget.model_id
        return [live]

    def redraw(self, run: Run) -> None:
        """A run is a cell's last value: shown, unless this execution of the cell shows it already."""
        if (run.run_id, cell_of(self.kernel).msg_id) not in self._shown:
            showing.show(self.runtime, run)

    def answered(self, row: Any) -> None:
        """A reply was accepted: every view of that run shows it."""
        for live in self._live.get(row.run_id, ()):
            live.wait_answered(row)

    def shown(self, run_id: str) -> list[LiveRun]:
        """The widgets of a run."""
        return self._live.get(run_id, [])

    def take_back(self, run_id: str) -> list[LiveRun]:
        """The widgets of a run, to show it from its beginning again."""
        lives = self._live.get(run_id, [])
        for live in lives:
            live.start_over()
        return lives

    def tell(self, run: Run) -> None:
        """Print how a run went, in words that are the same every time; once per run."""
        if run.run_id in self._told:
            return
        self._told.add(run.run_id)
        view = RunView(run.run_id, None, self.runtime.find_spec)
        for event in self.runtime.store.events(run.run_id):
            view.apply(event)
        print(text_table(view.snapshot(), plain=True))  # noqa: T201 - what the cell says

    def run_sync(self, work: Coroutine[Any, Any, Any]) -> Any:
        """On the kernel's own loop."""
        return run_until_complete(work)

    def has_page(self, run_id: str) -> bool:
        """Whether a page shows this run."""
        return any(live.greeted for live in self._live.get(run_id, ()))

    def greeted(self) -> bool:
        """Whether a page shows any run of this kernel."""
        return any(self.has_page(run_id) for run_id in self._live)

    async def result(self, run: Run, driver: Driver) -> Outputs:
        """Wait for the end of a run in the cell that is being executed, by whatever way its questions can be put."""
        if self.runtime.scripted or not cell_of(self.kernel).allow_stdin:
            return await driver.result()
        return await typed.result(self, run, driver)

    def inbox(self) -> None:
        """Show every open question of the store in the cell that is being executed."""
        self._inboxes.append(Inbox(self))

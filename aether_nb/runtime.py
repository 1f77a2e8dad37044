"""The composition root: one `Runtime` per process and store puts the layers together.

Made by `api.py`, which has the public functions; `run.py` is the handle that it gives out, `starting.py` how runs
begin, `resuming.py` how they go on, `history.py` what the store alone can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from aether_nb import answering, history, showing, tools
from aether_nb.answering import Answer, fitting
from aether_nb.calling import GRAPHS, GraphTarget
from aether_nb.channels.console import ConsoleChannel
from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.clock import SystemClock
from aether_nb.engine.driver import Driver
from aether_nb.engine.engine import Engine
from aether_nb.engine.ports import Channel, Clock, RunRow, Store, WaitRow
from aether_nb.engine.specs import find_spec
from aether_nb.engine.state import RunState
from aether_nb.errors import (
    AetherError,
    BadInputs,
    GraphError,
    NoLoop,
    RunError,
    RunHeldElsewhere,
    UnknownRun,
    UnknownWait,
)
from aether_nb.events import FINAL, AnyEvent
from aether_nb.graph.model import GraphSpec
from aether_nb.home import Host, default_store_path, find_host, home_of, shown_home
from aether_nb.ids import NodeId, RunId, Token, is_name, new_uid
from aether_nb.nodes import find_node
from aether_nb.prompts import Reply, is_secret, plain_json
from aether_nb.resuming import Resuming
from aether_nb.run import Run, asleep
from aether_nb.services.shelf import Shelf
from aether_nb.starting import Starting
from aether_nb.store.memory import MemoryStore
from aether_nb.store.sqlite import SqliteStore
from aether_nb.tools.subprocess import abandon
from aether_nb.values import secrets

_LOG = logging.getLogger("aether_nb")
ASKS: dict[str, Any] = {
    t.name: t
    for t in (
        tools.ask_text, tools.ask_approval, tools.ask_choices, tools.ask_number, tools.ask_date, tools.ask_files,
        tools.ask_text_or_files, tools.ask_form,
    )
}  # fmt: skip


class Runtime:
    """Runs of one store, in one process.

    Args:
        store: a path, `":memory:"`, a `Store`, or None for the default path.
        channel: where prompts go; None finds what fits: a script given by AETHER_NB_ANSWERS, the
            notebook, else the terminal.
        max_concurrency: how many tool bodies compute at once.
        services: objects for `context.service(name)`.
        callback_url: where replies from outside come in; None takes AETHER_NB_CALLBACK_URL, else the hook of this
            kernel's Jupyter server where the store allows it.
        hook: whether the store allows that; None leaves it as it is.
        clock: for tests.
    """

    def __init__(
        self,
        *,
        store: str | os.PathLike[str] | Store | None = None,
        channel: Channel | None = None,
        max_concurrency: int = 16,
        services: Mapping[str, Any] | None = None,
        callback_url: str | None = None,
        hook: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        _check_options(channel, max_concurrency, services)
        self.host: Host | None = find_host(self)
        self.channel = channel or self._channel()
        self.store: Store = _opened(store)
        self.clock = clock or SystemClock()
        self.home = home_of(self.store.path)
        if hook is not None:
            self.store.put_setting("hook", "on" if hook else "")
        url = self._hook() if callback_url is None else callback_url
        self.starting = Starting(self)
        self.resuming = Resuming(self)
        self.services = Shelf(self.store.path, self.store.artifacts_dir, services or {}, url)
        self.abandon = partial(abandon, self.services.work_dir)
        self.kernel = ""
        self.closed = False
        self.paused = False
        self.listeners: list[Callable[[Runtime, RunId, Sequence[AnyEvent]], None]] = []
        """Told of all that is committed, on the loop; what one of them raises is logged."""
        self._max_concurrency = max_concurrency
        self._engine: Engine | None = None
        self.channel.attach(self._answer_here, self._give_up)

    def _hook(self) -> str:
        """Where replies from outside come in, when nobody said it here."""
        said = os.environ.get("AETHER_NB_CALLBACK_URL", "")
        if said or self.host is None or self.store.path == ":memory:" or self.store.setting("hook") != "on":
            return said
        return self.host.hook_url()

    def _channel(self) -> Channel:
        answers = os.environ.get("AETHER_NB_ANSWERS")
        if answers:
            return ScriptedChannel.from_file(answers)
        return ConsoleChannel() if self.host is None else self.host.channel()

    @property
    def scripted(self) -> bool:
        """Whether answers come from a script; then runs say only what is the same every time."""
        return self.channel.name == "scripted"

    def engine(self) -> Engine:
        """The engine on the running loop.

        Raises:
            NoLoop: no loop runs here, or the runtime is at work on another one.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise NoLoop from None
        if self._engine is not None and self._engine.loop is not loop:
            if self._engine.loop.is_running():
                raise NoLoop(
                    "This runtime is at work on another event loop, in another thread; use that one."
                )
            self._retire()
        if self._engine is None:
            self._engine = Engine(
                store=self.store, clock=self.clock, channel=self.channel, services=self.services, asks=ASKS,
                kernel=self._registered(), max_concurrency=self._max_concurrency, abandon=self.abandon,
            )  # fmt: skip
            self._engine.retry = self._retry_asked
            self._engine.audience.listener = self._tell
            if self.paused:
                self._engine.scheduler.pause()
        return self._engine

    def _tell(self, run_id: RunId, events: Sequence[AnyEvent]) -> None:
        for listener in list(self.listeners):
            try:
                listener(self, run_id, events)
            except Exception:  # noqa: BLE001 - whatever it was, it is theirs
                _LOG.exception("What listens to runs failed; they go on")

    def _registered(self) -> str:
        """This process's uid in the store, which knows from now on whether it lives."""
        if not self.kernel:
            uid = new_uid()
            self.store.register_kernel(uid, self.home, self.now_ms())
            self.kernel = uid
        return self.kernel

    def _retire(self) -> None:
        """Put all runs to sleep; the next one that is started or resumed gets a new engine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.suspend_all()

    def now_ms(self) -> int:
        """The clock, milliseconds since 1970."""
        return self.clock.now_us() // 1000

    def cell(self) -> str:
        """The cell that is being executed; empty outside notebooks."""
        return "" if self.host is None else self.host.cell()

    def run_sync(self, graph: GraphTarget, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Run to the end from synchronous code; see `Graph.run_sync`."""

        async def work() -> Any:
            return await self.starting.start(graph, inputs, **options)

        if self.host is not None:
            return self.host.run_sync(work())
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise NoLoop("run_sync() would block the event loop that runs here; write `await ...` instead.")
        try:
            return asyncio.run(self._alone(work()))
        except AetherError as error:
            raise error.with_traceback(None) from None  # the frames on the way here are ours and the loop's
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None

    async def _alone(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        finally:
            self._retire()

    # -- finding ---------------------------------------------------------------------------------

    def _at_work(self) -> Engine | None:
        """The engine, while its loop can still turn."""
        return None if self._engine is None or self._engine.loop.is_closed() else self._engine

    def driver(self, run_id: RunId) -> Driver | None:
        """The driver of a run that this process has in memory."""
        engine = self._at_work()
        return None if engine is None else engine.drivers.get(run_id)

    def drives(self, run_id: RunId) -> bool:
        """Whether this process drives a run, in memory or dormant."""
        engine = self._at_work()
        return engine is not None and engine.drives(run_id)

    def awake(self, run_id: RunId) -> Driver | None:
        """The driver of a run that this process drives, loaded if it is dormant. On the loop's thread."""
        engine = self._at_work()
        return None if engine is None else engine.awake(run_id)

    def lost(self, run_id: RunId) -> AetherError | None:
        """Why this process stopped driving a run, when the run's log does not say it."""
        return None if self._engine is None else self._engine.lost.get(run_id)

    def row(self, run_id: str) -> RunRow:
        """A run's row.

        Raises:
            UnknownRun: there is none.
        """
        row = self.store.run(RunId(run_id)) if is_name(run_id) else None
        if row is None:
            raise UnknownRun(
                f"There is no run {run_id!r:.200} in {self.store.path}; ae.runs() lists what there is, as "
                "`aether-nb runs` does."
            )
        return row

    def get(self, run_id: str) -> Run:
        """A handle on any run of the store."""
        return Run(self, self.row(run_id).run_id)

    def found(self, row: RunRow, spec: GraphSpec | None, note: str) -> Run:
        """A handle on a run that is not driven here, shown as it stands."""
        run = Run(self, row.run_id, note=note)
        showing.show(self, run, spec)
        return run

    def fold(self, run_id: RunId) -> RunState:
        """The state of a run, from its log."""
        return history.fold(self.store, self.row(run_id))

    def find_spec(self, key: str) -> GraphSpec | None:
        """A graph's spec by its hex key."""
        return find_spec(self.store, key)

    def alive(self, row: RunRow) -> bool:
        """Whether the kernel that drives a run, or drove it last, lives."""
        if not row.kernel:
            return False
        if row.kernel == self.kernel:
            return self.drives(row.run_id)
        kernel = self.store.kernel(row.kernel, self.now_ms())
        return kernel is not None and kernel.alive

    def holder(self, row: RunRow) -> str:
        """Who drives a run, in words."""
        kernel = self.store.kernel(row.kernel, self.now_ms())
        if kernel is None:
            return "another kernel"
        return f"another process ({shown_home(kernel.home, self.store.path)} on {kernel.host})"

    def graph_of(self, name: str) -> GraphTarget:
        """The graph of that name that is defined in this process.

        Raises:
            GraphError: there is none.
        """
        graph = GRAPHS.get(name)
        if graph is None:
            known = ", ".join(sorted(GRAPHS)) or "none"
            raise GraphError(f"The graph {name!r} is not defined here (known: {known}); run its cell first.")
        return graph

    # -- answering -------------------------------------------------------------------------------

    def answer(self, token: str, value: Any, *, by: str = "", door: str = "api") -> Answer:
        """Answer a wait, from any thread and for any run of the store.

        Raises:
            UnknownWait: there is no such wait.
            ReplyInvalid: the reply does not fit; the wait stays open.
            BadInputs: `by` is no name.
        """
        by = self._named(by)
        row = self.store.wait(Token(token)) if is_name(token) else None
        if row is None:
            return self._kept(Token(token), value, by)
        driver = self.driver(row.run_id)
        if row.status == "open" and driver is not None and driver.state.cancel_requested:
            # it will be in a moment
            return Answer(accepted=False, status="withdrawn", by="", door="", at=None)
        if row.status != "open":
            return Answer.of(row, accepted=False)
        now_ms = self.now_ms()
        secret = partial(secrets.keep, node=row.node_id) if self.drives(row.run_id) else None
        kept = fitting(row.prompt, value, self.services.artifacts, secret=secret)
        if driver is not None:
            driver.questions.check(row, kept)
        done = self.store.answer(row.token, Reply(value=kept, by=by, door=door, at_ms=now_ms), now_ms=now_ms)
        if done is None:
            raise UnknownWait(f"There is no wait {token!r} any more.")
        if not done.accepted and is_secret(row.prompt):
            secrets.drop(kept)
        if done.accepted and self._engine is not None:
            self._engine.post(self._answered, done.wait)
        return Answer.of(done.wait, accepted=done.accepted)

    def _kept(self, token: Token, value: Any, by: str) -> Answer:
        """A reply that came before its wait: it is kept for it, if there is to be one."""
        if not is_name(token) or not self.store.promised(token):
            raise UnknownWait(
                f"There is no wait {token!r:.200} in {self.store.path}; ae.waits() lists the open ones."
            )
        kept = answering.keep(self.store, token, value, by, self.now_ms())
        if kept is None:
            return self.answer(token, value, by=by)
        if kept.status != "kept" and self._engine is not None:
            self._engine.post(self._engine.lookout.look)
        return kept

    def post_event(self, correlator: str, value: Any = None, *, by: str = "") -> int:
        """See `api.post_event`."""
        if not is_name(correlator):
            raise BadInputs(f"correlator={correlator!r} is no name; give a text such as a job's id.")
        return self.post(f"correlator:{correlator}", value, self._named(by))

    def post(self, address: str, value: Any, by: str) -> int:
        """Leave mail; runs of this process that it reaches go on at once."""
        if isinstance(value, secrets.Secret):
            raise BadInputs(
                "A secret is not posted, because what is posted is stored; ask for it where it is needed."
            )
        reached = self.store.post(address, plain_json(value), by, self.now_ms())
        if reached and self._engine is not None:
            self._engine.post(self._engine.lookout.look)
        return reached

    def _answered(self, row: WaitRow) -> None:
        if self._engine is not None:
            self._engine.answered(row)
        if self.host is not None:
            self.host.answered(row)

    def _answer_here(self, token: Token, value: Any) -> Answer:
        return self.answer(token, value, door=self.channel.name)

    def _give_up(self, token: Token, error: Exception) -> None:
        """A channel cannot answer: the node fails with that."""
        row = self.store.wait(token)
        if row is not None and self._engine is not None:
            self._engine.post(self._engine.fail_wait, row, error)

    def _named(self, by: str) -> str:
        if by and not is_name(by):
            raise BadInputs(f"by={by!r:.200} is no name; give a text such as 'ana'.")
        return by or self.me()

    def me(self) -> str:
        """Who sits here: the user of this process."""
        with contextlib.suppress(OSError, KeyError, ImportError):
            return getpass.getuser()
        return "somebody"

    def cancel(self, run_id: str, node: NodeId | None = None) -> None:
        """Cancel a run, wherever it is driven, and then the unfinished runs that it started; or a node of it."""
        row = self.row(run_id)
        if row.status in FINAL:
            return
        taken = self.drives(row.run_id) or (node is None and self._is_taken_to_be_told(row))
        engine = self._at_work()
        if taken and engine is not None:
            engine.on_loop(engine.cancel, row.run_id, self.me(), node)
        elif self.alive(row) or not history.cancel_idle(
            self.store, row, self._registered(), self.me(), self.clock.now_us(), node, self.abandon
        ):
            self.store.post(f"run:{run_id}:cancel", node, self.me(), self.now_ms())
        if node is not None:
            return
        for child in self.store.runs(parent=row.run_id):
            self.cancel(child.run_id)

    def ask_for_retry(self, run_id: RunId, node: str) -> None:
        """Have the kernel that drove a run try a failed node again.

        Raises:
            UnknownNode: there is no such node.
            RunError: nothing failed there.
        """
        row = self.row(run_id)
        state = history.fold(self.store, row)
        sent = find_node(state, node)
        if problem := history.why_not_again(row, state, sent):
            raise RunError(problem)
        self.store.post(f"run:{run_id}:retry", sent.id, self.me(), self.now_ms())

    def _retry_asked(self, run_id: RunId, node: NodeId) -> None:
        """Another process asks for a node of a run that failed here to be tried again."""
        try:
            self.resuming.retry(self.get(run_id), node)
        except AetherError as error:
            _LOG.warning("Run %s is not tried again, as was asked for: %s", run_id, error)

    def _is_taken_to_be_told(self, row: RunRow) -> bool:
        """Take a run that nobody drives and whose tools must hear that it is cancelled, if it can be had here."""
        if self.alive(row) or not history.fold(self.store, row).to_be_told:
            return False
        with contextlib.suppress(NoLoop, GraphError, RunHeldElsewhere):
            self.resuming.take(row, self.graph_of(row.graph), "cancelled")
            return True
        return False

    def pause(self, paused: bool) -> None:
        """Let no tool begin, or let them begin again; see `api.pause`. From any thread."""
        self.paused = paused
        engine = self._engine
        if engine is not None and not engine.loop.is_closed():
            engine.on_loop(engine.scheduler.pause if paused else engine.scheduler.unpause)

    def close(self) -> None:
        """Put the runs to sleep and let go of the store; handles on its runs say so from now on."""
        engine = self._engine
        self._retire()
        self.closed = True
        self.services.close()
        self.store.close()
        secrets.forget_all()
        if engine is not None and not engine.loop.is_closed():
            engine.audience.in_trouble(_LET_GO)
            for driver in list(engine.drivers.values()):
                driver.lose(RunError(asleep(driver.run_id)))


_LET_GO = (
    "its store was let go of, as ae.configure() does; with the same store, ae.resume_all() goes on with it"
)
_OF_A_CHANNEL = ("attach", "show", "close", "say", "follow")


def _check_options(channel: object, max_concurrency: object, services: object) -> None:
    if type(max_concurrency) is not int or max_concurrency < 1:
        raise BadInputs(
            f"max_concurrency={max_concurrency!r}: it is a whole number from 1 up; at least one tool must be able to "
            "compute."
        )
    lacking = [n for n in _OF_A_CHANNEL if channel is not None and not callable(getattr(channel, n, None))]
    if lacking:
        raise BadInputs(
            f"channel={channel!r} is no channel, it has no {lacking[0]}(); give one such as ScriptedChannel({{...}}), "
            "or leave it out."
        )
    if services is not None and not isinstance(services, Mapping):
        raise BadInputs(f'services={services!r}: give the objects by name, as {{"mailer": mailer}}.')


def _opened(store: str | os.PathLike[str] | Store | None) -> Store:
    if store is None or isinstance(store, (str, os.PathLike)):
        path = os.fsdecode(store or default_store_path())
        return MemoryStore() if path == ":memory:" else SqliteStore(path)
    if not callable(getattr(store, "create_run", None)):
        raise BadInputs(f'store={store!r} is no store; give a path such as "runs.db", or ":memory:".')
    return store

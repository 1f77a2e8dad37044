"""What the engine needs from the rest of the house: a store, channels, observers, a clock.

Backends implement these; nothing in the engine imports a backend. `store/memory.py` and
`store/sqlite.py` are the two stores, held to the same tests in `tests/contract`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from aether_nb.engine.pages import Pages
from aether_nb.engine.upkeep import Upkeep
from aether_nb.events import AnyEvent, Event, RunStatus, WaitStatus
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.messages import Message, Telling
from aether_nb.prompts import FileRef, Prompt, Reply
from aether_nb.values import Blobs

# -- rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as the store lists it."""

    run_id: RunId
    graph: str
    home: str
    """Notebook path, or module, that the run belongs to."""
    cell: str
    """Cell of that notebook, empty when unknown."""
    spec: str
    """Hex key of the GraphSpec that it was started with."""
    input_hash: str
    status: RunStatus
    kernel: str
    """uid of the kernel that drives or last drove it; empty when none did."""
    fence: int
    last_seq: int
    created_ms: int
    updated_ms: int
    parent: RunId | None = None


@dataclass(frozen=True, slots=True)
class WaitRow:
    """One wait as the store keeps it: what every door reads and answers."""

    token: Token
    run_id: RunId
    node_id: NodeId
    kind: str
    prompt: Prompt
    schema: Mapping[str, Any]
    """JSON Schema of the reply."""
    deadline_ms: int | None
    status: WaitStatus
    reply: Reply | None
    """Set when answered, kept whatever happens after."""
    taken: bool = False
    """Whether the driver has taken the reply into the log."""
    correlator: str | None = None

    @property
    def is_question(self) -> bool:
        """Whether it asks somebody: it does not when it waits for a job or an event."""
        return self.prompt.kind != "callback"


@dataclass(frozen=True, slots=True)
class KernelRow:
    """One life of one kernel (or script)."""

    uid: str
    host: str
    lock_path: str
    home: str
    beat_ms: int
    alive: bool
    """The lock decides on the same host, the heartbeat (30 s) on another."""


@dataclass(frozen=True, slots=True)
class Append:
    """Events of one run, to be added to its log in one step."""

    run_id: RunId
    kernel: str
    fence: int
    prev_seq: int
    """The log must end here, else nothing of this is written."""
    events: Sequence[AnyEvent]
    status: RunStatus


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a reply."""

    accepted: bool
    wait: WaitRow
    """As it stands now; when not accepted it says who was first, or that it is closed."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What `Store.create_run` needs besides the first events."""

    run_id: RunId
    graph: str
    home: str
    cell: str
    spec: str
    input_hash: str
    kernel: str
    created_ms: int
    parent: RunId | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A note for a driver that somebody else left in the store."""

    id: int
    address: str
    """`run:<run_id>:cancel` (its value a node's id, or None for all of it), `run:<run_id>:retry` (a node's id),
    `token:<token>`, `correlator:<name>`, `hook:<token>` (for a wait of kind `callback` alone)."""
    value: Any
    by: str
    at_ms: int


# -- ports ---------------------------------------------------------------------------------------


class Store(Pages, Upkeep, Protocol):
    """Keeps runs. Every method may be called from any thread, blocks, and is atomic.

    Only the kernel that holds a run's lease (its `kernel` and `fence`) appends to its log; anybody
    answers waits and leaves mail.

    Raises (every method): StoreBusy when another process holds the file's lock for more than 30 s;
    StoreError for anything else the disk or file refuses.
    """

    path: str
    """Where it lies; `":memory:"` when nowhere."""
    uid: str
    """Random id of this store, made with it."""
    artifacts_dir: str
    """Folder for artifacts; made when first needed."""

    def register_kernel(self, uid: str, home: str, now_ms: int) -> None:
        """Announce this kernel's life and take its lock, which goes with the process."""

    def beat(self, uid: str, now_ms: int) -> None:
        """Say that the kernel still lives."""

    def kernel(self, uid: str, now_ms: int) -> KernelRow | None:
        """Look a kernel up, and whether it lives."""

    def put_spec(self, kind: Literal["graph", "schema", "code"], key: str, body: str) -> None:
        """Keep a piece of JSON under its hex key; known keys are left alone."""

    def spec(self, key: str) -> str | None:
        """Read it back."""

    def create_run(
        self, new: NewRun, events: Sequence[AnyEvent], *, status: RunStatus, full: bool = False
    ) -> bool:
        """Create the run with fence 1 and its log so far, in one transaction.

        A fork brings a copied past: a wait whose token another run has stays that run's, the fork's log
        tells of it all the same, and goes on telling when the other run is gone.

        Args:
            new: the run.
            events: its log, from 1 on.
            status: how it stands after them.
            full: fsync before returning (survives power loss); else a kill of the process only.

        Returns:
            False: the id is taken, nothing was written.
        """

    def claim_runs(self, wanted: Sequence[tuple[RunId, int]], kernel: str, now_ms: int) -> list[RunRow]:
        """Make `kernel` the driver of runs and raise their fences by one, in one transaction.

        Whether the old drivers are dead is for the caller to know.

        Args:
            wanted: each run with the fence that it must still have.
            kernel: the new driver; empty gives them back, for anybody to take up.
            now_ms: for `updated_ms`.

        Returns:
            The new rows, in the order wanted, without those that somebody else was quicker at.
        """

    def archive(self, run_id: RunId, now_ms: int) -> RunId:
        """Put a run aside as `<run_id>~<n>`, fsynced.

        Its log is ended as cancelled if it was unfinished, its open waits are withdrawn, its fence is
        raised. Whoever drove it must have left it before.

        Returns:
            The new id.

        Raises:
            UnknownRun: there is no such run.
        """

    def append(self, batch: Sequence[Append], *, full: bool, now_ms: int) -> frozenset[RunId]:
        """Write events in one transaction, each run guarded by kernel, fence and `prev_seq`.

        `WaitOpened` makes the wait's row (status open) and, if a reply for its token or correlator is in the
        mailbox, answers it at once; `ReplyTaken` marks it taken; `ReplyRejected` reopens it;
        `WaitExpired` and `WaitWithdrawn` close it, from open. The run's row gets `status` and `last_seq`.

        Args:
            batch: at most one entry per run.
            full: fsync before returning (survives power loss); else a kill of the process only.
            now_ms: for `updated_ms`.

        Returns:
            The runs that were refused because another driver has them; nothing of theirs was written.
        """

    def run(self, run_id: RunId) -> RunRow | None:
        """One run."""

    def runs(
        self,
        *,
        status: str | None = None,
        graph: str | None = None,
        home: str | None = None,
        parent: RunId | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Runs, newest first; with `parent`, those that this run started."""

    def events(
        self, run_id: RunId, after: int = 0, *, of: Collection[type[Event]] | None = None
    ) -> list[AnyEvent]:
        """The log of a run from `after` (exclusive) on, in order; with `of`, only events of these classes."""

    def wait(self, token: Token) -> WaitRow | None:
        """One wait."""

    def waits(self, *, status: str | None = "open", runs: Collection[RunId] | None = None) -> list[WaitRow]:
        """Waits, earliest deadline first, then oldest; `status=None` is all; with `runs`, only of these."""

    def answer(self, token: Token, reply: Reply, *, now_ms: int) -> Answered | None:
        """Compare-and-set: answer the wait if it is open and not past its deadline; fsynced before return.

        The value must have been through `prompts.check_reply`. None: there is no such wait.
        """

    def expire(self, token: Token, now_ms: int) -> bool:
        """Compare-and-set from open to expired, if its deadline has passed; fsynced. False: it was not open."""

    def untaken(self, kernel: str) -> list[WaitRow]:
        """Waits of runs that `kernel` drives, answered and not yet taken."""

    def promised(self, token: Token) -> bool:
        """Whether Stage A of an unfinished run was given this token and has not opened the wait yet. Not quick."""

    def post(self, address: str, value: Any, by: str, now_ms: int) -> int:
        """Leave mail, fsynced; open waits that it is for and that it fits are answered at once.

        Returns:
            How many were; with 0 it is kept for the first to come.
        """

    def mail(self, kernel: str) -> list[Mail]:
        """Mail for runs that `kernel` drives, not taken yet, oldest first."""

    def take_mail(self, mail_id: int, taken_by: str) -> bool:
        """Compare-and-set: mark mail as taken. False: it was taken already."""

    def changed(self) -> bool:
        """Whether another connection has written since this was last asked; microseconds. One caller only."""

    def close(self) -> None:
        """Let go of files and the kernel's lock. Idempotent."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt for a channel to show: its wait is committed."""

    wait: WaitRow
    graph: str
    node_label: str
    problems: Mapping[str, str] = field(default_factory=dict)
    """Why the last reply was refused, by field."""


class Channel(Protocol):
    """Where prompts and messages of runs go. Called on the loop, must not block.

    Replies come back through what `attach` gave, which is `runtime.answer`, the same for every door.
    """

    name: str
    """The door's name in replies: widget, console, scripted."""

    def attach(
        self, answer: Callable[[Token, Any], object], give_up: Callable[[Token, Exception], object]
    ) -> None:
        """Told once, before anything is shown: how to answer a wait and how to fail it; from any thread.

        `answer` raises ReplyInvalid when the reply does not fit; the wait is then still open.
        """

    def show(self, shown: Shown) -> None:
        """Show a prompt; called once per open wait and life of the kernel, and again when reopened."""

    def close(self, wait: WaitRow) -> None:
        """The wait is not open any more; `wait.status` and `wait.reply` say why."""

    def say(self, run_id: RunId, message: Message) -> None:
        """Show a message; called once per message and life of the run, never again after a resume."""

    def follow(self, run_id: RunId, telling: Telling) -> None:
        """Show how far something is that is being told, a bar or a stream.

        Called as it goes on, a few times a second, and once with its end, which has all of it and is in the log. One
        that a crash or a failure cut short may begin again under the same id.
        """


class Observer(Protocol):
    """Follows a run. Called on the loop after the events are committed, in order, must not block."""

    def on_events(self, run_id: RunId, events: Sequence[AnyEvent], status: RunStatus) -> None:
        """New committed events; `status` is the run's after the last of them."""

    def on_tellings(self, run_id: RunId, tellings: Sequence[Telling]) -> None:
        """What is being told has changed; twenty times a second at most. Its end comes as an event."""

    def on_trouble(self, trouble: str) -> None:
        """The store cannot be written just now, and why; empty when it can be again."""


class Clock(Protocol):
    """Tells the time and rings alarms. Tests move it by hand."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""

    def call_at(self, at_us: int, ring: Callable[[], None]) -> Callable[[], None]:
        """Call `ring` on the running loop at or after `at_us`. Returns a function that calls it off."""


class Memory(Protocol):
    """What `context.memory()` stands on."""

    def record(
        self, kind: str, data: Any, *, at_ms: int, run_id: str = "", node_id: str = "", item_id: str | None = None
    ) -> Any:  # fmt: skip
        """Keep a fact; the same `item_id` twice is kept once."""

    def query(
        self, kind: str | None = None, since: datetime | int | None = None, limit: int | None = None,
        run_id: str | None = None, item_id: str | None = None,
    ) -> Sequence[Any]:  # fmt: skip
        """Facts that meet all conditions, oldest first."""


class Artifacts(Blobs, Protocol):
    """What `context.artifacts()` stands on."""

    def save(self, name: str, data: bytes | str | Path) -> FileRef:
        """Keep bytes, a text, or a copy of a file, under a name for people."""

    def put_file(self, path: str | Path) -> FileRef:
        """Copy a file in."""

    def path(self, sha: str) -> str:
        """Where an artifact lies."""


class Logbook(Protocol):
    """What nodes wrote to their loggers, and printed."""

    def write(self, run_id: str, node_id: str, at_ms: int, level: str, text: str) -> None:
        """Keep a line of a node; from any thread."""

    def printed(self, run_id: str, node_id: str, at_ms: int, text: str) -> None:
        """Keep a piece of what a node printed; from any thread."""


class Services(Protocol):
    """What `context` hands out besides the channel."""

    @property
    def memory(self) -> Memory:
        """Facts that last."""

    @property
    def artifacts(self) -> Artifacts:
        """Files that last."""

    @property
    def logbook(self) -> Logbook:
        """The last lines that each node wrote."""

    @property
    def named(self) -> Mapping[str, Any]:
        """Objects that the user configured, for `context.service(name)`."""

    @property
    def callback_url(self) -> str:
        """Where replies from outside come in, without the token; empty when nobody said."""

    @property
    def work_dir(self) -> Path:
        """A folder beside the store for what tools leave outside of the process; made when first needed."""

    def kv(self, namespace: str) -> Any:
        """A persistent dict."""

"""The JSON that a page gets about a run: one snapshot, then patches. `src/api.ts` has its twin.

`view.py` makes it, `dot.py` and `progress.py` draw from it, `jupyter/widget.py` sends it.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class NodeShape(TypedDict):
    """One node of the picture."""

    id: str
    label: str
    name: str
    kind: Literal["tool", "ask", "wait", "graph", "fn", "map", "when"]
    parent: str
    """The node that it stands inside, `""` at the top."""
    status: Literal["pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
    attempt: int
    started_ms: int | None
    ended_ms: int | None
    error: str
    """One sentence, empty when all is well."""
    guard: NotRequired[tuple[str, str]]
    """For a node in a branch of a choice: the choice, and `then` or `otherwise`."""
    count: NotRequired[CountShape]
    """For a map that has begun; what is inside it is counted, and listed only when somebody opens it."""


class CountShape(TypedDict):
    """How far a map is."""

    done: int
    """How many items succeeded."""
    failed: int
    total: int


class ReplyShape(TypedDict):
    """The quiet line that an answered prompt becomes: ✓ Ada · you · 14:02."""

    text: str
    by: str
    door: str
    at_ms: int


class PromptShape(TypedDict):
    """One question."""

    token: str
    node: str
    seq: int
    """Place in the log: prompts and messages are shown in this order."""
    kind: str
    prompt: dict[str, Any]
    """The `prompts.Prompt` as JSON."""
    state: Literal["open", "answered", "expired", "withdrawn"]
    deadline_ms: int | None
    reply: ReplyShape | None
    source: NotRequired[str]
    """Which run asks, where prompts of several stand together."""
    problems: dict[str, str]
    """Why the last reply was refused, by field; `""` is the reply as a whole."""


class MessageShape(TypedDict):
    """One message, or what is being told and becomes one."""

    id: str
    seq: int
    """Place in the log: where it was said, or where it began."""
    order: int
    """Among those of the same place; 0 for what was said at once."""
    node: str
    kind: Literal["text", "markdown", "image", "file", "table", "progress"]
    state: Literal["said", "live", "stopped"]
    """live: it goes on. stopped: it was broken off."""
    text: str
    name: str
    src: NotRequired[str]
    """For an image that is not too large: a `data:` URL."""
    file: NotRequired[FileShape]
    table: NotRequired[TableShape]
    bar: NotRequired[ProgressShape]


class FileShape(TypedDict):
    """The file of a message."""

    size: int
    path: str
    """Where it lies on the kernel's machine."""
    href: str
    """Its bytes as a `data:` URL; empty when it is not small."""


class TableShape(TypedDict):
    """The table of a message."""

    columns: list[str]
    rows: list[list[str | None]]
    """As people read them."""
    right: list[int]
    """Columns of numbers, which stand to the right."""
    more_rows: int
    """How many are not in here."""
    more_columns: int


class ProgressShape(TypedDict):
    """How far something is."""

    done: float
    total: float | None
    count: str
    """In words: 42/100."""
    pace: str
    """How fast, and how long it will take or took."""


class GrownShape(TypedDict):
    """What a stream that is known has more of."""

    id: str
    at: int
    """Its length so far, as a page counts it (UTF-16)."""
    text: str
    state: Literal["said", "live", "stopped"]


class OutputShape(TypedDict):
    """One output of the finished run, as text."""

    name: str
    text: str


class ErrorShape(TypedDict):
    """Why the run failed."""

    message: str
    node: str
    frames: list[str]
    inputs: dict[str, str]


class RunShape(TypedDict):
    """Everything a page shows of a run."""

    seq: int
    """The last event that is in here."""
    run_id: str
    """Empty for the inbox, which is no run and has no buttons."""
    graph: str
    status: Literal["running", "waiting", "succeeded", "failed", "cancelled", "blocked"]
    created_ms: int
    ended_ms: int | None
    note: str
    """One line about how this run came here: "stored result of 14:02", "went on after a restart"."""
    stored: bool
    """It had ended before it was shown here: nothing of it happened on this page."""
    nodes: list[NodeShape]
    edges: list[tuple[str, str]]
    prompts: list[PromptShape]
    messages: list[MessageShape]
    outputs: list[OutputShape]
    error: ErrorShape | None
    dot: str
    """The graph as DOT, for the page to lay out when `svg` is empty."""
    svg: str
    """The graph laid out by `dot` in the kernel; empty when there is no binary."""


MarkShape = tuple[str, str, int, int | None, int | None]
"""How a node stands that is as it was otherwise: id, status, attempt, started_ms, ended_ms. Most news are this."""


class PatchShape(TypedDict):
    """What changed. Lists hold whole items, to be put in place of those with the same id or token."""

    base: int
    """Applies to a page whose `seq` is this; another page says hello again."""
    seq: int
    status: NotRequired[str]
    ended_ms: NotRequired[int | None]
    note: NotRequired[str]
    nodes: NotRequired[list[NodeShape]]
    marks: NotRequired[list[MarkShape]]
    """After `nodes`: of nodes that the page has."""
    edges: NotRequired[list[tuple[str, str]]]
    """New ones only."""
    prompts: NotRequired[list[PromptShape]]
    messages: NotRequired[list[MessageShape]]
    grown: NotRequired[list[GrownShape]]
    """After the messages."""
    outputs: NotRequired[list[OutputShape]]
    error: NotRequired[ErrorShape | None]
    dot: NotRequired[str]
    svg: NotRequired[str]


BarKind = Literal["queued", "computing", "waiting", "outside"]
"""What a node does: stands ready without a place, computes, waits for a person, waits for something else."""

BarShape = tuple[BarKind, int, int | None]
"""From when to when, in milliseconds since 1970; None while it goes on."""


class RowShape(TypedDict):
    """One node of a timeline."""

    id: str
    label: str
    parent: str
    group: bool
    """Others may stand inside it: what it computes is theirs."""
    status: str
    bars: list[BarShape]


class TimelineShape(TypedDict):
    """The rows that changed."""

    seq: int
    """The last event that is in here."""
    from_ms: int
    """When the run began."""
    rows: list[RowShape]


class ValueShape(TypedDict):
    """One input or output, as text."""

    name: str
    text: str
    cut: NotRequired[str]
    """How much of it this is, when it is not all."""


class AttemptShape(TypedDict):
    """One try of a node."""

    number: int
    status: Literal["running", "waiting", "succeeded", "failed", "cancelled", "lost"]
    """lost: its kernel died, or the node was begun again for another reason that left no outcome."""
    started_ms: int
    ended_ms: int | None
    error: NotRequired[str]
    frames: NotRequired[list[str]]
    """The user's own, innermost last."""
    retry_ms: NotRequired[int]
    """When the next one comes."""


class LineShape(TypedDict):
    """One line that a node wrote to its logger, or printed: that has no level."""

    at_ms: int
    level: str
    text: str


class TimesShape(TypedDict):
    """Where the time of a node went, in milliseconds."""

    queued: int
    computing: int
    waiting: int


class DetailShape(TypedDict):
    """One node close up."""

    node: str
    inputs: list[ValueShape]
    outputs: list[ValueShape]
    attempts: list[AttemptShape]
    log: list[LineShape]
    source: str
    """Its code as it was kept with the run; empty when it could not be had."""
    times: TimesShape

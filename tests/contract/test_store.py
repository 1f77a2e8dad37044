"""What every store must do. The same rules for each backend; a new one is done when it passes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aether_nb.engine.ports import Append, NewRun, Store
from aether_nb.errors import NotStorable, StoreError, UnknownRun
from aether_nb.events import (
    AnyEvent,
    BranchTaken,
    Call,
    CallInserted,
    CallRecorded,
    CallReworded,
    CancelRequested,
    ErrorInfo,
    JournalLeftover,
    MessageSent,
    NodeAdded,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    ReplyRejected,
    ReplyTaken,
    RunBlockedEvent,
    RunCancelledEvent,
    RunFailedEvent,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStatus,
    WaitExpired,
    WaitOpened,
    WaitPolled,
    WaitWithdrawn,
    WithdrawalTold,
)
from aether_nb.facts import replace
from aether_nb.graph.model import Each
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.messages import Bar, Message
from aether_nb.prompts import (
    ApprovalPrompt,
    CallbackPrompt,
    FilesPrompt,
    Poll,
    Prompt,
    Reply,
    TextPrompt,
    reply_schema,
)
from aether_nb.store import MemoryStore, SqliteStore

NOW = 1_763_843_600_000
RUN = RunId("greet-1")
K = "kernel-a"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "runs.db")
    made.register_kernel(K, "lesson.ipynb", NOW)
    yield made
    made.close()


def new_run(run_id: str = RUN, **changes: object) -> NewRun:
    fields = {
        "run_id": RunId(run_id), "graph": "greet", "home": "lesson.ipynb", "cell": "c1", "spec": "ab" * 16,
        "input_hash": "cd" * 16, "kernel": K, "created_ms": NOW,
    }  # fmt: skip
    return NewRun(**{**fields, **changes})  # type: ignore[arg-type]  # a builder with defaults


def started(run_id: str = RUN) -> RunStarted:
    return RunStarted(
        run=RunId(run_id), seq=1, at_us=NOW * 1000, graph="greet", inputs={"who": "Ada"}, priority=2
    )


def create(store: Store, run_id: str = RUN, **changes: object) -> None:
    assert store.create_run(new_run(run_id, **changes), [started(run_id)], status="running")


def add(
    store: Store, *events: AnyEvent, status: RunStatus = "running", kernel: str = K, fence: int = 1,
    full: bool = False,
) -> frozenset[RunId]:  # fmt: skip
    batch = [Append(events[0].run, kernel, fence, events[0].seq - 1, events, status)]
    return store.append(batch, full=full, now_ms=NOW + 1)


def ask(
    seq: int = 2, token: str = "t1", run_id: str = RUN, prompt: Prompt | None = None, **more: object
) -> WaitOpened:
    prompt = prompt or TextPrompt(prompt="Your name?")
    fields = {
        "run": run_id,
        "seq": seq,
        "at_us": NOW * 1000,
        "node": "ask#1",
        "token": token,
        "kind": prompt.kind,
    }
    return WaitOpened(**{**fields, "prompt": prompt, **more})  # type: ignore[arg-type]  # a builder with defaults


def at(cls: type, seq: int, **fields: object) -> AnyEvent:
    node = {"node": NodeId("ask#1")} if "node" in cls.fields() else {}
    return cls(**{"run": RUN, "seq": seq, "at_us": NOW * 1000 + seq, **node, **fields})


CALL = Call(scope="main/f#1", name="add", digest="ff", n=1, line=3)
ERROR = ErrorInfo(
    message="no", error_type="Mine", builtin="ValueError", frames=("a:1 in f: x",), inputs={"a": "1"}
)
EACH = Each(kind="tool", over="x", outputs=("y",), max_concurrency=2)
EVERY_EVENT = [
    at(RunResumed, 2, kernel=K, changed=("add",), spec="ab", code="cd"),
    at(NodeAdded, 3, name="add", kind="ask", call=CALL, after=("b",), inputs={"x": [1, {"y": None}]}, label="L"),
    at(NodeStarted, 4, attempt=2, token="t1", queued_ms=7),
    at(NodeFinished, 5, outputs={"text": 'ü "quoted" \\ \n \u2028 \x00', "n": 10**30, "f": -0.0, "deep": [[[]]]}),
    at(NodeFailed, 6, attempt=3, error=ERROR, retry_at_us=5, queued_ms=1),
    at(NodeCancelled, 7, by="ana"),
    ask(8, prompt=ApprovalPrompt(prompt="Go?", options=("A", "B"), approve="A"), state={"s": 1}, has_default=True),
    at(ReplyTaken, 9, token="t1", reply=Reply(value={"choice": "A"}, by="ana", door="api", at_ms=1)),
    at(ReplyRejected, 10, token="t1", problems={"choice": "no"}),
    at(WaitExpired, 11, token="t1"),
    at(WaitWithdrawn, 12, token="t1"),
    at(MessageSent, 13, node="", call=CALL, message=Message(kind="table", columns=("a",), rows=((1,), ("x",)))),
    at(CallRecorded, 14, call=CALL, value=["2025", None]),
    at(CancelRequested, 15, by="ana"),
    at(RunBlockedEvent, 16, reason="why", body="ask#1", call=CALL, expected=Call(name="add", key="k")),
    at(RunFinished, 17, outputs={"msg": "hi"}),
    at(RunFailedEvent, 18, error=ERROR, node="add"),
    at(RunCancelledEvent, 19),
    at(CallInserted, 20, node="", call=CALL, expected=Call(name="was")),
    at(CallReworded, 21, call=CALL, was=Call(name="add", scope="w#0")),
    at(JournalLeftover, 22, calls=(CALL, Call(name="b"))),
    at(NodeFinished, 23, node='odd "node"/ü\\#1', outputs=None, queued_ms=3),
    ask(24, token="t2", prompt=CallbackPrompt(prompt="", reply={"type": "object"}), poll=Poll(5, 2, 60), on_cancel=True),
    at(WaitPolled, 25, token="t2", n=3, next_at_us=7, problem="OSError: no", begun=True),
    at(WithdrawalTold, 26, token="t2", problem="late"),
    at(BranchTaken, 27, branch="otherwise"),
    at(NodeStarted, 28, items=("a", "b-2"), item={"x": [1]}),
    at(NodeStarted, 29, items=()),
    at(NodeAdded, 30, name="m", kind="map", call=CALL, on_failure="skip", each=EACH),
    at(NodeAdded, 31, name="add", call=CALL, started=True),
    at(
        MessageSent, 32, node="", call=CALL, telling="/x", place=(4, 1), error=ERROR,
        message=Message(kind="progress", text="Reading", bar=Bar(done=1, total=2.5, rate=0.5, took_us=9)),
    ),
    at(
        MessageSent, 33, node="", call=CALL,
        message=Message(
            kind="table", columns=("a",), rows=((0.5,), (None,)), right=(0,), more_rows=3, more_columns=1, size=1
        ),
    ),
]  # fmt: skip


class TestRuns:
    def test_every_event_comes_back_as_it_was(self, store: Store) -> None:
        create(store)
        add(store, *EVERY_EVENT)

        assert store.events(RUN) == [started(), *EVERY_EVENT]
        assert {type(e) for e in store.events(RUN)} == {RunStarted, *map(type, EVERY_EVENT)}

    def test_events_can_be_read_from_a_place_on(self, store: Store) -> None:
        create(store)
        add(store, *EVERY_EVENT)

        assert store.events(RUN, after=15) == EVERY_EVENT[14:]
        assert store.events(RUN, after=99) == []
        assert store.events(RunId("nobody")) == []

    def test_a_run_comes_back_as_it_was_created(self, store: Store) -> None:
        create(store, parent=RunId("mother"))

        row = store.run(RUN)

        assert row is not None
        assert (row.run_id, row.graph, row.home, row.cell) == (RUN, "greet", "lesson.ipynb", "c1")
        assert (row.spec, row.input_hash, row.parent) == ("ab" * 16, "cd" * 16, "mother")
        assert (row.status, row.kernel, row.fence, row.last_seq) == ("running", K, 1, 1)
        assert (row.created_ms, row.updated_ms) == (NOW, NOW)
        assert store.run(RunId("nobody")) is None

    def test_a_run_id_can_be_created_once(self, store: Store) -> None:
        create(store)

        assert not store.create_run(new_run(graph="other"), [started()], status="running")
        assert [row.graph for row in store.runs()] == ["greet"]
        assert store.events(RUN) == [started()]

    def test_a_run_without_a_kernel_is_nobodys(self, store: Store) -> None:
        create(store, kernel="")

        (row,) = store.claim_runs([(RUN, 1)], K, NOW + 5)

        assert (row.kernel, row.fence, row.updated_ms) == (K, 2, NOW + 5)
        assert store.run(RUN) == row

    def test_a_run_that_is_given_back_is_nobodys_and_its_driver_is_fenced_out(self, store: Store) -> None:
        create(store)

        (row,) = store.claim_runs([(RUN, 1)], "", NOW + 5)

        assert (row.kernel, row.fence) == ("", 2)
        assert store.run(RUN) == row
        assert add(store, at(NodeStarted, 2)) == {RUN}
        assert store.kernel("", NOW) is None
        assert [r.kernel for r in store.claim_runs([(RUN, 2)], K, NOW)] == [K]

    def test_of_two_who_claim_a_run_one_gets_it(self, store: Store) -> None:
        create(store)

        (first,) = store.claim_runs([(RUN, 1)], "kernel-b", NOW)
        second = store.claim_runs([(RUN, 1)], "kernel-c", NOW)

        assert first.kernel == "kernel-b"
        assert second == []
        assert store.claim_runs([(RunId("nobody"), 1)], K, NOW) == []
        assert store.claim_runs([], K, NOW) == []

    def test_of_many_runs_those_are_claimed_that_nobody_was_quicker_at(self, store: Store) -> None:
        for name in ("a", "b", "c", "d"):
            create(store, name)
        store.claim_runs([(RunId("b"), 1)], "kernel-b", NOW)
        wanted = [(RunId(name), 1) for name in ("d", "b", "nobody", "a", "d")]

        claimed = store.claim_runs(wanted, "kernel-c", NOW + 5)

        assert [(row.run_id, row.kernel, row.fence, row.updated_ms) for row in claimed] == [
            ("d", "kernel-c", 2, NOW + 5),
            ("a", "kernel-c", 2, NOW + 5),
        ]
        assert claimed == [store.run(RunId("d")), store.run(RunId("a"))]
        assert [(row.run_id, row.kernel) for row in store.runs()] == [
            ("d", "kernel-c"), ("c", K), ("b", "kernel-b"), ("a", "kernel-c"),
        ]  # fmt: skip

    def test_of_kernels_that_claim_the_same_runs_at_once_each_run_has_one(self, store: Store) -> None:
        wanted = [(RunId(f"r{i}"), 1) for i in range(200)]
        for run_id, _ in wanted:
            create(store, run_id)
        ready = threading.Barrier(4)

        def claim_all(kernel: str) -> list[RunId]:
            ready.wait()
            pieces = [wanted[i : i + 10] for i in range(0, 200, 10)]
            return [row.run_id for piece in pieces for row in store.claim_runs(piece, kernel, NOW)]

        kernels = ["kernel-a", "kernel-b", "kernel-c", "kernel-d"]
        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(claim_all, kernels))

        assert Counter(run_id for mine in won for run_id in mine) == Counter(r for r, _ in wanted)
        drivers = {row.run_id: (row.kernel, row.fence) for row in store.runs()}
        assert drivers == {r: (kernel, 2) for kernel, mine in zip(kernels, won, strict=True) for r in mine}

    def test_runs_are_listed_newest_first_and_by_what_is_asked(self, store: Store) -> None:
        create(store, "a", graph="g1")
        create(store, "b", graph="g2", home="other.ipynb")
        create(store, "c", graph="g1")
        add(store, NodeStarted(run=RunId("a"), seq=2, at_us=1, node=NodeId("n")), status="waiting")

        def ids(**asked: object) -> list[str]:
            return [row.run_id for row in store.runs(**asked)]  # type: ignore[arg-type]  # by name

        assert ids() == ["c", "b", "a"]
        assert ids(limit=2) == ["c", "b"]
        assert ids(status="waiting") == ["a"]
        assert ids(graph="g1") == ["c", "a"]
        assert ids(home="other.ipynb") == ["b"]
        assert ids(graph="g1", status="running", limit=5) == ["c"]

    def test_runs_that_a_run_started_are_found_by_it(self, store: Store) -> None:
        create(store, "a")
        create(store, "b", parent=RunId("a"))
        create(store, "c", parent=RunId("a"))
        create(store, "d", parent=RunId("b"))
        assert [row.run_id for row in store.runs(parent=RunId("a"))] == ["c", "b"]
        assert store.runs(parent=RunId("d")) == []

    def test_a_spec_is_kept_once_under_its_key(self, store: Store) -> None:
        create(store)
        assert store.spec("ab" * 16) is None

        store.put_spec("graph", "ab" * 16, '{"name":"greet"}')
        store.put_spec("graph", "ab" * 16, '{"name":"other"}')

        assert store.spec("ab" * 16) == '{"name":"greet"}'


class TestAppend:
    def test_an_append_moves_the_end_of_the_log_and_the_status(self, store: Store) -> None:
        create(store)

        refused = add(store, at(NodeStarted, 2), at(NodeFinished, 3), status="succeeded", full=True)

        row = store.run(RUN)
        assert refused == frozenset()
        assert row is not None
        assert (row.last_seq, row.status, row.updated_ms) == (3, "succeeded", NOW + 1)

    def test_an_append_without_events_changes_the_status_alone(self, store: Store) -> None:
        create(store)

        assert not store.append([Append(RUN, K, 1, 1, [], "waiting")], full=False, now_ms=NOW)

        row = store.run(RUN)
        assert row is not None
        assert (row.last_seq, row.status) == (1, "waiting")

    def test_an_empty_batch_is_a_barrier_and_no_more(self, store: Store) -> None:
        create(store)

        assert store.append([], full=True, now_ms=NOW) == frozenset()
        assert store.events(RUN) == [started()]

    @pytest.mark.parametrize(
        ("kernel", "fence", "prev_seq"), [("kernel-b", 1, 1), (K, 2, 1), (K, 1, 0), (K, 1, 2)]
    )
    def test_a_driver_that_lost_the_run_writes_nothing(
        self, store: Store, kernel: str, fence: int, prev_seq: int
    ) -> None:
        create(store)
        event = ask(prev_seq + 1)

        refused = store.append(
            [Append(RUN, kernel, fence, prev_seq, [event], "waiting")], full=True, now_ms=NOW
        )

        assert refused == {RUN}
        assert store.events(RUN) == [started()]
        assert store.waits() == []
        row = store.run(RUN)
        assert row is not None
        assert (row.status, row.last_seq) == ("running", 1)

    def test_the_old_driver_is_fenced_out_by_a_claim(self, store: Store) -> None:
        create(store)
        store.claim_runs([(RUN, 1)], "kernel-b", NOW)

        assert add(store, at(NodeStarted, 2)) == {RUN}
        assert add(store, at(NodeStarted, 2), kernel="kernel-b", fence=2) == frozenset()

    def test_a_refused_run_leaves_the_others_of_the_batch_alone(self, store: Store) -> None:
        for name in ("a", "b", "c"):
            create(store, name)
        store.claim_runs([(RunId("b"), 1)], "kernel-b", NOW)
        batch = [
            Append(RunId(name), K, 1, 1, [ask(2, f"t-{name}", name)], "waiting")
            for name in ("a", "b", "c", "nobody")
        ]

        assert store.append(batch, full=True, now_ms=NOW) == {"b", "nobody"}

        assert [len(store.events(RunId(name))) for name in ("a", "b", "c")] == [2, 1, 2]
        assert [wait.token for wait in store.waits()] == ["t-a", "t-c"]

    def test_a_gap_in_the_numbers_is_an_error_of_the_caller(self, store: Store) -> None:
        create(store)

        with pytest.raises(StoreError, match="Event 4 of run greet-1"):
            store.append([Append(RUN, K, 1, 1, [at(NodeStarted, 4)], "running")], full=False, now_ms=NOW)
        with pytest.raises(StoreError, match="as number 2 of greet-1"):
            store.append([Append(RUN, K, 1, 1, [ask(2, run_id="b")], "running")], full=False, now_ms=NOW)

    def test_a_value_that_is_not_json_stops_the_batch_before_anything_is_written(self, store: Store) -> None:
        create(store)

        with pytest.raises(NotStorable, match=r"run greet-1, event 3 \(NodeFinished\)"):
            add(store, at(NodeStarted, 2), at(NodeFinished, 3, outputs={"x": object()}))
        with pytest.raises(NotStorable, match="run greet-1, event 2"):
            add(store, at(NodeFinished, 2, outputs="\ud800"))
        assert store.events(RUN) == [started()]

    def test_not_a_number_does_not_break_the_batch(self, store: Store) -> None:
        create(store)

        assert not add(store, at(NodeFinished, 2, outputs=[float("nan"), float("inf")]))
        assert store.events(RUN)[1].seq == 2


class TestArchive:
    def test_an_archived_run_is_over_and_its_name_is_free(self, store: Store) -> None:
        create(store)
        create(store, "child", parent=RUN)
        add(store, ask(2), ask(3, "t2"), status="waiting")
        store.answer(Token("t2"), Reply(value="Ada"), now_ms=NOW)
        log = store.events(RUN)
        store.post(f"run:{RUN}:cancel", None, "ana", NOW)

        new_id = store.archive(RUN, NOW + 9)

        row, child = store.run(new_id), store.run(RunId("child"))
        assert new_id == "greet-1~1"
        assert row is not None
        assert child is not None
        assert (row.status, row.fence, row.last_seq, row.updated_ms) == ("cancelled", 2, 5, NOW + 9)
        assert child.parent == new_id
        assert [event.type for event in store.events(new_id)[3:]] == ["WaitWithdrawn", "RunCancelled"]
        assert [replace(event, run=RUN) for event in store.events(new_id)[:3]] == log
        assert [(w.token, w.status) for w in store.waits(status=None, runs=[new_id])] == [
            ("t1", "withdrawn"),
            ("t2", "answered"),
        ]
        assert store.run(RUN) is None
        create(store)
        assert [one.run_id for one in store.runs()] == [RUN, "child", new_id]
        assert store.waits(status=None, runs=[RUN]) == []
        assert store.mail(K) == []

    def test_each_archived_run_gets_a_name_of_its_own(self, store: Store) -> None:
        for _ in range(2):
            create(store)
            store.archive(RUN, NOW)
        create(store)

        assert store.archive(RUN, NOW) == "greet-1~3"

    def test_a_finished_run_is_archived_as_it_ended(self, store: Store) -> None:
        create(store)
        add(store, at(RunFinished, 2), status="succeeded")

        row = store.run(store.archive(RUN, NOW))

        assert row is not None
        assert (row.status, row.last_seq) == ("succeeded", 2)

    def test_a_driver_cannot_write_to_a_run_that_was_put_aside(self, store: Store) -> None:
        create(store)
        new_id = store.archive(RUN, NOW)

        assert add(store, at(NodeStarted, 2)) == {RUN}
        stale = NodeStarted(run=new_id, seq=3, at_us=1, node=NodeId("n"))
        assert add(store, stale) == {new_id}

    def test_a_run_that_is_not_there_cannot_be_archived(self, store: Store) -> None:
        with pytest.raises(UnknownRun, match="nobody"):
            store.archive(RunId("nobody"), NOW)


class TestWaits:
    @pytest.mark.parametrize(
        "prompt",
        [
            TextPrompt(prompt="Name?", multiline=True),
            ApprovalPrompt(prompt="Go?", options=("Yes", "No"), approve="Yes"),
            FilesPrompt(prompt="Files?", accept=(".csv",)),
            CallbackPrompt(prompt="", job="j1"),
        ],
        ids=lambda prompt: prompt.kind,
    )
    def test_an_opened_wait_can_be_read_whole(self, store: Store, prompt: Prompt) -> None:
        create(store)
        add(store, ask(prompt=prompt, deadline_ms=NOW + 9, correlator="job-1"), status="waiting", full=True)

        wait = store.wait(Token("t1"))

        assert wait is not None
        assert (wait.token, wait.run_id, wait.node_id, wait.kind) == ("t1", RUN, "ask#1", prompt.kind)
        assert (wait.prompt, wait.schema) == (prompt, reply_schema(prompt))
        assert (wait.deadline_ms, wait.correlator) == (NOW + 9, "job-1")
        assert (wait.status, wait.reply, wait.taken) == ("open", None, False)
        assert store.waits() == [wait]
        assert store.wait(Token("nothing")) is None

    def test_waits_are_listed_by_deadline_then_age(self, store: Store) -> None:
        create(store)
        create(store, "b")
        add(store, ask(2, "zz"), ask(3, "late", deadline_ms=NOW + 9), ask(4, "soon", deadline_ms=NOW + 5))
        add(store, ask(2, "aa", "b"))
        store.answer(Token("late"), Reply(value="x"), now_ms=NOW)

        def tokens(**asked: object) -> list[str]:
            return [wait.token for wait in store.waits(**asked)]  # type: ignore[arg-type]  # by name

        assert tokens() == ["soon", "zz", "aa"]
        assert tokens(status=None) == ["soon", "late", "zz", "aa"]
        assert tokens(status="answered") == ["late"]
        assert tokens(runs=[RUN]) == ["soon", "zz"]
        assert tokens(runs={RUN}, status=None) == ["soon", "late", "zz"]
        assert tokens(runs=[RunId("b"), RUN, RunId("nobody")], status=None) == ["soon", "late", "zz", "aa"]
        assert tokens(runs=[]) == []

    def test_a_reply_is_accepted_once_and_waits_to_be_taken(self, store: Store) -> None:
        create(store)
        add(store, ask())

        answered = store.answer(Token("t1"), Reply(value="Ada", by="ana", door="inbox"), now_ms=NOW + 5)

        assert answered is not None
        assert answered.accepted
        assert answered.wait.status == "answered"
        assert answered.wait.reply == Reply(value="Ada", by="ana", door="inbox", at_ms=NOW + 5)
        assert store.untaken(K) == [answered.wait]
        assert store.untaken("kernel-b") == []
        assert store.waits() == []

    def test_a_second_reply_is_told_who_won(self, store: Store) -> None:
        create(store)
        add(store, ask())
        store.answer(Token("t1"), Reply(value="Ada", by="ana", door="inbox"), now_ms=NOW + 5)

        second = store.answer(Token("t1"), Reply(value="Bob", by="bob", door="widget"), now_ms=NOW + 6)

        assert second is not None
        assert not second.accepted
        assert second.wait.reply == Reply(value="Ada", by="ana", door="inbox", at_ms=NOW + 5)

    def test_a_reply_to_nothing_finds_nothing(self, store: Store) -> None:
        assert store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW) is None

    def test_none_is_a_reply(self, store: Store) -> None:
        create(store)
        add(store, ask(prompt=CallbackPrompt(prompt="")))

        answered = store.answer(Token("t1"), Reply(value=None), now_ms=NOW)

        assert answered is not None
        assert answered.wait.reply == Reply(value=None, at_ms=NOW)

    def test_at_its_deadline_a_wait_takes_no_reply_and_can_expire(self, store: Store) -> None:
        create(store)
        add(store, ask(deadline_ms=NOW + 10))
        assert not store.expire(Token("t1"), NOW + 9)

        late = store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW + 10)

        assert late is not None
        assert (late.accepted, late.wait.status, late.wait.reply) == (False, "open", None)
        assert store.expire(Token("t1"), NOW + 10)
        assert not store.expire(Token("t1"), NOW + 10)
        assert store.waits(status="expired")[0].token == "t1"

    def test_a_wait_without_deadline_never_expires(self, store: Store) -> None:
        create(store)
        add(store, ask())

        assert not store.expire(Token("t1"), NOW * 2)
        assert not store.expire(Token("nothing"), NOW)

    @pytest.mark.parametrize("value", [10**5000, "\ud800", [object()]], ids=["huge", "half", "no json"])
    def test_a_reply_that_could_not_be_read_again_is_not_kept(self, store: Store, value: object) -> None:
        create(store)
        add(store, ask())

        with pytest.raises(NotStorable):
            store.answer(Token("t1"), Reply(value=value), now_ms=NOW)
        with pytest.raises(NotStorable):
            store.post("token:t1", value, "ana", NOW)

        assert [wait.status for wait in store.waits(status=None)] == ["open"]
        assert store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW)

    def test_an_answered_wait_does_not_expire(self, store: Store) -> None:
        create(store)
        add(store, ask(deadline_ms=NOW + 10))
        store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW + 9)

        assert not store.expire(Token("t1"), NOW + 11)
        add(store, at(WaitExpired, 3, token="t1"))
        assert [wait.status for wait in store.untaken(K)] == ["answered"]

    def test_a_taken_reply_is_not_untaken_any_more(self, store: Store) -> None:
        create(store)
        add(store, ask())
        reply = Reply(value="Ada", at_ms=NOW)
        store.answer(Token("t1"), reply, now_ms=NOW)

        add(store, at(ReplyTaken, 3, token="t1", reply=reply))

        wait = store.wait(Token("t1"))
        assert wait is not None
        assert (wait.status, wait.taken, wait.reply) == ("answered", True, reply)
        assert store.untaken(K) == []

    def test_a_rejected_reply_opens_the_same_wait_again(self, store: Store) -> None:
        create(store)
        add(store, ask(deadline_ms=NOW + 10))
        store.answer(Token("t1"), Reply(value="bad", by="ana"), now_ms=NOW)

        add(store, at(ReplyRejected, 3, token="t1", problems={"": "no"}))

        assert [(wait.status, wait.reply, wait.deadline_ms) for wait in store.waits()] == [
            ("open", None, NOW + 10)
        ]
        again = store.answer(Token("t1"), Reply(value="good"), now_ms=NOW)
        assert again is not None
        assert again.accepted

    @pytest.mark.parametrize(("event", "status"), [(WaitExpired, "expired"), (WaitWithdrawn, "withdrawn")])
    def test_the_driver_closes_an_open_wait_and_no_reply_comes_after(
        self, store: Store, event: type, status: str
    ) -> None:
        create(store)
        add(store, ask(), at(event, 3, token="t1"))

        late = store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW)

        assert late is not None
        assert (late.accepted, late.wait.status) == (False, status)

    def test_a_reply_that_came_first_outlives_a_withdrawal(self, store: Store) -> None:
        create(store)
        add(store, ask())
        store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW)

        add(store, at(WaitWithdrawn, 3, token="t1"), at(RunCancelledEvent, 4), status="cancelled")

        wait = store.wait(Token("t1"))
        assert wait is not None
        assert wait.reply is not None
        assert (wait.status, wait.taken, wait.reply.value) == ("answered", False, "Ada")
        assert store.untaken(K) == []  # the run is over: kept for the record

    def test_a_fork_copies_finished_questions_without_touching_those_of_the_first_run(
        self, store: Store
    ) -> None:
        create(store)
        add(store, ask())
        reply = Reply(value="Ada", at_ms=NOW)
        store.answer(Token("t1"), reply, now_ms=NOW)
        add(store, at(ReplyTaken, 3, token="t1", reply=reply))
        first = store.wait(Token("t1"))
        fork = [
            started("fork"),
            ask(2, "t1", "fork", TextPrompt(prompt="Reworded?")),
            ReplyTaken(
                run=RunId("fork"), seq=3, at_us=1, node=NodeId("ask#1"), token=Token("t1"), reply=reply
            ),
            ask(4, "t2", "fork"),
            ReplyTaken(
                run=RunId("fork"), seq=5, at_us=1, node=NodeId("ask#1"), token=Token("t2"), reply=reply
            ),
            ask(6, "t3", "fork"),
        ]

        assert store.create_run(new_run("fork"), fork, status="waiting", full=True)

        assert store.events(RunId("fork")) == fork
        assert store.wait(Token("t1")) == first
        assert [(w.token, w.status, w.taken) for w in store.waits(status=None, runs=[RunId("fork")])] == [
            ("t2", "answered", True),
            ("t3", "open", False),
        ]

    def test_a_fork_with_a_long_past_is_there_as_a_whole_and_can_be_forked_again(self, store: Store) -> None:
        def of(run_id: str) -> list[AnyEvent]:
            log: list[AnyEvent] = [started(run_id)]
            for i in range(1000):
                seq, token = len(log) + 1, Token(f"t{i}")
                who = {"run": RunId(run_id), "at_us": NOW, "node": NodeId(f"ask#{i}"), "token": token}
                log.append(ask(seq, token, run_id, TextPrompt(prompt=f"{i}?"), node=f"ask#{i}"))
                log.append(ReplyTaken(seq=seq + 1, reply=Reply(value=f"a{i}", by="ana", at_ms=NOW), **who))
            return log

        for name in ("first", "fork", "again"):
            assert store.create_run(new_run(name), of(name), status="running", full=True)
        assert not store.create_run(new_run("fork"), of("fork"), status="running", full=True)

        for name in ("first", "fork", "again"):
            row = store.run(RunId(name))
            assert row is not None
            assert (row.last_seq, row.fence) == (2001, 1)
            assert store.events(RunId(name)) == of(name)
        assert len(store.waits(status="answered", runs=[RunId("first")])) == 1000
        assert store.waits(status=None, runs=[RunId("fork"), RunId("again")]) == []
        assert not store.append(
            [Append(RunId("fork"), K, 1, 2001, [ask(2002, "new", "fork")], "waiting")], full=True, now_ms=NOW
        )
        assert [wait.token for wait in store.waits()] == ["new"]

    def test_of_many_threads_that_answer_the_same_waits_each_wait_has_one_winner(self, store: Store) -> None:
        create(store)
        tokens = [Token(f"t{i}") for i in range(200)]
        add(store, *(ask(i, token) for i, token in enumerate(tokens, 2)))
        ready = threading.Barrier(4)

        def answer_all(name: str) -> list[Token]:
            ready.wait()
            return [
                token
                for token in tokens
                if (done := store.answer(token, Reply(value=name, by=name), now_ms=NOW)) and done.accepted
            ]

        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(answer_all, ["ana", "bob", "cy", "dee"]))

        assert Counter(token for tokens_won in won for token in tokens_won) == Counter(tokens)
        by = {wait.token: wait.reply.by for wait in store.waits(status="answered") if wait.reply}
        names = ["ana", "bob", "cy", "dee"]
        assert by == {token: name for name, mine in zip(names, won, strict=True) for token in mine}


class TestMail:
    def test_a_reply_that_came_before_the_wait_answers_it_as_it_opens(self, store: Store) -> None:
        create(store)
        store.post("token:t1", "Ada", "ana", NOW - 5)

        add(store, ask())

        (wait,) = store.untaken(K)
        assert wait.reply == Reply(value="Ada", by="ana", door="mailbox", at_ms=NOW - 5)

    def test_an_early_reply_is_brought_into_its_normal_form(self, store: Store) -> None:
        create(store)
        store.post("token:t1", "Approve", "ana", NOW)

        add(store, ask(prompt=ApprovalPrompt(prompt="Go?")))

        (wait,) = store.untaken(K)
        assert wait.reply is not None
        assert wait.reply.value == {"choice": "Approve", "approved": True, "reason": ""}

    def test_an_early_reply_that_does_not_fit_leaves_the_wait_open(self, store: Store) -> None:
        create(store)
        store.post("token:t1", {"not": "a text"}, "ana", NOW)
        store.post("token:t1", "Ada", "bob", NOW + 1)
        store.post("token:t2", 7, "ana", NOW)

        add(store, ask(2, "t1"), ask(3, "t2"))

        assert [(wait.token, wait.reply.by) for wait in store.untaken(K) if wait.reply] == [("t1", "bob")]
        assert [wait.token for wait in store.waits()] == ["t2"]

    def test_an_event_reaches_the_first_wait_that_comes_for_it_and_only_that(self, store: Store) -> None:
        create(store)
        store.post("correlator:job-7", {"url": "u"}, "slurm", NOW)

        add(store, *(ask(i, f"t{i}", prompt=CallbackPrompt(prompt=""), correlator="job-7") for i in (2, 3)))

        assert [wait.token for wait in store.untaken(K)] == ["t2"]
        assert [wait.token for wait in store.waits()] == ["t3"]

    def test_a_posted_event_reaches_all_waits_that_are_open_for_it(self, store: Store) -> None:
        create(store)
        for i in (2, 3, 4):
            add(
                store,
                ask(i, f"t{i}", prompt=CallbackPrompt(prompt=""), correlator="job-7" if i < 4 else "job-8"),
            )

        store.post("correlator:job-7", {"url": "u"}, "slurm", NOW)
        add(store, ask(5, "t5", prompt=CallbackPrompt(prompt=""), correlator="job-7"))

        assert [wait.token for wait in store.untaken(K)] == ["t2", "t3"]
        assert [wait.token for wait in store.waits()] == ["t4", "t5"]

    def test_who_posts_is_told_how_many_waits_it_answered(self, store: Store) -> None:
        create(store)
        add(store, *(ask(i, f"t{i}", prompt=CallbackPrompt(prompt=""), correlator="job") for i in (2, 3)))

        assert store.post("correlator:else", 1, "ana", NOW) == 0
        assert store.post("correlator:job", 1, "ana", NOW) == 2
        assert store.post("correlator:job", 1, "ana", NOW) == 0

    def test_mail_that_does_not_fit_the_schema_is_kept_for_a_wait_that_it_fits(self, store: Store) -> None:
        create(store)
        numbers = CallbackPrompt(prompt="", reply={"type": "integer"})
        add(store, ask(2, "t2", prompt=numbers, correlator="job"))

        assert store.post("correlator:job", "many", "ana", NOW) == 0
        add(store, ask(3, "t3", prompt=CallbackPrompt(prompt=""), correlator="job"))

        (wait,) = store.untaken(K)
        assert (wait.token, wait.reply and wait.reply.value) == ("t3", "many")
        open_wait = store.wait(Token("t2"))
        assert open_wait is not None
        assert (open_wait.status, open_wait.schema) == ("open", {"type": "integer"})

    def test_a_token_is_promised_while_its_run_is_unfinished(self, store: Store) -> None:
        create(store)
        assert not store.promised(Token("t1"))

        add(store, at(NodeStarted, 2, token="t1"), at(NodeStarted, 3))

        assert store.promised(Token("t1"))
        assert not store.promised(Token("t2"))
        add(store, at(RunCancelledEvent, 4), status="cancelled")
        assert not store.promised(Token("t1"))

    def test_mail_for_a_wait_that_opened_meanwhile_is_not_lost(self, store: Store) -> None:
        create(store)
        assert store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW) is None
        add(store, ask())

        store.post("token:t1", "Ada", "ana", NOW)

        assert [wait.token for wait in store.untaken(K)] == ["t1"]

    def test_a_reopened_wait_takes_the_mail_that_came_meanwhile(self, store: Store) -> None:
        create(store)
        add(store, ask(correlator="c"))
        store.answer(Token("t1"), Reply(value="bad"), now_ms=NOW)
        store.post("correlator:c", "good", "ana", NOW)

        add(store, at(ReplyRejected, 3, token="t1", problems={}))

        assert [wait.reply.value for wait in store.untaken(K) if wait.reply] == ["good"]

    def test_mail_for_a_run_goes_to_the_kernel_that_drives_it(self, store: Store) -> None:
        create(store, "a:b")
        create(store, "other", kernel="kernel-b")
        store.post("run:a:b:cancel", {"why": "x"}, "ana", NOW)
        store.post("run:other:cancel", None, "bob", NOW)
        store.post("run:a:b:retry", "node", "ana", NOW + 1)
        store.post("token:t1", "early", "ana", NOW)

        cancel, retry = store.mail(K)

        assert (cancel.address, cancel.value, cancel.by, cancel.at_ms) == (
            "run:a:b:cancel",
            {"why": "x"},
            "ana",
            NOW,
        )
        assert retry.value == "node"
        assert [mail.address for mail in store.mail("kernel-b")] == ["run:other:cancel"]

    def test_mail_is_taken_once(self, store: Store) -> None:
        create(store)
        store.post(f"run:{RUN}:cancel", None, "ana", NOW)
        (mail,) = store.mail(K)

        assert store.take_mail(mail.id, K)
        assert not store.take_mail(mail.id, "kernel-b")
        assert store.mail(K) == []

    def test_taking_mail_that_is_not_there_says_so(self, store: Store) -> None:
        assert not store.take_mail(99, K)


SHA = "0123456789abcdef" * 4
DAY = 86_400_000


def blob(sha: str = SHA) -> dict[str, object]:
    return {"$": "blob", "sha": sha, "size": 9, "media": "text/plain"}


def finish(store: Store, run_id: str, *events: AnyEvent, at_ms: int = NOW) -> tuple[RunId, int]:
    """A run that is over, and how it is asked for when it is to go."""
    create(store, run_id)
    over = RunFinished(run=RunId(run_id), seq=len(events) + 2, at_us=NOW * 1000)
    batch = [Append(RunId(run_id), K, 1, 1, [*events, over], "succeeded")]
    assert not store.append(batch, full=False, now_ms=at_ms)
    return RunId(run_id), 1


class TestUpkeep:
    def test_what_there_is_is_counted(self, store: Store) -> None:
        assert store.figures(NOW).runs == {}
        assert store.figures(NOW).oldest_ms is None
        finish(store, "over")
        create(store, "open", created_ms=NOW + 5)
        add(store, ask(2, "t1", "open"), ask(3, "t2", "open"), status="waiting")
        store.answer(Token("t1"), Reply(value="Ada"), now_ms=NOW)
        store.post("correlator:job", 1, "ana", NOW)

        found = store.figures(NOW)

        assert found.runs == {"succeeded": 1, "waiting": 1}
        assert (found.events, found.waits, found.untaken) == (5, {"open": 1, "answered": 1}, 1)
        assert (found.mail, found.kernels) == (1, 1)
        assert (found.oldest_ms, found.newest_ms) == (NOW, NOW + 5)

    def test_a_run_goes_with_all_that_is_its_own(self, store: Store) -> None:
        reply = ReplyTaken(
            run=RunId("a"), seq=3, at_us=1, node=NodeId("n"), token=Token("t1"), reply=Reply(value="x")
        )
        begun = NodeStarted(run=RunId("a"), seq=4, at_us=1, node=NodeId("n"), token=Token("never"))
        gone = finish(store, "a", ask(2, "t1", "a"), reply, begun)
        kept = finish(store, "b", ask(2, "t2", "b"))
        for address in ("run:a:cancel", "token:never", "token:other", "run:b:cancel"):
            store.post(address, None, "ana", NOW)

        done = store.discard([[gone]], NOW)

        assert done.runs == ("a",)
        assert (done.events, done.waits, done.mail) == (5, 1, 2)
        assert [row.run_id for row in store.runs()] == ["b"]
        assert store.events(RunId("a")) == []
        assert [wait.token for wait in store.waits(status=None)] == ["t2"]
        assert [mail.address for mail in store.mail(K)] == ["run:b:cancel"]
        assert store.figures(NOW).mail == 2
        assert store.discard([[gone]], NOW).runs == ()
        assert store.discard([[kept]], NOW).runs == ("b",)

    def test_a_run_that_takes_the_name_of_one_that_is_gone_begins_with_nothing(self, store: Store) -> None:
        store.discard([[finish(store, RUN, ask(2, "t1"), ask(3, "t2"))]], NOW)
        create(store)

        assert store.events(RUN) == [started()]
        assert store.waits(status=None, runs=[RUN]) == []
        assert store.mail(K) == []

    def test_one_that_is_not_over_or_was_taken_up_keeps_its_family(self, store: Store) -> None:
        old, other, lone = finish(store, "old"), finish(store, "other"), finish(store, "lone")
        create(store, "open")
        store.claim_runs([other], "kernel-b", NOW)

        done = store.discard([[old, (RunId("open"), 1)], [other], [(RunId("nobody"), 1)], [lone]], NOW)

        assert done.runs == ("lone",)
        assert {row.run_id for row in store.runs()} == {"old", "other", "open"}

    def test_a_dry_run_says_the_same_and_leaves_everything(self, store: Store) -> None:
        families = [[finish(store, name, ask(2, f"t-{name}", name))] for name in ("a", "b")]
        store.post("correlator:job", 1, "ana", NOW - 8 * DAY)
        before = (store.runs(), store.figures(NOW), store.waits(status=None))

        said = store.discard(families, NOW, dry_run=True)

        assert (store.runs(), store.figures(NOW), store.waits(status=None)) == before
        assert store.discard(families, NOW) == said
        assert (len(said.runs), said.events, said.waits, said.mail) == (2, 6, 2, 1)

    def test_a_posted_event_waits_seven_days_and_a_reply_for_ever(self, store: Store) -> None:
        create(store)
        add(store, ask(2, "taken"))
        for address, days in (
            ("correlator:new", 6.9), ("correlator:old", 7.1), ("token:early", 99), ("token:taken", 99),
            ("run:nobody:cancel", 7.1), (f"run:{RUN}:cancel", 99),
        ):  # fmt: skip
            store.post(address, "x", "ana", NOW - round(days * DAY))

        assert store.discard([], NOW).mail == 3  # what was delivered is in the log

        asks = (ask(i, f"t{i}", correlator=c) for i, c in ((3, "new"), (4, "old")))
        add(store, *asks, ask(5, "early"))
        assert [wait.token for wait in store.untaken(K)] == ["taken", "early", "t3"]
        assert [mail.address for mail in store.mail(K)] == [f"run:{RUN}:cancel"]

    def test_a_dead_kernel_is_forgotten_when_no_run_names_it(self, store: Store) -> None:
        create(store, "open", kernel="dead-1")
        gone = finish(store, "over")
        store.claim_runs([(RunId("over"), 1)], "dead-2", NOW)

        assert store.discard([], NOW).kernels == 0
        assert store.discard([[(gone[0], 2)]], NOW, dry_run=True).kernels == 1
        assert store.discard([[(gone[0], 2)]], NOW).kernels == 1

        assert store.kernel("dead-2", NOW) is None
        assert store.kernel("dead-1", NOW) is not None
        assert store.kernel(K, NOW) is not None

    @pytest.mark.parametrize(
        "value",
        [blob(), {"deep": [{"v": {"sha256": SHA, "size": 3}}]}, f"/home/ana/artifacts/01/{SHA}", [SHA]],
        ids=["reference", "label", "path", "hash"],
    )
    def test_an_artifact_is_named_by_the_run_whose_log_names_it(self, store: Store, value: object) -> None:
        finish(
            store, "a", NodeFinished(run=RunId("a"), seq=2, at_us=1, node=NodeId("n"), outputs={"x": value})
        )
        finish(
            store, "b", NodeFinished(run=RunId("b"), seq=2, at_us=1, node=NodeId("n"), outputs=SHA[:-1] + "-")
        )

        assert store.named_artifacts().keys() == {SHA}
        assert store.named_artifacts(without=[RunId("b")]).keys() == {SHA}
        assert store.named_artifacts(without=[RunId("a")]) == {}
        store.discard([[(RunId("a"), 1)]], NOW)
        assert store.named_artifacts() == {}

    def test_artifacts_are_named_by_inputs_questions_replies_and_mail(self, store: Store) -> None:
        shas = [f"{n}" * 64 for n in range(5)]
        start = replace(started(), inputs={"x": blob(shas[0])})
        store.create_run(new_run(), [start], status="running")
        add(
            store,
            ask(2, prompt=TextPrompt(prompt=f"Is {shas[1]} right?")),
            ask(3, "t2", prompt=FilesPrompt(prompt="")),
        )
        label = {"name": "a.txt", "size": 1, "sha256": shas[2], "media_type": "text/plain", "path": "/a"}
        store.answer(Token("t2"), Reply(value={"files": [label], "text": ""}), now_ms=NOW)
        add(store, at(MessageSent, 4, node="", call=CALL, message=Message(kind="image", sha256=shas[3])))
        store.post("correlator:job", blob(shas[4]), "ana", NOW)

        assert store.named_artifacts().keys() == set(shas)
        assert store.named_artifacts()[shas[0]] == "text/plain"

    def test_only_artifacts_that_nothing_names_are_dropped(self, store: Store) -> None:
        other = "f" * 64
        create(store)
        add(store, at(NodeFinished, 2, outputs=blob()))
        dropped: list[str] = []

        store.drop_unnamed([SHA, other], dropped.append)

        assert dropped == [other]

    def test_a_fork_can_be_read_when_the_first_run_is_gone(self, store: Store) -> None:
        reply = Reply(value="Ada", at_ms=NOW)

        def past(run_id: str) -> list[AnyEvent]:
            taken = {
                "run": RunId(run_id),
                "seq": 3,
                "at_us": 1,
                "node": NodeId("ask#1"),
                "token": Token("t1"),
            }
            done = NodeFinished(run=RunId(run_id), seq=4, at_us=1, node=NodeId("n"), outputs=blob())
            return [started(run_id), ask(2, "t1", run_id), ReplyTaken(**taken, reply=reply), done]

        for name in ("first", "fork"):
            assert store.create_run(new_run(name), past(name), status="succeeded", full=True)
        store.discard([[(RunId("first"), 1)]], NOW)

        assert store.events(RunId("fork")) == past("fork")
        assert store.named_artifacts().keys() == {SHA}
        assert store.wait(Token("t1")) is None
        assert store.create_run(new_run("again"), past("again"), status="running", full=True)
        assert store.events(RunId("again")) == past("again")
        assert store.events(RunId("fork")) == past("fork")


class TestItsLife:
    def test_a_registered_kernel_lives(self, store: Store) -> None:
        store.beat(K, NOW + 7)

        row = store.kernel(K, NOW + 10**9)

        assert row is not None
        assert (row.uid, row.home, row.beat_ms, row.alive) == (K, "lesson.ipynb", NOW + 7, True)

    def test_a_kernel_that_only_a_run_names_is_dead(self, store: Store) -> None:
        create(store, kernel="kernel-x")

        row = store.kernel("kernel-x", NOW)

        assert row is not None
        assert not row.alive
        assert store.kernel("kernel-y", NOW) is None

    def test_a_kernel_may_register_again(self, store: Store) -> None:
        store.register_kernel(K, "renamed.ipynb", NOW + 1)

        row = store.kernel(K, NOW)

        assert row is not None
        assert (row.home, row.alive) == ("renamed.ipynb", True)

    def test_a_change_is_seen_once(self, store: Store) -> None:
        store.changed()
        assert not store.changed()

        store.post("token:t1", "x", "ana", NOW)

        assert store.changed()
        assert not store.changed()

    def test_a_look_is_no_change(self, store: Store) -> None:
        create(store)
        store.changed()

        store.runs()
        store.waits()
        store.events(RUN)

        assert not store.changed()

    def test_a_store_has_an_id_of_its_own(self, store: Store) -> None:
        assert len(store.uid) >= 20
        assert store.artifacts_dir

    def test_a_closed_store_says_so_and_closes_twice(self, store: Store) -> None:
        store.close()
        store.close()

        with pytest.raises(StoreError, match="let go of"):
            store.runs()
        with pytest.raises(StoreError, match="let go of"):
            store.beat(K, NOW)

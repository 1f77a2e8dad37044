"""The rules of the fold, without a loop, a store or a clock."""

from __future__ import annotations

import pytest

from aether_nb import events as ev
from aether_nb.engine.commands import (
    AttachWait,
    FailFrame,
    FinishFrame,
    RetryNode,
    RunStageB,
    Settle,
    StartNode,
    TimeOut,
)
from aether_nb.engine.state import RunState
from aether_nb.events import Call, ErrorInfo
from aether_nb.graph.model import DictOf, GraphSpec, InputRef, ListOf, Lit, NodeSpec, Ref
from aether_nb.prompts import Reply, TextPrompt

BOOM = ErrorInfo(message="boom", error_type="ValueError")


def node(node_id, *needs, **more):
    inputs = {f"x{i}": Ref(node=n, output="x") for i, n in enumerate(needs)}
    return NodeSpec(**({"id": node_id, "name": node_id, "inputs": inputs, "outputs": ("x",)} | more))


def static(*nodes, **more):
    return GraphSpec(**({"name": "g", "kind": "static", "nodes": nodes} | more))


class Fold:
    """A state and the log that it has seen."""

    def __init__(self, spec, specs=None):
        self.spec, self.specs = spec, specs or {}
        self.state = RunState(spec, self.specs.get)
        self.log = []

    def __call__(self, event_class, /, **fields):
        event = event_class(run="r", seq=len(self.log) + 1, at_us=len(self.log), **fields)
        self.log.append(event)
        return self.state.apply(event)

    def start(self, **inputs):
        return self(ev.RunStarted, graph=self.spec.name, inputs=inputs)

    def begin(self, node_id, attempt=1):
        return self(ev.NodeStarted, node=node_id, attempt=attempt)

    def finish(self, node_id, x=1):
        return self(ev.NodeFinished, node=node_id, outputs={"x": x})

    def fail(self, node_id, error=BOOM):
        return self(ev.NodeFailed, node=node_id, error=error)

    def ask(self, node_id, token="t", **more):
        return self(
            ev.WaitOpened, node=node_id, token=token, kind="text", prompt=TextPrompt(prompt="?"), **more
        )

    def status(self):
        return {n.id: n.status for n in self.state.nodes.values()}


@pytest.fixture
def diamond():
    fold = Fold(static(node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")))
    fold.start()
    return fold


def test_a_run_starts_with_the_nodes_that_need_nothing():
    fold = Fold(static(node("a"), node("b", "a"), node("c")))
    assert fold.start() == [StartNode("a"), StartNode("c")]


def test_a_graph_without_nodes_is_finished_at_once():
    assert Fold(static()).start() == [FinishFrame("")]


def test_a_node_starts_when_the_last_of_its_parents_has_succeeded(diamond):
    assert diamond.finish("a") == [Settle("a"), StartNode("b"), StartNode("c")]
    assert diamond.finish("b") == [Settle("b")]
    assert diamond.finish("c") == [Settle("c"), StartNode("d")]
    assert diamond.finish("d") == [Settle("d"), FinishFrame("")]


def test_after_without_data_is_an_edge_like_any_other():
    fold = Fold(static(node("a"), node("b", after=("a",))))
    assert fold.start() == [StartNode("a")]
    assert StartNode("b") in fold.finish("a")


def test_below_a_failure_everything_is_skipped_and_nothing_started(diamond):
    diamond.finish("a")
    assert diamond.fail("b") == [Settle("b")]
    assert diamond.status() == {"a": "succeeded", "b": "failed", "c": "pending", "d": "skipped"}


def test_independent_branches_finish_before_the_frame_fails(diamond):
    diamond.finish("a")
    diamond.fail("b")
    assert diamond.finish("c") == [Settle("c"), FailFrame("", "b", BOOM)]


def test_the_first_failure_is_the_one_that_the_frame_tells(diamond):
    other = ErrorInfo(message="later", error_type="KeyError")
    diamond.finish("a")
    diamond.fail("c", other)
    assert diamond.fail("b") == [Settle("b"), FailFrame("", "c", other)]


def test_a_failure_with_a_retry_to_come_skips_nothing(diamond):
    commands = diamond(ev.NodeFailed, node="a", error=BOOM, retry_at_us=5)
    assert commands == [RetryNode("a", 5)]
    assert set(diamond.status().values()) == {"pending"}


def test_a_pause_is_gone_on_with_after_a_restart_and_is_over_when_the_next_attempt_begins(diamond):
    diamond.begin("a")
    diamond(ev.NodeFailed, node="a", error=BOOM, retry_at_us=5)
    assert diamond.state.resume() == [RetryNode("a", 5)]
    assert diamond.state.next_attempt(diamond.state.nodes["a"]) == [StartNode("a")]
    diamond.begin("a", attempt=2)
    assert diamond.state.resume() == [StartNode("a")]
    assert diamond.state.nodes["a"].failures == 1


def test_a_node_that_a_person_cancelled_is_no_failure_of_its_graph_unless_that_needs_it():
    needs = Fold(static(node("a"), node("b", "a"), result={"x": ListOf(items=(Ref(node="b", output="x"),))}))
    needs.start()
    needs(ev.RunResumed)
    assert needs(ev.NodeCancelled, node="a", by="ana") == [
        Settle("a"),
        FailFrame("", "a", ErrorInfo(message="cancelled by ana", error_type="NodeCancelled")),
    ]
    assert needs.status() == {"a": "cancelled", "b": "skipped"}
    can_do_without = Fold(static(node("a"), node("b", "a")))
    can_do_without.start()
    assert can_do_without(ev.NodeCancelled, node="a", by="ana") == [Settle("a"), FinishFrame("")]


def test_what_a_tool_was_not_given_is_forgotten_for_its_next_attempt_and_what_it_was_given_is_kept():
    fold = Fold(static(node("a")))
    fold.start()
    fold.begin("a")
    for name in ("well", "ill"):
        call = Call(name=name)
        fold(ev.NodeAdded, node=f"a/{name}", name=name, kind="ask", parent="a", call=call)
        fold.ask(f"a/{name}", token=name)
    fold.finish("a/well")
    fold.fail("a/ill")
    fold(ev.NodeFailed, node="a", error=BOOM, retry_at_us=5)
    well, ill = fold.state.journals["a"].entries
    assert (well.outcome, ill.outcome) == ("ok", None)
    assert fold.state.journals["a"].outcomes == [well]
    assert (fold.state.nodes["a/ill"].status, fold.state.nodes["a/ill"].wait) == ("pending", None)


def test_expressions_are_resolved_in_their_frame():
    spec = static(node("a"), inputs=(), result={})
    fold = Fold(spec)
    fold.start(n=5)
    fold.finish("a", 7)
    frame = fold.state.frames[""]
    both = ListOf(items=(Ref(node="a", output="x"), Lit(value="l"), InputRef(name="n")))
    assert fold.state.frames.resolve(frame, DictOf(items={"k": both})) == {"k": [7, "l", 5]}
    assert fold.state.frames.resolve(frame, Ref(node="a")) == {"$": "outputs", "v": {"x": 7}}


INNER = static(node("in"), node("out", "in"), name="inner")
OUTER = static(
    node("a"), node("sub", "a", name="inner", kind="graph"), node("z", "sub"), subgraphs={"inner": INNER}
)


def test_a_graph_in_a_graph_opens_a_frame_of_its_own_and_closes_it():
    fold = Fold(OUTER)
    fold.start()
    fold.finish("a")
    assert fold.begin("sub") == [StartNode("sub/in")]
    fold.finish("sub/in")
    assert fold.finish("sub/out") == [Settle("sub/out"), FinishFrame("sub")]
    assert fold.finish("sub") == [Settle("sub"), StartNode("z")]


def test_a_failure_inside_fails_the_inner_frame_only_when_it_has_nothing_left_to_do():
    fold = Fold(OUTER)
    fold.start()
    fold.finish("a")
    fold.begin("sub")
    assert fold.fail("sub/in") == [Settle("sub/in"), FailFrame("sub", "sub/in", BOOM)]
    assert fold.fail("sub") == [Settle("sub"), FailFrame("", "sub", BOOM)]
    assert fold.state.origin(fold.state.nodes["sub"]).id == "sub/in"


def test_a_frame_whose_node_was_cancelled_closes_without_a_word():
    fold = Fold(OUTER)
    fold.start()
    fold.finish("a")
    fold.begin("sub")
    fold(ev.NodeCancelled, node="sub")
    assert fold(ev.NodeCancelled, node="sub/in") == [Settle("sub/in")]


def test_a_graph_that_a_body_called_finds_its_spec_by_key():
    fold = Fold(GraphSpec(name="f", kind="function"), {"key": INNER})
    fold.start()
    fold(ev.NodeAdded, node="i", name="inner", kind="graph", call=Call(name="inner"), spec="key")
    assert fold.begin("i") == [StartNode("i/in")]


def asking(**more):
    fold = Fold(static(node("q", kind="ask"), node("z", "q")))
    fold.start()
    fold.ask("q", **more)
    return fold


def test_a_run_waits_while_a_question_is_open_and_nothing_computes():
    fold = Fold(static(node("q", kind="ask"), node("b")))
    fold.start()
    fold.begin("b")
    fold.ask("q")
    assert fold.state.status == "running"
    fold.finish("b")
    assert fold.state.status == "waiting"


def test_a_reply_goes_to_stage_b_and_the_run_computes_again():
    fold = asking()
    reply = Reply(value="Ada")
    assert fold(ev.ReplyTaken, node="q", token="t", reply=reply) == [RunStageB("q", reply)]
    assert fold.state.status == "running"
    assert fold.state.nodes["q"].status == "running"


def test_a_refused_reply_opens_the_same_question_again():
    fold = asking()
    fold(ev.ReplyTaken, node="q", token="t", reply=Reply(value=""))
    assert fold(ev.ReplyRejected, node="q", token="t", problems={"": "empty"}) == []
    assert fold.state.waits["t"].status == "open"
    assert fold.state.status == "waiting"


def test_an_expired_question_with_a_default_goes_to_stage_b_with_it():
    fold = asking(has_default=True, default="nobody", deadline_ms=9)
    (command,) = fold(ev.WaitExpired, node="q", token="t")
    assert command == RunStageB("q", Reply(value="nobody", door="default", at_ms=9))


def test_an_expired_question_without_default_times_out():
    assert asking(deadline_ms=9)(ev.WaitExpired, node="q", token="t") == [TimeOut("q")]


def test_a_withdrawn_question_is_not_waited_for():
    fold = asking()
    fold(ev.WaitWithdrawn, node="q", token="t")
    assert fold.state.waits["t"].status == "withdrawn"
    assert fold.state.status == "running"


def test_a_poll_is_remembered_with_its_next_time_and_the_failures_in_a_row():
    fold = asking()
    for n, problem in enumerate(["no", "no", "", "no"], 1):
        assert fold(ev.WaitPolled, node="q", token="t", n=n, next_at_us=n * 10, problem=problem) == []
    wait = fold.state.waits["t"]
    assert (wait.polls, wait.next_poll_us, wait.failed_polls) == (4, 40, 1)
    assert fold.state.status == "waiting"


def test_a_tool_that_wants_to_know_is_to_be_told_until_it_was():
    fold = asking(on_cancel=True)
    assert [w.opened.token for w in fold.state.to_be_told] == ["t"]
    fold(ev.WaitWithdrawn, node="q", token="t")
    assert len(fold.state.to_be_told) == 1
    fold(ev.WithdrawalTold, node="q", token="t")
    assert fold.state.to_be_told == []
    assert asking().state.to_be_told == []


def test_the_token_of_a_node_is_known_until_its_wait_is_open_or_it_is_sent_back():
    fold = Fold(static(node("q", kind="wait")))
    fold.start()
    fold(ev.NodeStarted, node="q", token="t")
    assert fold.state.nodes["q"].token == "t"
    fold.fail("q")
    fold(ev.NodeRetried, node="q")
    assert fold.state.nodes["q"].token is None
    fold(ev.NodeStarted, node="q", token="t2", attempt=2)
    fold.ask("q", "t2")
    assert fold.state.nodes["q"].token is None


def test_a_node_that_is_sent_back_keeps_the_reply_it_had_and_asks_again_without_one():
    fold = asking()
    reply = Reply(value="Ada")
    fold(ev.ReplyTaken, node="q", token="t", reply=reply)
    fold.fail("q")
    fold(ev.NodeRetried, node="q")
    assert fold.state.resume_node(fold.state.nodes["q"]) == [RunStageB("q", reply)]
    for more, closed in [({}, ev.WaitWithdrawn), ({"deadline_ms": 9}, ev.WaitExpired)]:
        fold = asking(**more)
        fold(closed, node="q", token="t")
        fold.fail("q")
        fold(ev.NodeRetried, node="q")
        assert fold.state.resume_node(fold.state.nodes["q"]) == [StartNode("q")]


# -- coming back ---------------------------------------------------------------------------------


def run_to_the_end():
    """A graph with a question, a nested graph and a join, and the commands that each event made due."""
    spec = static(
        node("a"),
        node("q", kind="ask", after=("a",)),
        node("sub", "a", name="inner", kind="graph"),
        node("z", "sub", "q"),
        subgraphs={"inner": INNER},
    )
    fold = Fold(spec)
    due = [fold.start()]
    reply = Reply(value="Ada")
    steps = (
        lambda: fold.begin("a"),
        lambda: fold.finish("a"),
        lambda: fold.ask("q"),
        lambda: fold.begin("sub"),
        lambda: fold.begin("sub/in"),
        lambda: fold(ev.ReplyTaken, node="q", token="t", reply=reply),
        lambda: fold.finish("sub/in"),
        lambda: fold.finish("q"),
        lambda: fold.begin("sub/out"),
        lambda: fold.finish("sub/out"),
        lambda: fold.finish("sub"),
        lambda: fold.begin("z"),
        lambda: fold.finish("z"),
    )
    due += [step() for step in steps]
    return fold, due


def outstanding(log, due):
    """What the commands so far still ask for, by node, read off the log alone."""
    left = {}
    for event, commands in zip(log, due, strict=True):
        if event.type in {"NodeFinished", "NodeFailed"}:
            left.pop(event.node, None)
        if event.type == "WaitOpened":
            left[event.node] = AttachWait(event.node)
        if event.type == "NodeStarted" and event.node == "sub":
            left.pop("sub", None)  # its frame says what is left of it
        left |= {c.node: c for c in commands if not isinstance(c, Settle)}
    return set(left.values())


@pytest.mark.parametrize("length", range(1, 15))
def test_a_log_cut_anywhere_leaves_to_do_what_was_not_done(length):
    fold, due = run_to_the_end()
    state = RunState(fold.spec, fold.specs.get)
    for event in fold.log[:length]:
        state.apply(event)
    assert set(state.resume()) == outstanding(fold.log[:length], due[:length])


def test_a_run_that_is_over_has_nothing_left_to_do():
    fold, _ = run_to_the_end()
    fold(ev.RunFinished, outputs={})
    assert fold.state.resume() == []
    assert fold.state.final


def test_a_frame_that_was_complete_when_the_kernel_died_is_closed():
    fold = Fold(static(node("a"), node("b")))
    fold.start()
    fold.fail("a")
    fold.finish("b")
    assert fold.state.resume() == [FailFrame("", "a", BOOM)]


def test_a_node_that_was_running_when_the_kernel_died_counts_its_crashes():
    fold = Fold(static(node("a")))
    fold.start()
    fold.begin("a")
    fold(ev.RunResumed)
    fold.begin("a", 2)
    fold(ev.RunResumed)
    assert fold.state.nodes["a"].crashes == 2
    fold(ev.RunResumed)  # died before the body began again
    assert fold.state.nodes["a"].crashes == 2
    fold(ev.RunBlockedEvent, reason="twice")
    assert fold.state.status == "blocked"
    fold(ev.RunResumed)  # a person has looked at it
    assert (fold.state.status, fold.state.nodes["a"].crashes) == ("running", 0)


def test_a_second_stage_that_was_running_counts_its_crashes_without_saying_that_it_began():
    fold = asking()
    fold(ev.ReplyTaken, node="q", token="t", reply=Reply(value="Ada"))
    fold(ev.RunResumed)
    fold(ev.RunResumed)
    assert fold.state.nodes["q"].crashes == 2


def test_only_what_comes_soon_after_a_resume_may_have_crashed_before():
    fold = Fold(static(node("a")))
    fold.start()
    assert not fold.state.may_have_crashed_here
    fold(ev.RunResumed)
    assert fold.state.may_have_crashed_here
    for _ in range(201):
        fold(ev.CallRecorded, node="", call=Call(name="now"), value=5)
    assert not fold.state.may_have_crashed_here


def test_code_that_changed_once_stays_changed_for_the_journal():
    fold = Fold(GraphSpec(name="f", kind="function"))
    fold.start()
    fold(ev.RunResumed, changed=("f",))
    fold(ev.RunResumed, changed=())
    fold(ev.RunResumed, changed=("g",))
    assert fold.state.changed == ("f", "g")


# -- edited graphs -------------------------------------------------------------------------------


def after_edit(log, spec):
    state = RunState(spec, lambda key: None)
    for event in log:
        state.apply(event)
    return state


def test_events_of_a_node_that_was_edited_away_harm_nobody():
    fold = Fold(static(node("a"), node("old", "a", kind="ask"), node("z", "a")))
    fold.start()
    fold.finish("a")
    fold.ask("old")
    state = after_edit(fold.log, static(node("a"), node("z", "a")))
    assert state.resume() == [StartNode("z")]
    assert state.is_gone(state.nodes["old"])
    assert not state.is_gone(state.nodes["a"])


def test_a_node_inserted_before_one_that_is_done_runs_and_the_done_one_stays_done():
    fold = Fold(static(node("a"), node("b", "a"), node("c", "b")))
    fold.start()
    fold.finish("a")
    fold.finish("b")
    state = after_edit(fold.log, static(node("a"), node("new", "a"), node("b", "new"), node("c", "b")))
    assert set(state.resume()) == {StartNode("new"), StartNode("c")}
    new = ev.NodeFinished(run="r", seq=4, at_us=0, node="new", outputs={"x": 0})
    assert state.apply(new) == [Settle("new")]


def test_a_call_that_began_at_once_runs_from_then_on():
    fold = Fold(GraphSpec(name="f", kind="function"))
    fold.start()
    fold(ev.NodeAdded, node="a", name="a", call=Call(name="a"), started=True)
    node = fold.state.nodes["a"]
    assert (node.status, node.attempt, node.started_us) == ("running", 1, fold.log[-1].at_us)
    fold.finish("a")
    assert node.status == "succeeded"


# -- journals ------------------------------------------------------------------------------------


def test_a_journal_keeps_calls_in_their_order_and_outcomes_in_theirs():
    fold = Fold(GraphSpec(name="f", kind="function"))
    fold.start()
    for n in ("a", "b"):
        fold(ev.NodeAdded, node=n, name=n, call=Call(name=n))
    fold(ev.CallRecorded, node="", call=Call(name="now"), value=5)
    fold.finish("b")
    fold.fail("a")
    journal = fold.state.journals[""]
    assert [e.call.name for e in journal.entries] == ["a", "b", "now"]
    assert [(e.call.name, e.outcome) for e in journal.outcomes] == [
        ("now", "ok"),
        ("b", "ok"),
        ("a", "failed"),
    ]


def test_a_message_is_an_entry_of_the_body_that_sent_it():
    fold = Fold(GraphSpec(name="f", kind="function"))
    fold.start()
    fold(ev.MessageSent, node="t", call=Call(name="send_text"), message=ev.Message(text="hi"))
    assert [e.call.name for e in fold.state.journals["t"].entries] == ["send_text"]


def test_below_a_body_stands_everything_it_called_and_what_those_called():
    fold = Fold(GraphSpec(name="f", kind="function"), {"key": INNER})
    fold.start()
    fold(ev.NodeAdded, node="i", name="inner", kind="graph", call=Call(name="inner"), spec="key")
    fold.begin("i")
    fold(ev.NodeAdded, node="t", name="t", call=Call(name="t"))
    fold(ev.NodeAdded, node="t/q", name="q", kind="ask", parent="t", call=Call(name="q"))
    assert {n.id for n in fold.state.below("")} == {"i", "i/in", "i/out", "t", "t/q"}


# -- cost ----------------------------------------------------------------------------------------


class Counting(dict):
    """A dict that counts how often it is read, and refuses to be walked through."""

    reads = 0

    def __getitem__(self, key):
        self.reads += 1
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.reads += 1
        return super().get(key, default)

    def __iter__(self):
        raise AssertionError("an event walks through all nodes")

    values = items = keys = __iter__


def touched(size):
    """How many lookups of nodes the events of one node in a chain take, in a graph of that size."""
    fold = Fold(static(*(node(f"n{i}", *([f"n{i - 1}"] if i else [])) for i in range(size))))
    fold.start()
    fold.state.nodes = nodes = Counting(fold.state.nodes)
    fold.state.frames[""].missing = missing = Counting(fold.state.frames[""].missing)
    fold.begin("n0")
    fold.ask("n0")
    fold(ev.ReplyTaken, node="n0", token="t", reply=Reply(value=1))
    fold.finish("n0")
    assert fold.state.status == "running"
    return nodes.reads + missing.reads


def test_an_event_costs_what_it_touches_however_large_the_graph_is():
    assert touched(1000) == touched(10)


# -- journals and edits --------------------------------------------------------------------------


def called(n):
    return Call(name="ask_text", digest=str(n), line=n)


@pytest.fixture
def asked():
    """A graph function that asked twice."""
    fold = Fold(GraphSpec(name="f", kind="function"))
    fold.start()
    for n in (1, 2):
        fold(ev.NodeAdded, node=f"ask{n}", name="ask_text", kind="ask", call=called(n))
    return fold


def test_a_reworded_call_takes_the_place_of_the_recorded_one(asked):
    assert asked(ev.CallReworded, node="", call=called(3), was=called(1)) == []
    entries = asked.state.journals[""].entries
    assert [(e.call, e.node) for e in entries] == [(called(3), "ask1"), (called(2), "ask2")]


def test_a_call_that_is_left_over_is_not_expected_any_more_and_still_stands_inside(asked):
    assert asked(ev.JournalLeftover, node="", calls=(called(1),)) == []
    assert [e.left for e in asked.state.journals[""].entries] == [True, False]
    assert [n.id for n in asked.state.below("")] == ["ask1", "ask2"]


def test_an_inserted_call_is_known_to_be_one(asked):
    assert asked(ev.CallInserted, node="", call=called(3), expected=called(1)) == []
    assert len(asked.state.journals[""].inserted) == 1


def test_what_blocks_a_run_is_known_until_it_is_resumed(asked):
    asked(ev.RunBlockedEvent, reason="why", body="", call=called(3), expected=called(1))
    assert (asked.state.status, asked.state.blocked.call) == ("blocked", called(3))
    asked(ev.RunResumed)
    assert (asked.state.status, asked.state.blocked) == ("running", None)


def test_everything_downstream_of_a_node_is_found_however_far(diamond):
    nodes = diamond.state.nodes
    frames = diamond.state.frames

    def after(node):
        return {n.id for n in frames.after(frames[""], [nodes[node]])[0]}

    assert after("a") == {"b", "c", "d"}
    assert after("b") == {"d"}
    assert after("d") == set()

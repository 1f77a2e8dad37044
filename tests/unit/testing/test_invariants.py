"""Every promise that the crash kit checks is seen to be broken when a log, the waits or the ledger are doctored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lives import Life, log

from aether_nb import facts, graph_fn, tool
from aether_nb.errors import AetherError, InvariantBroken
from aether_nb.events import (
    MessageSent,
    NodeFinished,
    NodeStarted,
    ReplyRejected,
    ReplyTaken,
    RunFinished,
    WaitOpened,
)
from aether_nb.store.memory import MemoryStore
from aether_nb.testing import Note, Report, Snapshot, check_invariants

RUN = "r"


@tool(outputs=["x"])
async def work(x):
    return {"x": x}


@graph_fn(name="doctored", outputs=["out"])
async def doctored(*, context):
    await work(1)
    name = await context.channel().ask_text("Name?")
    await context.channel().send_text("Hi")
    await work(2)
    return {"out": name}


@pytest.fixture
async def events():
    store = MemoryStore()
    life = Life(store, {"Name?": "Ada"})
    await life.start(doctored, run_id=RUN)
    await life.end()
    return tuple(log(store)), tuple(store.waits(status=None))


def index(log, kind, n=0):
    return [i for i, e in enumerate(log) if isinstance(e, kind)][n]


def keys(log):
    return [f"{RUN}/{e.node}/0" for e in log if isinstance(e, NodeFinished) and e.node.startswith("work")]


@pytest.fixture
def story(events):
    """A run that died with its question open, and came back as it should; and one that never died."""
    log, waits = events
    opened = index(log, WaitOpened)
    first, second = keys(log)
    asked = next(e for e in log if isinstance(e, WaitOpened))
    before_the_question = asked.at_us / 1e6 - 1
    notes = (Note("work", first, 1, before_the_question), Note("work", second, 2, before_the_question + 9))
    open_wait = replace(waits[0], status="open", reply=None)
    death = Snapshot({RUN: log[: opened + 1]}, (open_wait,), notes[:1])
    end = Snapshot({RUN: log}, waits, notes)
    calm = Report((), (), end, 0, "", Path("runs.db"))
    return Report(("after:commit:WaitOpened",), (death,), end, 0, "", Path("runs.db")), calm


def broken(story, *, log=None, waits=None, ledger=None, death=None, **more):
    """What is found when the story is told differently."""
    report, calm = story
    end = report.end
    end = Snapshot(
        {RUN: end.logs[RUN] if log is None else tuple(log)},
        end.waits if waits is None else tuple(waits),
        end.ledger if ledger is None else tuple(ledger),
    )
    deaths = report.deaths if death is None else (death,)
    with pytest.raises(InvariantBroken) as caught:
        check_invariants(replace(report, end=end, deaths=deaths, **more), calm)
    return caught.value


def renumbered(log):
    return [facts.replace(e, seq=i) for i, e in enumerate(log, 1)]


def inserted(log, at, event):
    return renumbered([*log[:at], event, *log[at:]])


def test_a_run_that_came_back_as_it_should_passes(story):
    report, calm = story
    check_invariants(report, calm)
    check_invariants(calm, calm)
    assert report.lives == 2
    assert report.end.outputs == {RUN: {"out": "Ada"}}


def test_the_message_names_the_point_the_promise_and_what_was_seen(story):
    error = broken(story, code=1, said="Traceback ...")
    assert str(error).startswith(
        "Killed 'after:commit:WaitOpened', the run did not come back as it should:\n  - "
    )
    assert error.broken == ("the script ends: the last life ended with exit code 1 and said:\nTraceback ...",)
    assert isinstance(error, AssertionError)
    assert isinstance(error, AetherError)


def test_a_run_that_stands_still_is_found(story):
    log = story[0].end.logs[RUN][:-1]
    assert "run 'r' stands at NodeFinished" in str(broken(story, log=log))


def test_a_run_that_is_missing_or_one_too_many_is_found(story):
    report, calm = story
    other = Snapshot({"other": report.end.logs[RUN]}, report.end.waits, ())
    with pytest.raises(InvariantBroken) as error:
        check_invariants(replace(report, end=other), calm)
    assert "run 'r' is missing" in str(error.value)
    assert "run 'other' is one too many" in str(error.value)


def test_other_outputs_are_found(story):
    *log, end = story[0].end.logs[RUN]
    error = broken(story, log=[*log, facts.replace(end, outputs={"out": "Bo"})])
    assert len(error.broken) == 1
    assert "it ends as if it had never been killed" in error.broken[0]


def test_a_gap_in_the_numbers_is_found(story):
    log = list(story[0].end.logs[RUN])
    log[-1] = facts.replace(log[-1], seq=99)
    assert "sequence numbers have no gaps" in str(broken(story, log=log))


def test_an_event_that_went_away_is_found(story):
    log = list(story[0].end.logs[RUN])
    asked = index(log, WaitOpened)
    log[asked] = facts.replace(log[asked], at_us=7)
    assert f"event {asked + 1} (WaitOpened) of run 'r' was there when life 1 died" in str(
        broken(story, log=log)
    )


def test_a_reply_that_was_accepted_and_never_taken_is_found(story):
    log = [e for e in story[0].end.logs[RUN] if not isinstance(e, ReplyTaken)]
    assert "no accepted reply is lost: 'Ada' to 'Name?'" in str(broken(story, log=renumbered(log)))


def test_a_reply_that_was_exchanged_is_found(story):
    log = list(story[0].end.logs[RUN])
    at = index(log, ReplyTaken)
    log[at] = facts.replace(log[at], reply=log[at].reply.model_copy(update={"value": "Bo"}))
    assert "what was taken into the log is ['Bo']" in str(broken(story, log=log))


def test_a_reply_that_a_death_wiped_out_is_found(story):
    report, _ = story
    waits = report.end.waits
    answered = Snapshot(report.deaths[0].logs, waits, report.deaths[0].ledger)
    unanswered = replace(waits[0], status="open", reply=None)
    log = report.end.logs[RUN][: index(report.end.logs[RUN], WaitOpened) + 1]
    assert "no accepted reply is lost" in str(broken(story, log=log, waits=[unanswered], death=answered))


@pytest.mark.parametrize("again", [NodeStarted, NodeFinished])
def test_a_node_that_had_finished_and_began_again_is_found(story, again):
    log = story[0].end.logs[RUN]
    at = index(log, NodeFinished)
    head = {name: getattr(log[at], name) for name in ("run", "seq", "at_us", "node")}
    event = NodeStarted(**head, attempt=2) if again is NodeStarted else log[at]
    error = broken(story, log=inserted(log, index(log, WaitOpened) + 1, event))
    assert "no node whose success was committed runs again" in str(error)
    assert repr(log[at].node) in str(error)


def test_an_effect_of_a_node_that_had_finished_is_found(story):
    report, _ = story
    notes = report.end.ledger
    error = broken(story, ledger=[*notes, replace(notes[0], life=2, at=notes[1].at)])
    assert f"'work' of {notes[0].key!r} was done in life 2, finished when life 1 died" in error.broken[0]


def test_stage_a_that_began_again_is_found(story):
    log = story[0].end.logs[RUN]
    at = index(log, WaitOpened)
    started = NodeStarted(run=RUN, seq=1, at_us=log[at].at_us, node=log[at].node)
    error = broken(story, log=inserted(log, at + 1, started))
    assert "Stage A of a committed wait does not run again" in str(error)


def test_an_effect_of_stage_a_that_was_repeated_is_found(story):
    report, _ = story
    log = report.end.logs[RUN]
    asked = log[index(log, WaitOpened)]
    submit = Note("submit", f"{RUN}/{asked.node}/0", 1, asked.at_us / 1e6 - 1)
    collect = replace(submit, what="collect", at=asked.at_us / 1e6 + 1)
    death = replace(report.deaths[0], ledger=(submit, collect))
    again = [submit, collect, *(replace(n, life=2) for n in (submit, collect))]
    error = broken(story, ledger=[*report.end.ledger, *again], death=death)
    assert [b.partition(f" of '{RUN}/")[0] for b in error.broken] == [
        "Stage A of a committed wait does not run again: 'submit'"
    ]  # the other half may be done again


def test_a_node_that_started_and_came_to_nothing_is_found(story):
    log = story[0].end.logs[RUN]
    last = index(log, NodeFinished, -1)
    error = broken(story, log=renumbered([*log[:last], *log[last + 1 :]]))
    assert error.broken == (
        f"what started is done at least once: {log[last].node!r} of run 'r' started and came to nothing",
    )


def test_an_effect_that_never_happened_is_found(story):
    notes = story[0].end.ledger
    assert f"'work' of {notes[1].key!r} was never done" in str(broken(story, ledger=notes[:1]))


@pytest.mark.parametrize(("kind", "text"), [(WaitOpened, "Name?"), (MessageSent, "Hi")])
def test_what_was_asked_or_said_twice_is_found(story, kind, text):
    log = story[0].end.logs[RUN]
    error = broken(story, log=inserted(log, len(log) - 1, log[index(log, kind)]))
    assert f"each question is asked once: {text!r}" in str(error)
    assert "was asked or said 2 times, undisturbed 1" in str(error)


def test_a_question_that_was_opened_again_because_the_reply_was_refused_is_the_same_question(story):
    report, calm = story
    log = report.end.logs[RUN]
    at = index(log, ReplyTaken)
    taken = log[at]
    wrong = facts.replace(taken, reply=taken.reply.model_copy(update={"value": "?"}))
    refused = ReplyRejected(run=RUN, seq=1, at_us=1, node=taken.node, token=taken.token, problems={"": "no"})
    told = tuple(renumbered([*log[:at], wrong, refused, *log[at:]]))
    check_invariants(replace(report, end=replace(report.end, logs={RUN: told})), calm)
    assert isinstance(told[-1], RunFinished)

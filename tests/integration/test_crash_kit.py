"""The crash kit, and two agents that survive a `SIGKILL` at each of their commits."""

from __future__ import annotations

from collections import Counter
from textwrap import dedent

import pytest
from helpers import ROOT
from integration import errands

from aether_nb.errors import CrashKitError, InvariantBroken
from aether_nb.events import NodeFinished, NodeStarted, RunResumed, WaitOpened
from aether_nb.testing import CrashKit, check_invariants

ERRANDS = ROOT / "tests" / "integration" / "errands.py"


@pytest.fixture
def kit(tmp_path):
    """Makes kits for the errands."""
    made = []

    def make(graph="static", script=ERRANDS, **options):
        made.append(CrashKit(script, graph, **{"answers": errands.ANSWERS, "folder": tmp_path, **options}))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("graph", "outputs"),
    [("static", "Ada.-right.-Yes-Ada. parcel"), ("function", "Ada-left.-red-blue-No-UTC parcel")],
)
def test_an_agent_killed_at_any_commit_comes_back_as_if_it_had_never_been(kit, graph, outputs):
    kit = kit(graph)
    reports = kit.crash_everywhere()
    assert len(reports) == len(kit.boundaries) > 40
    assert {report.lives for report in reports} == {2}
    assert {report.end.outputs[graph]["bill"] for report in reports} == {outputs}
    done = Counter(note.what for note in kit.calm.end.ledger)
    assert done == {"weigh": done["weigh"], "pay": 1, "hand over": 1, "fetch": 1}


def test_a_kill_after_a_commit_leaves_that_event_last_and_nothing_of_the_node_runs_again(kit):
    report = kit().crash_at("after:commit:NodeFinished:pay")
    (death,) = report.deaths
    assert death.logs["static"][-1].type == "NodeFinished"
    assert death.logs["static"][-1].node.startswith("pay-")
    assert [note.life for note in report.end.ledger if note.what == "pay"] == [1]


def test_a_kill_before_a_commit_loses_the_event_and_the_node_runs_again_under_the_same_key(kit):
    kit = kit()
    report = kit.crash_at("before:commit:NodeFinished:pay")
    (death,) = report.deaths
    paid = [
        node for node in (e.node for e in death.logs["static"] if isinstance(e, NodeStarted)) if "pay" in node
    ]
    assert paid
    assert not [e for e in death.logs["static"] if isinstance(e, NodeFinished) and e.node in paid]
    first, second = [note for note in report.end.ledger if note.what == "pay"]
    assert (first.life, second.life) == (1, 2)
    assert first.key == second.key
    check_invariants(report, kit.calm)


def test_a_script_may_be_killed_in_several_lives_also_while_it_takes_the_run_up(kit):
    kit = kit("function")
    report = kit.crash_at("after:answer:ask_text", "before:claim", "after:claim", "after:commit:RunResumed")
    assert report.lives == 5
    assert [len(death.logs["function"]) for death in report.deaths][:3] == [
        len(report.deaths[0].logs["function"])
    ] * 3
    assert isinstance(report.deaths[3].logs["function"][-1], RunResumed)
    check_invariants(report, kit.calm)


@pytest.mark.parametrize("name", ["ask_text", "Late?", None])
def test_a_node_is_named_by_name_words_or_id(kit, name):
    kit = kit("function")
    late = next(
        e.node
        for e in kit.calm.end.logs["function"]
        if isinstance(e, WaitOpened) and "Late" in e.prompt.prompt
    )
    nth = "#4" if name == "ask_text" else ""
    report = kit.crash_at(f"after:commit:WaitOpened:{name or late}{nth}")
    assert report.deaths[0].logs["function"][-1].node == late


TALK = """
import aether_nb as ae

@ae.graph_fn(outputs=["said"])
async def talk(*, context):
    return {"said": [await context.channel().ask_text(f"{i}?") for i in "ab"]}

talk.run_sync(run_id="r")
"""


def test_answers_in_turn_go_on_where_the_last_life_stopped(kit):
    report = kit("function").crash_at("after:answer:Which?")
    assert [w.reply.value for w in report.end.waits if w.prompt.prompt == "Which?"] == ["red", "blue"]
    answered = [w for w in report.deaths[0].waits if w.prompt.prompt == "Which?"]
    assert [w.reply.value for w in answered] == ["red"]


def test_answers_may_be_a_list_in_order(kit, tmp_path):
    script = tmp_path / "talk.py"
    script.write_text(dedent(TALK))
    report = kit(script=script, answers=["one", "two"]).crash_at("before:answer#2")
    assert report.end.outputs == {"r": {"said": ["one", "two"]}}


def test_a_point_that_is_never_come_to_is_told_with_what_the_script_said(kit, tmp_path):
    with pytest.raises(
        CrashKitError, match=r"exit code 0\) without coming to 'after:commit:NodeFinished:trian'"
    ):
        kit().crash_at("after:commit:NodeFinished:trian")


PROGRAMS = {
    "fails": (
        "raise SystemExit('no such train')",
        r"fails without being killed \(exit code 1\):\nno such train",
    ),
    "runs nothing": ("print('hello')", "made no run in the default store"),
    "hangs": (
        "import time\nprint('so tired', flush=True)\ntime.sleep(60)",
        r"Life 1 of script\.py took longer than 1 s, and was ended\. On disk: no run; no open wait(.|\n)*so tired",
    ),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_script_that_cannot_be_used_is_told_as_what_it_is(kit, tmp_path, what):
    program, said = PROGRAMS[what]
    script = tmp_path / "script.py"
    script.write_text(program)
    with pytest.raises(CrashKitError, match=said):
        _ = kit(script=script, timeout_s=1).boundaries


SLUGGISH = """
import os
import time
import aether_nb as ae
from aether_nb.testing.ledger import LIFE

@ae.tool(outputs=["x"])
async def work():
    if os.environ[LIFE] == "2":
        time.sleep(60)
    return {"x": 1}

@ae.graph_fn(outputs=["x"])
async def sluggish():
    return {"x": (await work()).x}

sluggish.run_sync(run_id="r")
"""


@pytest.mark.timeout(60)
def test_a_life_that_comes_back_too_slowly_is_told_with_which_it_was_and_how_far_it_came(kit, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(dedent(SLUGGISH))
    with pytest.raises(
        CrashKitError,
        match=r"Life 2 of script\.py, after it was killed 'before:commit:NodeFinished', took longer than 5 s, and was "
        r"ended\. On disk: run 'r' at NodeAdded of work-\w+ \(event \d\); no open wait; 0 noted\.(.|\n)*in work\n",
    ):
        kit(script=script, timeout_s=5).crash_at("before:commit:NodeFinished")


def test_a_script_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(CrashKitError, match=r"There is no script 'trip\.py'"):
        CrashKit("trip.py")


FORGETFUL = """
import random
import aether_nb as ae
from aether_nb.testing import Ledger

@ae.tool(outputs=["x"])
async def work(*, context):
    Ledger().note(f"work {random.random()}", context.idempotency_key)
    return {"x": random.random()}

@ae.graphify(outputs=["x"])
def forgetful():
    return {"x": work().x}

forgetful.run_sync(%s)
"""


@pytest.mark.parametrize(
    ("run_id", "broken"),
    [("", "one too many; start runs by a run_id"), ("run_id='r'", "it ends as if it had never been killed")],
)
def test_an_agent_that_does_not_survive_is_told_with_the_point_and_the_promise(kit, tmp_path, run_id, broken):
    script = tmp_path / "forgetful.py"
    script.write_text(dedent(FORGETFUL % run_id))
    with pytest.raises(InvariantBroken, match=rf"Killed 'before:commit:RunStarted'(.|\n)*{broken}"):
        kit(script=script).crash_everywhere()


RACE = """
    import aether_nb as ae
    from aether_nb.tools import sleep, wait_any, wait_for_event

    @ae.tool
    def kick():
        ae.post_event("kick", 3)

    @ae.graph_fn
    async def race():
        await kick()
        first = await wait_any(sleep(60), wait_for_event("never"), sleep(0.01))
        return first.index, (await wait_for_event("kick", default=3, timeout=1)).value

    assert tuple(race.run_sync(run_id="race").result) == (2, 3)
"""


@pytest.mark.timeout(60)
def test_mail_that_came_first_and_the_losers_of_a_race_are_survived_like_all_else(kit, tmp_path):
    script = tmp_path / "race.py"
    script.write_text(dedent(RACE))
    kit = kit(script=script, answers=())
    assert len(kit.crash_everywhere()) == len(kit.boundaries)
    taken = [point for point in kit.boundaries if ":answer" in point]
    assert not taken, "the event was there before anybody waited: no reply was accepted at a door"


def test_a_kit_cleans_up_after_itself(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(dedent(FORGETFUL % "run_id='r'"))
    with CrashKit(script) as kit:
        store = kit.calm.store
        assert store.exists()
    assert not store.parent.parent.exists()
    kit.close()

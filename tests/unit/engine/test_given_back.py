"""A kernel that cannot go on with a run gives it back, so that another one, with a newer version, has it at once."""

from __future__ import annotations

import pytest
from lives import Life, there, turns

from aether_nb import DualStageTool, Wait, graph_fn, graphify
from aether_nb.calling import GRAPHS
from aether_nb.errors import (
    LogDamaged,
    RunBlocked,
    RunCancelled,
    RunHeldElsewhere,
    StoreBusy,
    StoreError,
    StoreTooNew,
)
from aether_nb.ids import RunId
from aether_nb.store.memory import MemoryStore
from aether_nb.testing import FakeClock
from aether_nb.tools import ask_text

MANY = [f"r{i}" for i in range(25)]  # more than are taken up one by one


class Old(MemoryStore):
    """A store of which a version that is too old cannot read some logs.

    Attributes:
        refused: by run, what reading its whole log raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, StoreError] = {}

    def events(self, run_id, after=0, *, of=None):
        if of is None and run_id in self.refused:
            raise self.refused[run_id]
        return super().events(run_id, after, of=of)


TOO_NEW = StoreTooNew("it holds NodeDreamt")


@pytest.fixture
def store():
    made = Old()
    yield made
    made.close()


@graph_fn(name="asks", outputs=["x"])
async def asks(*, context):
    return {"x": await context.channel().ask_text("go?")}


async def left(live, *names: str, graph=asks) -> None:
    """Runs of a kernel that has died."""
    life = live()
    for name in names:
        life.start(graph, name)
    while len(life.channel.asked) < len(names):
        life.channel.news.clear()
        await life.channel.news.wait()
    await life.end()


async def goes_on(life: Life, run_id: str) -> None:
    run = life.resume(run_id)
    await life.until(lambda: run_id in {s.wait.run_id for s in life.channel.shown}, run_id)
    run.answer("yes", to="go?")
    assert (await run).x == "yes"


@pytest.mark.parametrize(
    "error", [TOO_NEW, LogDamaged("event 3 is no JSON"), StoreBusy("another one writes")]
)
async def test_a_run_that_a_kernel_could_not_read_can_be_taken_up_by_another_at_once(live, store, error):
    await left(live, "r")
    store.refused["r"] = error
    old = live()
    with pytest.raises(type(error)):
        old.resume()
    store.refused.clear()
    await goes_on(live(), "r")


async def test_it_is_not_to_be_had_from_who_took_it_up(live, store):
    await left(live, "r")
    store.refused["r"] = TOO_NEW
    old = live()
    with pytest.raises(StoreTooNew):
        old.resume()
    store.refused.clear()
    new = live()
    new.resume()
    await there(new)
    fence = store.run(RunId("r")).fence
    with pytest.raises(RunHeldElsewhere):
        old.resume()
    old.engine.give_back(RunId("r"), fence - 1)
    assert (store.run(RunId("r")).kernel, store.run(RunId("r")).fence) == (new.runtime.kernel, fence)


@pytest.mark.parametrize("names", [MANY[:2], MANY], ids=["few", "many"])
async def test_of_all_runs_that_are_resumed_only_what_could_not_be_read_is_given_back(live, store, names):
    await left(live, *names)
    store.refused["r1"] = TOO_NEW
    old = live()
    old.runtime.resuming.resume_all()
    while old.engine.dormant.loading:
        await turns()
    assert not old.runtime.drives(RunId("r1"))
    store.refused.clear()
    new = live()
    await goes_on(new, "r1")
    with pytest.raises(RunHeldElsewhere):
        new.resume("r0")


async def test_a_run_that_was_let_go_of_and_cannot_be_read_any_more_is_given_back_and_harms_no_other(
    live, store
):
    life = live(clock=FakeClock())
    for name in ("bad", "good"):
        life.start(asks, name)
    while len(life.channel.asked) < 2:
        life.channel.news.clear()
        await life.channel.news.wait()
    life.engine.dormant.keep = 0
    life.runtime.clock.advance(0.2)
    await turns()
    assert not life.engine.drivers
    store.refused["bad"] = LogDamaged("event 3 is no JSON")
    other = live()
    for wait in store.waits():
        other.runtime.answer(wait.token, "yes")
    life.runtime.clock.advance(0.2)
    await turns()
    assert (await life.runtime.get("good")).x == "yes"
    with pytest.raises(LogDamaged):
        await life.runtime.get("bad")
    store.refused.clear()
    assert (await other.resume("bad")).x == "yes"


async def test_cancelling_what_cannot_be_read_leaves_it_to_who_can(live, store):
    await left(live, "r")
    store.refused["r"] = TOO_NEW
    old = live()
    with pytest.raises(StoreTooNew):
        old.runtime.get("r").cancel()
    store.refused.clear()
    await goes_on(live(), "r")


async def test_a_cancel_that_only_a_tool_of_another_kernel_can_end_is_ended_there(live, store, monkeypatch):
    told = []

    class Job(DualStageTool):
        outputs = ("x",)

        async def setup(self):
            return Wait(kind="job", prompt="Job?")

        async def on_resume(self, reply, wait):
            return {"x": reply.value}

        async def on_cancel(self, wait):
            told.append(wait.token)

    job = Job()

    @graphify(name="with_job", outputs=["x"])
    def with_job():
        return {"x": [job().x, ask_text("go?").text]}

    await left(live, "r", graph=with_job)
    monkeypatch.delitem(GRAPHS, "with_job")
    live().runtime.get("r").cancel()
    monkeypatch.undo()
    run = live().resume("r")
    with pytest.raises(RunCancelled):
        await run
    assert len(told) == 1


async def test_a_blocked_run_can_be_taken_up_by_the_kernel_whose_code_is_mended(live, store):
    @graph_fn(name="differs", outputs=["x"])
    async def differs(*, context):
        return {"x": await context.channel().ask_text(words[0])}

    words = ["go?"]
    await left(live, "r", graph=differs)
    words[0] = "and now?"
    old = live()
    with pytest.raises(RunBlocked):
        await old.resume()
    words[0] = "go?"
    await goes_on(live(), "r")
    assert (await old.runtime.get("r")).x == "yes", "who drove it before sees how it ended"

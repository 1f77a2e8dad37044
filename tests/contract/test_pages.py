"""What every store must do for lists that come in pages. The same rules for each backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.test_store import NOW, RUN, K, add, ask, at, create, finish, new_run, started

from aether_nb.engine.pages import Asked, Tally
from aether_nb.engine.ports import Append, Store
from aether_nb.events import Call, NodeAdded, NodeFinished, NodeStarted, RunCancelledEvent
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.prompts import CallbackPrompt, Reply, TextPrompt
from aether_nb.store import MemoryStore, SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "runs.db")
    made.register_kernel(K, "lesson.ipynb", NOW)
    yield made
    made.close()


def ids(found: tuple[int, list]) -> tuple[int, list[str]]:
    total, rows = found
    return total, [getattr(row, "token", None) or row.run_id for row in rows]


def test_runs_come_in_pages_newest_first(store: Store) -> None:
    for n in range(5):
        create(store, f"r{n}")
    assert ids(store.find_runs(limit=2)) == (5, ["r4", "r3"])
    assert ids(store.find_runs(offset=4, limit=2)) == (5, ["r0"])
    assert ids(store.find_runs(offset=9, limit=2)) == (5, [])
    assert store.find_runs(limit=1)[1] == [store.run(RunId("r4"))]


def test_runs_are_found_by_status_and_by_what_they_are_called(store: Store) -> None:
    create(store, "lesson-1", graph="Greet", home="a/one.ipynb")
    create(store, "lesson-2", graph="sum", home="a/two.ipynb")
    finish(store, "over")
    assert ids(store.find_runs(status="running", limit=9)) == (2, ["lesson-2", "lesson-1"])
    assert ids(store.find_runs(search="SON-1", limit=9)) == (1, ["lesson-1"])
    assert ids(store.find_runs(search="greet", status="running", limit=9)) == (1, ["lesson-1"])
    assert ids(store.find_runs(search="two.ipynb", limit=9)) == (1, ["lesson-2"])
    assert ids(store.find_runs(search="%", limit=9)) == (0, [])
    assert ids(store.find_runs(search="1\nG", limit=9))[0] == 1, "no way to break a page"


def test_open_waits_come_in_pages_the_earliest_deadline_first(store: Store) -> None:
    create(store)
    add(
        store, ask(2, "none"), ask(3, "late", deadline_ms=NOW + 9), ask(4, "early", deadline_ms=NOW + 5),
        ask(5, "also-none"), ask(6, "done"), status="waiting",
    )  # fmt: skip
    assert store.answer(Token("done"), Reply(value="x"), now_ms=NOW)
    assert ids(store.find_waits(limit=3)) == (4, ["early", "late", "none"])
    assert ids(store.find_waits(offset=3, limit=3)) == (4, ["also-none"])
    assert store.find_waits(limit=9)[1] == store.waits()


def test_open_waits_are_found_by_what_they_ask_and_by_their_run(store: Store) -> None:
    create(store, "a", graph="greet", home="one.ipynb")
    create(store, "b", graph="sum", home="two.ipynb")
    add(store, ask(2, "t1", "a", prompt=TextPrompt(prompt='Your "Name"?\nplease')), status="waiting")
    add(store, ask(2, "t2", "b", prompt=TextPrompt(prompt="Größe?")), status="waiting")
    assert ids(store.find_waits(search='"name"', limit=9)) == (1, ["t1"])
    assert ids(store.find_waits(search="GRöß", limit=9)) == (1, ["t2"])
    assert ids(store.find_waits(search="two", limit=9)) == (1, ["t2"])
    assert ids(store.find_waits(search="no such", limit=9)) == (0, [])


def test_open_waits_are_counted_and_found_by_the_home_of_their_run(store: Store) -> None:
    create(store, "a", home="one.ipynb")
    create(store, "b", home="two.ipynb")
    create(store, "c", home="three.ipynb")
    add(store, ask(2, "t1", "a"), ask(3, "t2", "a"), status="waiting")
    add(store, ask(2, "t3", "b"), status="waiting")
    assert store.open_homes() == {"one.ipynb": 2, "two.ipynb": 1}
    assert ids(store.find_waits(homes=["one.ipynb"], limit=9)) == (2, ["t1", "t2"])
    assert ids(store.find_waits(homes=["three.ipynb", "two.ipynb"], search="t", limit=9))[0] == 1
    assert ids(store.find_waits(homes=[], limit=9)) == (0, [])


def test_who_waits_for_no_person_is_listed_last_and_not_counted(store: Store) -> None:
    create(store, "a", home="one.ipynb")
    job = CallbackPrompt(prompt="Waiting for a job")
    add(
        store, ask(2, "job", "a", deadline_ms=NOW + 5, kind="job", prompt=job), ask(3, "timer", "a", prompt=job),
        ask(4, "name", "a", kind="callback"), status="waiting",
    )  # fmt: skip
    assert ids(store.find_waits(limit=9)) == (3, ["name", "job", "timer"])
    assert ids(store.find_waits(offset=2, limit=9)) == (3, ["timer"])
    assert store.open_homes() == {"one.ipynb": 1}
    assert store.tallies([RunId("a")])[RunId("a")].open == 1
    before = store.pulse()
    assert (before.open, before.waits) == (1, 3)
    store.answer(Token("timer"), Reply(value=1), now_ms=NOW)
    assert (store.pulse().open, store.pulse().waits) == (1, 2), "a page that lists it is to hear of it"


def test_how_far_runs_are_counts_their_own_nodes(store: Store) -> None:
    create(store)
    create(store, "other")
    one = {"name": "step", "call": Call(name="step")}
    add(
        store,
        at(NodeAdded, 2, **one, node=NodeId("a")), at(NodeAdded, 3, **one, node=NodeId("a/in")),
        at(NodeAdded, 4, **one, node=NodeId("b")), at(NodeFinished, 5, node=NodeId("a")),
        at(NodeFinished, 6, node=NodeId("a/in")), at(NodeFinished, 7, node=NodeId("a")), ask(8, "t"),
        status="waiting",
    )  # fmt: skip
    found = store.tallies([RUN, RunId("other"), RunId("nobody")])
    assert found == {RUN: Tally(open=1, done=1, added=2), "other": Tally(0, 0, 0)}


def test_when_a_question_was_asked_is_in_the_log(store: Store) -> None:
    create(store)
    create(store, "other")
    add(store, ask(2, "t1", at_us=5_000_000), ask(3, "t2", at_us=6_000_000), status="waiting")
    add(store, ask(2, "t3", "other", at_us=7_000_000), status="waiting")
    found = store.asked([Token("t2"), Token("t3"), Token("nobody")])
    assert found == {"t2": Asked(6000, 3), "t3": Asked(7000, 2)}


def test_a_kernel_drives_while_it_lives_and_has_something_to_do(store: Store) -> None:
    create(store, "orphan", kernel="kernel-gone")
    finish(store, "over")
    assert store.alive_drivers(NOW) == frozenset()
    create(store)
    assert store.alive_drivers(NOW) == {K}


def test_the_pulse_changes_with_runs_and_questions_and_with_nothing_else(store: Store) -> None:
    seen = [store.pulse()]
    assert (seen[0].open, seen[0].runs) == (0, 0)

    def changed() -> bool:
        seen.append(store.pulse())
        return seen[-1] != seen[-2]

    create(store)
    assert changed()
    store.beat(K, NOW + 1)
    store.post("correlator:job", 1, "ana", NOW)
    assert not changed()
    add(store, ask(2, "t1"), status="waiting")
    assert changed()
    assert seen[-1].open == 1
    store.answer(Token("t1"), Reply(value="x"), now_ms=NOW)
    assert changed()
    store.claim_runs([(RUN, 1)], "kernel-b", NOW)
    assert changed()
    over = RunCancelledEvent(run=RUN, seq=3, at_us=1)
    assert not store.append([Append(RUN, "kernel-b", 2, 2, [over], "cancelled")], full=False, now_ms=NOW)
    assert changed()
    assert store.discard([[(RUN, 2)]], NOW).runs == (RUN,)
    assert changed()
    assert not changed()


def test_tokens_are_found_by_their_beginning(store: Store) -> None:
    create(store)
    begun = at(NodeStarted, 2, node=NodeId("job"), token=Token("abcd-promised"))
    add(store, begun, ask(3, "abcd-open"), ask(4, "abce"), status="waiting")
    assert sorted(store.tokens("abcd")) == ["abcd-open", "abcd-promised"]
    assert store.tokens("abcd-o") == ["abcd-open"]
    assert store.tokens("b") == []
    over = RunCancelledEvent(run=RUN, seq=5, at_us=1)
    add(store, over, status="cancelled")
    assert sorted(store.tokens("abcd")) == ["abcd-open"]


def test_what_comes_by_the_hook_is_for_waits_that_nobody_is_asked(store: Store) -> None:
    create(store)
    job = CallbackPrompt(prompt="Waiting")
    for token in ("early", "question", "other-kind"):
        store.post(f"hook:{token}", {"url": token}, "callback", NOW)
    add(
        store, ask(2, "early", prompt=job), ask(3, "question", kind="callback"),
        ask(4, "other-kind", prompt=job, kind="job"), ask(5, "late", prompt=job), status="waiting",
    )  # fmt: skip
    early = store.wait(Token("early"))
    assert early is not None
    assert early.reply is not None
    assert (early.reply.value, early.reply.by) == ({"url": "early"}, "callback")
    assert [wait.token for wait in store.waits()] == ["question", "other-kind", "late"]
    assert store.post("hook:question", "x", "callback", NOW) == 0
    assert store.post("hook:late", "x", "callback", NOW) == 1
    add(store, RunCancelledEvent(run=RUN, seq=6, at_us=1), status="cancelled")
    assert store.discard([[(RUN, 1)]], NOW).mail == 5


def test_a_setting_stays_until_another_takes_its_place(store: Store) -> None:
    assert store.setting("hook") == ""
    store.put_setting("hook", "on")
    store.put_setting("other", "x")
    assert store.setting("hook") == "on"
    store.put_setting("hook", "")
    assert store.setting("hook") == ""


def test_a_run_that_is_listed_is_the_run_itself(store: Store) -> None:
    assert store.create_run(new_run("child", parent=RUN), [started("child")], status="running")
    assert store.find_runs(limit=1) == (1, [store.run(RunId("child"))])

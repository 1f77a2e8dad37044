"""Facts that runs leave behind."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from aether_nb.errors import NotRestorable, NotStorable, StoreBusy, StoreError
from aether_nb.services import files
from aether_nb.services.memory import Memory


@dataclass
class Fact:
    n: int


@pytest.fixture(params=["file", "memory"])
def memory(request, tmp_path):
    memory = Memory(":memory:" if request.param == "memory" else str(tmp_path / "deep" / "memory.db"))
    yield memory
    memory.close()


def test_facts_come_back_oldest_first_with_their_types(memory):
    first = memory.record("status", {"stage": (1, 2)}, run_id="r", node_id="n", at_ms=5, item_id="i")
    memory.record("note", Fact(1), at_ms=6)
    assert memory.query()[0] == first
    assert (first.kind, first.data, first.run_id, first.node_id, first.at_ms) == (
        "status",
        {"stage": (1, 2)},
        "r",
        "n",
        5,
    )
    assert [item.data for item in memory.query()] == [{"stage": (1, 2)}, Fact(1)]


def test_a_fact_with_the_same_item_id_is_kept_once(memory):
    first = memory.record("a", 1, at_ms=1, item_id="x")
    again = memory.record("a", 2, at_ms=2, item_id="x")
    assert again == first
    assert memory.query() == [first]


def test_facts_without_an_item_id_are_all_kept(memory):
    memory.record("a", 1, at_ms=1)
    memory.record("a", 1, at_ms=1)
    assert len(memory.query()) == 2


def test_conditions_meet(memory):
    for n in range(6):
        memory.record("even" if n % 2 == 0 else "odd", n, run_id=f"r{n // 3}", at_ms=n * 1000, item_id=str(n))

    def asked(*args, **kwargs):
        return [item.data for item in memory.query(*args, **kwargs)]

    assert asked("even") == [0, 2, 4]
    assert asked(since=3000) == [3, 4, 5]
    assert asked(since=datetime.fromtimestamp(4, UTC)) == [4, 5]
    assert asked(run_id="r1", kind="odd") == [3, 5]
    assert asked(limit=2) == [4, 5]
    assert asked("odd", limit=1) == [5]
    assert asked(limit=0) == []
    assert asked(item_id="3") == [3]
    assert asked("none") == []


def test_facts_last(tmp_path):
    path = str(tmp_path / "memory.db")
    first = Memory(path)
    first.record("a", 1, at_ms=1)
    first.close()
    first.record("a", 2, at_ms=2)  # opens again
    first.close()
    second = Memory(path)
    assert [item.data for item in second.query()] == [1, 2]
    second.close()


def test_nothing_is_opened_before_it_is_needed(tmp_path):
    Memory(str(tmp_path / "memory.db")).close()
    assert list(tmp_path.iterdir()) == []


def test_data_that_cannot_be_stored_is_refused(memory):
    with pytest.raises(NotStorable, match=r"^data\['f'\] is a function"):
        memory.record("a", {"f": lambda: 1}, at_ms=1)
    assert memory.query() == []


def test_a_fact_of_a_class_that_is_not_here_says_which(memory, monkeypatch):
    memory.record("a", Fact(1), at_ms=1)
    monkeypatch.delitem(globals(), "Fact")
    with pytest.raises(NotRestorable, match="class Fact"):
        memory.query()


def test_many_threads_may_record(memory):
    workers = [threading.Thread(target=memory.record, args=("a", n), kwargs={"at_ms": n}) for n in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert sorted(item.data for item in memory.query()) == list(range(8))


def test_a_locked_file_is_busy_and_a_broken_one_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUSY_S", 0.01)
    path = str(tmp_path / "memory.db")
    memory, other = Memory(path), Memory(path)
    memory.record("a", 1, at_ms=1)
    memory._db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy, match="locked by another process"):
        other.record("a", 2, at_ms=2)
    memory.close()
    other.close()
    (tmp_path / "broken.db").write_text("not a database, but a text that is long enough")
    with pytest.raises(StoreError, match="not a readable database"):
        Memory(str(tmp_path / "broken.db")).query()

"""Keeping house in the file: specs, dead kernels and their locks, space, and work in pieces."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aether_nb.engine.ports import NewRun
from aether_nb.engine.upkeep import KEPT_MS
from aether_nb.errors import StoreError
from aether_nb.events import (
    EVENTS,
    AnyEvent,
    NodeAdded,
    NodeFinished,
    RunFinished,
    RunResumed,
    RunStarted,
    WaitOpened,
)
from aether_nb.events import Call as CallOf
from aether_nb.facts import replace
from aether_nb.ids import NodeId, RunId, Token, new_uid
from aether_nb.prompts import Prompt, TextPrompt
from aether_nb.store import SqliteStore, cleaning
from aether_nb.store.codec import NAME_SPECS
from aether_nb.store.rows import opened

NOW = 1_763_843_600_000
K = "kernel-a"
GRAPH, CHILD, NEWER, SUB, CODE = ("a" * 32, "b" * 32, "c" * 32, "d" * 32, "e" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path)
    yield made
    made.close()


def put_specs(store: SqliteStore) -> None:
    for key, body in ((GRAPH, "{}"), (CHILD, f'{{"sub":"{SUB}"}}'), (NEWER, "{}"), (SUB, "{}")):
        store.put_spec("graph", key, body)


def finish(store: SqliteStore, run_id: str, *events: AnyEvent, spec: str = GRAPH) -> list[tuple[RunId, int]]:
    name = RunId(run_id)
    new = NewRun(name, "greet", "lesson.ipynb", "", spec, "cd", K, NOW)
    log = [RunStarted(run=name, seq=1, at_us=1, graph="greet", spec=spec), *events]
    log = [replace(event, run=name, seq=i) for i, event in enumerate(log, 1)]
    over = RunFinished(run=name, seq=len(log) + 1, at_us=1)
    assert store.create_run(new, [*log, over], status="succeeded")
    return [(name, 1)]


def resumed(spec: str, code: str = "") -> RunResumed:
    return RunResumed(run=RunId(""), seq=0, at_us=1, spec=spec, code=code)


def child(spec: str) -> NodeAdded:
    call = CallOf(name="child")
    return NodeAdded(
        run=RunId(""), seq=0, at_us=1, node=NodeId("child"), name="child", kind="graph", call=call, spec=spec
    )


def ask(prompt: Prompt) -> WaitOpened:
    return WaitOpened(
        run=RunId(""), seq=0, at_us=1, node=NodeId("ask"), token=Token("t"), kind=prompt.kind, prompt=prompt
    )


def raw(path: Path, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_a_spec_goes_with_the_last_that_names_it(store: SqliteStore) -> None:
    put_specs(store)
    first = finish(store, "first", resumed(NEWER), ask(TextPrompt(prompt="?")))
    second = finish(store, "second", child(CHILD))
    schema = opened(ask(TextPrompt(prompt="?"))).schema

    assert store.discard([], NOW).specs == 0
    assert store.discard([first], NOW, dry_run=True).specs == 2
    assert store.discard([first], NOW).specs == 2
    assert [store.spec(key) is None for key in (GRAPH, CHILD, SUB, NEWER, schema)] == [False] * 3 + [True] * 2

    assert store.discard([second], NOW).specs == 3
    assert [store.spec(key) for key in (GRAPH, CHILD, SUB)] == [None] * 3


def test_code_is_kept_and_comes_back_like_a_spec(store: SqliteStore) -> None:
    store.put_spec("code", CODE, '{"pieces":{}}')
    first = finish(store, "first", resumed(GRAPH, CODE))
    assert store.discard([], NOW).specs == 0

    store.discard([first], NOW)
    assert store.spec(CODE) is None

    finish(store, "second", resumed(GRAPH, CODE))
    assert store.spec(CODE) == '{"pieces":{}}'


def test_every_event_that_names_a_spec_is_known() -> None:
    assert NAME_SPECS.keys() <= EVENTS.keys()
    for kind, cls in EVENTS.items():
        assert ("spec" in cls.fields()) == (kind in NAME_SPECS)
        assert set(NAME_SPECS.get(kind, ())) <= cls.fields()


def test_a_spec_that_was_thrown_away_comes_back_with_the_next_run_that_names_it(store: SqliteStore) -> None:
    put_specs(store)
    store.discard([finish(store, "first", child(CHILD))], NOW)
    assert store.spec(GRAPH) is None

    finish(store, "second", child(CHILD))

    assert store.spec(GRAPH) == "{}"
    assert store.spec(CHILD) == f'{{"sub":"{SUB}"}}'


def test_a_spec_that_is_named_while_the_others_are_looked_through_stays(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_specs(store)
    other = SqliteStore(path)
    store.discard([finish(store, "old", spec=NEWER)], NOW)
    put_specs(store)
    look = cleaning._spec_names

    def look_and_be_overtaken(query: cleaning.Query, logs: list[tuple[int, int]]) -> set[str]:
        found = look(query, logs)
        if other.run(RunId("new")) is None:
            finish(other, "new", resumed(CHILD), spec=NEWER)
        return found

    monkeypatch.setattr(cleaning, "_spec_names", look_and_be_overtaken)
    assert store.discard([], NOW).specs == 1  # GRAPH
    other.close()

    assert [store.spec(key) is None for key in (GRAPH, CHILD, SUB, NEWER)] == [True, False, False, False]


def test_files_are_dropped_in_pieces_between_which_others_may_write_and_what_they_name_stays(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "_HELD_S", 0)
    shas = [letter * 64 for letter in "abc"]
    other = SqliteStore(path)
    give_way, dropped = cleaning.give_way, list[str]()

    @contextlib.contextmanager
    def give_way_and_be_overtaken() -> Iterator[None]:
        with give_way():
            yield
        if dropped == shas[:1]:
            other.post("correlator:job", {"$": "blob", "sha": shas[1], "size": 1, "media": ""}, "ana", NOW)

    monkeypatch.setattr(cleaning, "give_way", give_way_and_be_overtaken)
    store.drop_unnamed(shas, dropped.append)
    other.close()

    assert dropped == [shas[0], shas[2]]


def test_what_is_done_in_pieces_is_done(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "_PIECE", 3)
    families = [finish(store, f"r{i}") for i in range(7)]
    seen: list[str] = []
    store._database._writer.set_trace_callback(seen.append)

    done = store.discard(families, NOW)

    assert len(done.runs) == 7
    assert sum(statement.startswith("DELETE FROM runs") for statement in seen) == 7
    assert raw(path, "SELECT count(*) FROM events") == [(0,)]


def test_after_a_failure_in_the_middle_each_family_is_there_or_gone(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "_PIECE", 1)
    families = [[*finish(store, f"a{i}"), *finish(store, f"b{i}")] for i in range(4)]
    raw(
        path,
        "CREATE TRIGGER full BEFORE DELETE ON runs WHEN old.run_id = 'b2' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )

    with pytest.raises(StoreError):
        store.discard(families, NOW)
    assert {row.run_id for row in store.runs()} == {"a2", "b2", "a3", "b3"}
    assert len(store.events(RunId("a2"))) == 2

    raw(path, "DROP TRIGGER full")
    assert len(store.discard(families, NOW).runs) == 4
    assert store.runs() == []


def test_the_file_becomes_smaller(store: SqliteStore, path: Path) -> None:
    big = NodeFinished(run=RunId(""), seq=0, at_us=1, node=NodeId("n"), outputs="x" * 50_000)
    families = [finish(store, f"r{i}", big) for i in range(40)]
    before = store.figures(NOW).file_bytes
    store.discard(families, NOW)

    store.give_back()

    assert before > 2_000_000
    assert store.figures(NOW).file_bytes < before / 10
    assert path.stat().st_size < 200_000
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]


def test_space_is_not_given_back_against_somebody_who_writes(path: Path) -> None:
    store = SqliteStore(path)
    store._database.close()
    store._database = type(store._database)(path, busy_s=0.01)
    store.discard([finish(store, "r", ask(TextPrompt(prompt="?" * 50_000)))], NOW)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.give_back()
        other.execute("ROLLBACK")
    assert raw(path, "PRAGMA freelist_count") != [(0,)]

    store.give_back()

    assert raw(path, "PRAGMA freelist_count") == [(0,)]
    store.close()


def test_a_store_made_before_space_could_be_given_back_keeps_it(path: Path) -> None:
    SqliteStore(path).close()
    raw(path, "PRAGMA journal_mode = DELETE")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    store = SqliteStore(path)
    store.discard([finish(store, "r", ask(TextPrompt(prompt="?" * 50_000)))], NOW)

    store.give_back()

    assert store.runs() == []
    store.close()


def test_a_kernel_of_another_machine_may_sleep_for_a_week(store: SqliteStore, path: Path) -> None:
    store.register_kernel("laptop", "nb", NOW)
    store.register_kernel(K, "nb", NOW)
    raw(path, "UPDATE kernels SET host = 'elsewhere' WHERE uid = 'laptop'")

    assert store.discard([], NOW + KEPT_MS - 1).kernels == 0
    assert store.discard([], NOW + KEPT_MS).kernels == 1
    assert store.kernel("laptop", NOW) is None
    assert store.kernel(K, NOW) is not None


def test_lock_files_of_dead_kernels_go_and_those_of_the_living_stay(store: SqliteStore, path: Path) -> None:
    store.register_kernel(K, "nb", NOW)
    folder = path.parent / "kernels"
    strange, born = new_uid(), new_uid()
    for name in ("dead", strange, born, "mine"):
        (folder / f"{name}.lock").touch()
    for name in (strange, "mine", K):
        os.utime(folder / f"{name}.lock", (time.time() - 100_000,) * 2)
    host = raw(path, "SELECT host FROM kernels")[0][0]
    raw(path, f"INSERT INTO kernels (uid, host, lock_path, home, beat_ms) VALUES ('dead', '{host}', 'kernels/dead.lock', '', {NOW})")  # fmt: skip

    assert store.discard([], NOW, dry_run=True).kernels == 1
    assert len(list(folder.iterdir())) == 5
    assert store.discard([], NOW).kernels == 1

    assert {file.stem for file in folder.iterdir()} == {born, K, "mine"}
    row = store.kernel(K, NOW)
    assert row is not None
    assert row.alive

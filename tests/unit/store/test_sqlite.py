"""What only the store in a file must do: other processes, crashes, foreign files, places, speed of a batch."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aether_nb.engine.ports import Append, NewRun
from aether_nb.errors import ReplyInvalid, StoreBusy, StoreError, StoreTooNew
from aether_nb.events import NodeStarted, RunStarted, WaitOpened
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.prompts import Reply, TextPrompt, check_reply
from aether_nb.store import SqliteStore, place
from aether_nb.store import database as database_module
from aether_nb.store.database import Database
from aether_nb.store.sql import MIGRATIONS, QUERIES, parse_queries, statements

NOW = 1_763_843_600_000
RUN = RunId("greet-1")
K = "kernel-a"
PACKAGE = Path(database_module.__file__).parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path)
    yield made
    made.close()


def create(store: SqliteStore, n_waits: int = 0) -> list[Token]:
    tokens = [Token(f"t{i}") for i in range(n_waits)]
    new = NewRun(RUN, "greet", "lesson.ipynb", "", "ab", "cd", K, NOW)
    assert store.create_run(new, [RunStarted(run=RUN, seq=1, at_us=1, graph="greet")], status="running")
    if tokens:
        asks = [
            WaitOpened(
                run=RUN, seq=i, at_us=1, node=NodeId("n"), token=token, kind="text", prompt=TextPrompt(prompt="?")
            )
            for i, token in enumerate(tokens, 2)
        ]  # fmt: skip
        assert not store.append([Append(RUN, K, 1, 1, asks, "waiting")], full=True, now_ms=NOW)
    return tokens


def tamper(path: Path, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def script(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def until_ready(other: subprocess.Popen[str]) -> None:
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"


def go(other: subprocess.Popen[str]) -> None:
    assert other.stdin is not None
    other.stdin.write("\n")
    other.stdin.flush()


ANSWER_ALL = """
import sys
from aether_nb.prompts import Reply
from aether_nb.store import SqliteStore
store, name = SqliteStore(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for i in range(200):
    if store.answer(f"t{i}", Reply(value=name, by=name), now_ms=1).accepted:
        print(f"t{i}")
store.close()
"""


class TestProcesses:
    def test_of_many_processes_that_answer_the_same_waits_each_wait_has_one_winner(
        self, store: SqliteStore, path: Path
    ) -> None:
        tokens = create(store, 200)
        others = {name: script(ANSWER_ALL, path, name) for name in ("ana", "bob", "cy")}
        for other in others.values():
            until_ready(other)
        store.changed()

        won = {}
        for other in others.values():
            go(other)
        for name, other in others.items():
            won[name] = other.communicate()[0].split()

        assert Counter(token for mine in won.values() for token in mine) == Counter(tokens)
        by = {wait.token: wait.reply.by for wait in store.untaken(K) if wait.reply}
        assert by == {token: name for name, mine in won.items() for token in mine}
        assert store.changed()

    def test_processes_may_make_the_same_store_at_once(self, path: Path) -> None:
        code = (
            "import sys; from aether_nb.store import SqliteStore; print('ready', flush=True); sys.stdin.readline();"
            "store = SqliteStore(sys.argv[1]); print(store.uid); store.beat('k', 1); store.close()"
        )
        others = [script(code, path) for _ in range(4)]
        for other in others:
            until_ready(other)
        for other in others:
            go(other)
        uids = {other.communicate()[0] for other in others}

        assert [other.returncode for other in others] == [0] * 4
        assert len(uids) == 1

    def test_another_instance_sees_the_change(self, store: SqliteStore, path: Path) -> None:
        other = SqliteStore(path)
        other.changed()
        assert not other.changed()

        create(store)

        assert other.changed()
        assert not other.changed()
        assert other.run(RUN) == store.run(RUN)
        other.close()

    def test_a_kernel_dies_with_its_process_even_when_killed(self, store: SqliteStore, path: Path) -> None:
        code = (
            "import sys; from aether_nb.store import SqliteStore; store = SqliteStore(sys.argv[1]);"
            f"store.register_kernel('kernel-b', 'nb', {NOW}); print('ready', flush=True); sys.stdin.readline()"
        )
        other = script(code, path)
        until_ready(other)
        alive = store.kernel("kernel-b", NOW + 10**9)
        other.kill()
        other.communicate()
        dead = store.kernel("kernel-b", NOW)

        assert alive is not None
        assert alive.alive
        assert dead is not None
        assert not dead.alive
        assert Path(dead.lock_path).parent == path.parent / "kernels"

    def test_asking_about_a_kernel_of_this_process_does_not_drop_its_lock(
        self, store: SqliteStore, path: Path
    ) -> None:
        store.register_kernel(K, "nb", NOW)
        second = SqliteStore(path)
        for asked in (store, second):
            row = asked.kernel(K, NOW)
            assert row is not None
            assert row.alive
        code = "import sys; from aether_nb.store import SqliteStore; s = SqliteStore(sys.argv[1]); print(s.kernel('kernel-a', 0).alive); s.close()"

        seen = script(code, path).communicate()[0]
        store.close()
        row = second.kernel(K, NOW)
        second.close()

        assert seen == "True\n"
        assert row is not None
        assert not row.alive

    def test_a_kernel_on_another_machine_lives_by_its_heartbeat(self, store: SqliteStore, path: Path) -> None:
        store.register_kernel(K, "nb", NOW)
        tamper(path, "UPDATE kernels SET host = 'elsewhere'")

        rows = [store.kernel(K, NOW + later) for later in (29_999, 30_000)]

        assert [row.alive for row in rows if row] == [True, False]

    def test_a_store_that_is_locked_too_long_says_so_and_works_again(self, path: Path) -> None:
        database = Database(path, busy_s=0.01)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusy, match=re.escape(str(path))), database.transaction() as run:
                run("barrier")
            other.execute("ROLLBACK")

        with database.transaction() as run:
            run("barrier")
        assert database.read("meta", key="barrier") == [(1,)]
        database.close()


class TestTransactions:
    def test_what_fails_half_way_leaves_nothing(self, path: Path) -> None:
        database = Database(path)
        with pytest.raises(KeyboardInterrupt), database.transaction() as run:
            run("put_spec", hash="ab", kind="graph", body="{}")
            raise KeyboardInterrupt

        assert database.read("spec", hash="ab") == []
        with database.transaction() as run:
            run("put_spec", hash="ab", kind="graph", body="{}")
        assert database.read("spec", hash="ab") == [("{}",)]
        database.close()

    def test_only_what_must_outlive_a_power_cut_is_fsynced(self, path: Path) -> None:
        database = Database(path)
        levels = []
        for full in (False, True, True, False):
            with database.transaction(full=full) as run:
                run("barrier")
                levels.append(database._writer.execute("PRAGMA synchronous").fetchone()[0])
        database.close()

        assert levels == [1, 2, 2, 1]  # NORMAL, FULL

    def test_a_fork_is_fsynced_before_it_is_given_out(self, store: SqliteStore) -> None:
        levels = []
        for name, full in (("plain", False), ("fork", True)):
            run = RunId(name)
            log = [RunStarted(run=run, seq=1, at_us=1, graph="greet")]
            new = NewRun(run, "greet", "lesson.ipynb", "", "ab", "cd", K, NOW)
            assert store.create_run(new, log, status="running", full=full)
            levels.append(store._database._writer.execute("PRAGMA synchronous").fetchone()[0])

        assert levels == [1, 2]  # NORMAL, FULL

    def test_a_batch_of_thousands_is_a_handful_of_statements(self, store: SqliteStore) -> None:
        create(store)
        seen: list[str] = []
        store._database._writer.set_trace_callback(seen.append)
        events = [NodeStarted(run=RUN, seq=i, at_us=1, node=NodeId(f"n{i}")) for i in range(2, 3002)]

        store.append([Append(RUN, K, 1, 1, events, "running")], full=False, now_ms=NOW)

        assert len(seen) == 5  # begin, guard, advance, append, commit
        assert len(store.events(RUN)) == 3001

    def test_a_full_disk_is_told_and_nothing_is_half_written(self, store: SqliteStore) -> None:
        create(store)
        writer = store._database._writer
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages}")
        event = NodeStarted(run=RUN, seq=2, at_us=1, node=NodeId("n" * 100_000))
        batch = [Append(RUN, K, 1, 1, [event], "running")]

        with pytest.raises(StoreError, match="the disk is full"):
            store.append(batch, full=True, now_ms=NOW)
        assert len(store.events(RUN)) == 1

        writer.execute("PRAGMA max_page_count = 1000000")
        assert not store.append(batch, full=True, now_ms=NOW)

    def test_a_prompt_is_stored_once(self, store: SqliteStore, path: Path) -> None:
        create(store, 1)

        ((body,),) = tamper(path, "SELECT body FROM events WHERE type = 'WaitOpened'")

        assert json.loads(str(body)) == {"token": "t0", "kind": "text"}

    def test_what_a_newer_version_wrote_is_refused_not_guessed(self, store: SqliteStore, path: Path) -> None:
        create(store, 1)
        tamper(path, "UPDATE events SET type = 'NodeDreamt' WHERE seq = 2")
        with pytest.raises(StoreTooNew, match="NodeDreamt"):
            store.events(RUN)
        tamper(path, "UPDATE events SET type = 'WaitOpened', v = 2 WHERE seq = 2")
        with pytest.raises(StoreTooNew, match="version 2"):
            store.events(RUN)
        assert store.events(RUN, after=2) == []
        tamper(path, """UPDATE waits SET ask = '{"kind":"hologram"}'""")
        tamper(path, "UPDATE events SET v = 1 WHERE seq = 2")
        with pytest.raises(StoreTooNew, match="hologram"):
            store.events(RUN)

    @pytest.mark.parametrize(
        "ask", ['{"kind":"hologram","prompt":"Look?"}', '{"kind":"text","prompt":"Look?","in_colour":true}']
    )
    def test_a_question_of_a_newer_version_is_listed_as_one_that_cannot_be_read_here(
        self, store: SqliteStore, path: Path, ask: str
    ) -> None:
        create(store, 2)
        tamper(path, f"UPDATE waits SET ask = '{ask}' WHERE token = 't0'")
        strange, other = sorted(store.waits(), key=lambda row: row.token)
        assert strange.prompt.prompt.startswith("Look? (cannot be read here: a newer aether_nb wrote it")
        assert not other.prompt.prompt.startswith("Look?")
        with pytest.raises(ReplyInvalid, match="answer it with the version that asked"):
            check_reply(strange.prompt, "x")

    def test_a_damaged_event_is_told_with_its_place(self, store: SqliteStore, path: Path) -> None:
        create(store)
        tamper(path, "UPDATE events SET body = '{}'")

        with pytest.raises(StoreError, match=r"Event 1 \(RunStarted\) of run greet-1"):
            store.events(RUN)


class TestFiles:
    def test_a_store_outlives_its_process(self, path: Path) -> None:
        first = SqliteStore(path)
        create(first, 1)
        first.answer(Token("t0"), Reply(value="Ada"), now_ms=NOW)
        first.close()

        second = SqliteStore(path)

        assert second.uid == first.uid
        assert [wait.reply.value for wait in second.untaken(K) if wait.reply] == ["Ada"]
        assert len(second.events(RUN)) == 2
        second.close()

    def test_a_new_folder_and_file_are_for_this_user_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / ".aether" / "runs.db"

        SqliteStore(path).close()

        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_the_aether_folder_keeps_itself_out_of_git(self, tmp_path: Path) -> None:
        SqliteStore(tmp_path / ".aether" / "runs.db").close()
        SqliteStore(tmp_path / "mine" / "runs.db").close()

        assert (tmp_path / ".aether" / ".gitignore").read_text() == "*\n"
        assert not (tmp_path / "mine" / ".gitignore").exists()

    def test_artifacts_lie_beside_the_file_and_paths_are_absolute(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        store = SqliteStore("here.db")
        store.close()

        assert store.path == str(tmp_path / "here.db")
        assert store.artifacts_dir == str(tmp_path / "artifacts")

    def test_a_file_that_is_no_database_is_told(self, path: Path) -> None:
        path.write_text("not a database, but long enough to look at " * 50)

        with pytest.raises(StoreError, match="not a database"):
            SqliteStore(path)
        assert path.read_text().startswith("not a database, but")

    def test_somebody_elses_database_is_left_alone(self, path: Path) -> None:
        tamper(path, "CREATE TABLE recipes (name)")

        with pytest.raises(StoreError, match="some other program"):
            SqliteStore(path)
        assert tamper(path, "SELECT name FROM sqlite_master") == [("recipes",)]
        assert tamper(path, "PRAGMA journal_mode") == [("delete",)]

    def test_a_damaged_file_is_told_and_let_go_of(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = SqliteStore(path)
        create(store)
        store.close()
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        path.write_bytes(content)
        opened: list[sqlite3.Connection] = []

        class Noted(sqlite3.Connection):
            def __init__(self, *args: object, **options: object) -> None:
                super().__init__(*args, **options)
                opened.append(self)

        monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Noted))

        with pytest.raises(StoreError, match="damaged"):
            SqliteStore(path)
        assert len(opened) == 3
        for connection in opened:
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                connection.execute("PRAGMA user_version")

    def test_a_place_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        with pytest.raises(StoreError, match="cannot be used there"):
            SqliteStore(tmp_path / "file" / "runs.db")

    @pytest.mark.parametrize("replaced", [False, True])
    def test_a_file_that_was_moved_takes_nothing_more_until_it_is_back(
        self, store: SqliteStore, path: Path, replaced: bool
    ) -> None:
        (token,) = create(store, 1)
        away = path.with_suffix(".away")
        path.rename(away)
        if replaced:
            path.touch()
        with pytest.raises(StoreError, match=r"was moved or deleted .* Put it back"):
            store.answer(token, Reply(value={"text": "Ada"}, by="ana", door="cli"), now_ms=NOW)
        with pytest.raises(StoreError, match="was moved or deleted"):
            store.changed()
        away.replace(path)
        done = store.answer(token, Reply(value={"text": "Ada"}, by="ana", door="cli"), now_ms=NOW)
        assert done is not None
        assert done.accepted

    def test_a_folder_that_was_deleted_is_told(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "lesson" / "runs.db")
        shutil.rmtree(tmp_path / "lesson")
        with pytest.raises(StoreError, match="was moved or deleted"):
            store.register_kernel(K, "lesson.ipynb", NOW)
        store.close()

    @pytest.mark.parametrize("given", ["a\0b", "\ud800", "~nobody-of-this-name/runs.db"])
    def test_what_cannot_be_a_path_is_told(self, given: str) -> None:
        with pytest.raises(StoreError, match="cannot be a path; give one such as"):
            SqliteStore(given)


class TestPlaces:
    def test_a_local_store_uses_wal_and_has_nothing_to_say(self, store: SqliteStore, path: Path) -> None:
        assert tamper(path, "PRAGMA journal_mode") == [("wal",)]
        assert store.notice == ""

    def test_in_a_synced_folder_the_store_does_without_wal_and_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "Dropbox" / "class" / "runs.db"
        store = SqliteStore(path)
        create(store, 1)
        store.answer(Token("t0"), Reply(value="Ada"), now_ms=NOW)
        other = SqliteStore(path)
        other.changed()
        store.post("token:t9", "x", "ana", NOW)

        assert tamper(path, "PRAGMA journal_mode") == [("delete",)]
        assert "(Dropbox)" in store.notice
        assert other.changed()
        assert len(other.untaken(K)) == 1
        store.close()
        other.close()

    @pytest.mark.parametrize(
        ("folder", "said"),
        [
            ("/home/ana/OneDrive - School/x.db", "OneDrive - School"),
            ("/Users/a/Library/Mobile Documents/x.db", "Mobile Documents"),
            ("/home/ana/dropbox-clone/x.db", ""),
            ("/home/ana/x.db", ""),
            ("/mnt/class/x.db", "nfs4"),
            ("/mnt/class/local/x.db", ""),
            ("/mnt/my share/x.db", "cifs"),
            ("/mnt/c/x.db", "9p"),
            ("/mnt/bucket/x.db", "fuse.s3fs"),
            ("/mnt/ntfs/x.db", ""),
        ],
    )
    def test_network_and_synced_folders_are_known(self, tmp_path: Path, folder: str, said: str) -> None:
        mounts = tmp_path / "mounts"
        mounts.write_text(
            "/dev/sda / ext4 rw 0 0\nserver:/x /mnt/class nfs4 rw 0 0\n/dev/b /mnt/class/local xfs rw 0 0\n"
            "//s/x /mnt/my\\040share cifs rw 0 0\nC: /mnt/c 9p rw 0 0\ns3 /mnt/bucket fuse.s3fs rw 0 0\n"
            "/dev/c /mnt/ntfs fuseblk rw 0 0\n"
        )

        problem = place.wal_problem(Path(folder), mounts)

        assert said in problem
        assert bool(problem) == bool(said)

    def test_a_system_without_a_mount_table_is_taken_as_local(self, tmp_path: Path) -> None:
        assert place.wal_problem(Path("/data/x.db"), tmp_path / "nothing") == ""


class TestVersions:
    def test_the_schema_is_the_sum_of_the_migrations(self, path: Path) -> None:
        def made_by(*scripts: str) -> dict[str, object]:
            with contextlib.closing(sqlite3.connect(":memory:")) as connection:
                for one in scripts:
                    for statement in statements(one):
                        connection.execute(statement)
                rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
                plain = {(kind, name): re.sub(r"\s+|--.*", "", sql or "") for kind, name, sql in rows}
                pragmas = [
                    connection.execute(f"PRAGMA {p}").fetchone() for p in ("user_version", "application_id")
                ]
                return {"tables": plain, "pragmas": pragmas}

        assert made_by((PACKAGE / "sql" / "schema.sql").read_text()) == made_by(*MIGRATIONS)
        assert made_by(*MIGRATIONS)["pragmas"] == [(len(MIGRATIONS),), (database_module._APPLICATION,)]

    def test_a_newer_store_is_refused_untouched(self, path: Path) -> None:
        SqliteStore(path).close()
        tamper(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        before = path.read_bytes()

        with pytest.raises(StoreTooNew, match="newer aether_nb"):
            SqliteStore(path)
        assert path.read_bytes() == before
        assert not list(path.parent.glob("*.v*"))

    def test_an_older_store_is_migrated_and_a_copy_kept_beside_it(self, path: Path) -> None:
        store = SqliteStore(path)
        create(store)
        store.close()
        version = len(MIGRATIONS)
        step = f"ALTER TABLE runs ADD COLUMN mood TEXT;\nPRAGMA user_version = {version + 1};\n"

        Database(path, migrations=(*MIGRATIONS, step)).close()

        assert tamper(path, "SELECT run_id, mood FROM runs") == [(RUN, None)]
        assert tamper(path, "PRAGMA user_version") == [(version + 1,)]
        copy = path.parent / f"runs.db.v{version}"
        assert tamper(copy, "SELECT run_id FROM runs") == [(RUN,)]
        assert tamper(copy, "PRAGMA user_version") == [(version,)]

    def test_a_migration_that_fails_leaves_the_store_as_it_was(self, path: Path) -> None:
        SqliteStore(path).close()
        step = "ALTER TABLE runs ADD COLUMN mood TEXT;\nINSERT INTO nowhere VALUES (1);\n"

        with pytest.raises(StoreError, match="nowhere"):
            Database(path, migrations=(*MIGRATIONS, step))
        SqliteStore(path).close()


class TestQueries:
    def test_the_parser_gives_each_query_without_its_comments(self) -> None:
        text = "-- Head.\n\n-- one --\n-- What for.\nSELECT 1;\n\n-- two --\n-- What for.\nSELECT\n  2;\n"

        assert parse_queries(text) == {"one": "SELECT 1", "two": "SELECT\n  2"}

    def test_every_query_is_told_and_used(self) -> None:
        text = (PACKAGE / "sql" / "queries.sql").read_text()
        rooms = ("sqlite.py", "database.py", "cleaning.py", "moves.py", "paging.py")
        code = "".join((PACKAGE / name).read_text() for name in rooms)
        used = set(re.findall(r'"(\w+)"', code)) | {"journal_wal", "journal_delete"}

        assert set(re.findall(r"^-- (\w+) --\n-- \S", text, re.MULTILINE)) == set(QUERIES)
        assert set(QUERIES) <= used

    def test_a_store_that_was_sent_may_not_run_functions(self, store: SqliteStore) -> None:
        assert store._database._writer.execute("PRAGMA trusted_schema").fetchone() == (0,)

    def test_the_package_holds_no_query_text_in_python(self) -> None:
        rooms = ("sqlite.py", "database.py", "cleaning.py", "moves.py", "paging.py", "memory.py", "rows.py")
        for name in rooms:
            assert not re.search(r'"\s*(SELECT|INSERT|UPDATE|PRAGMA|BEGIN)\b', (PACKAGE / name).read_text())


def test_who_may_not_make_a_store_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "no such" / "a b?#%.db"
    with pytest.raises(StoreError):
        SqliteStore(path, create=False)
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(StoreError, match="There is no store at"):
        SqliteStore(path, create=False)
    assert path.stat().st_size == 0
    made = SqliteStore(path)
    found = SqliteStore(path, create=False)
    assert found.uid == made.uid
    found.close()
    made.close()

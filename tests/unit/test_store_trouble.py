"""What a user sees when the store's file fails: one sentence, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import aether_nb as ae
from aether_nb import api, graph_fn, tool
from aether_nb.engine import writer
from aether_nb.errors import AetherError, StoreBusy, StoreError, StoreTooNew
from aether_nb.events import FINAL
from aether_nb.store import database


@graph_fn(outputs=["name"])
async def asks(*, context):
    return {"name": await context.channel().ask_text("Your name?")}


@tool(outputs=["text"])
async def write(text: str):
    return {"text": text}


@graph_fn(outputs=["size"])
async def writes(*, context):
    name = await context.channel().ask_text("Your name?")
    pages = [await write(f"{i} {name}" * 500) for i in range(20)]
    return {"size": len(pages)}


def leave_runs_behind(configure) -> Path:
    """A store with one finished and one waiting run, in nobody's hands."""
    configure()

    async def work():
        await asks.start(run_id="waiting").next_wait()
        done = asks.start(run_id="done")
        await done.next_wait()
        done.answer("Ada")
        await done

    asyncio.run(work())
    path = Path(api.current().store.path)
    api.close()
    return path


@pytest.mark.parametrize("many", [3, 25])
@pytest.mark.parametrize(
    ("edit", "said"), [("type = 'NodeDreamt'", "newer one"), ("body = '{\"n\":'", "file is damaged")]
)
def test_a_run_that_cannot_be_read_holds_no_other_up(configure, many, edit, said):
    configure()

    async def begin():
        for i in range(many):
            await asks.start(run_id=f"r{i}").next_wait()

    asyncio.run(begin())
    path = api.current().store.path
    api.close()
    raw(path, f"UPDATE events SET {edit} WHERE seq = 2 AND run = (SELECT run FROM runs WHERE run_id = 'r1')")
    configure()

    async def go_on():
        found = {run.run_id: run for run in ae.resume_all()}
        assert len(found) == many
        for name in ("r0", "r2"):
            await found[name].next_wait()
            assert found[name].answer("Ada")
            assert (await found[name]).name == "Ada"
        with pytest.raises(StoreError, match=said):
            await found["r1"]
        assert api.current().engine().trouble is None, "the store as a whole is all right"
        return found["r1"].note

    note = asyncio.run(go_on())
    assert said in note or many > 20


def raw(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def start():
    await asyncio.wait_for(asks.start().next_wait(), 5)


async def resume():
    ae.resume("waiting")


ACTIONS = {
    "runs": lambda: repr(ae.runs()),
    "waits": lambda: repr(ae.waits(status=None)),
    "outputs": lambda: ae.get("done").outputs,
    "waiting": lambda: repr(ae.get("waiting")),
    "answer": lambda: ae.answer(ae.get("waiting").waits[0].token, "Bo"),
    "start": lambda: asyncio.run(start()),
    "resume": lambda: asyncio.run(resume()),
    "store": lambda: repr(ae.store()),
    "gc": lambda: ae.store().gc(keep_days=0),
}


def complaints() -> dict[str, AetherError]:
    """What each thing that a user does says; anything but an error of ours is a test that fails."""
    said = {}
    for name, act in ACTIONS.items():
        try:
            act()
        except AetherError as error:
            said[name] = error
    assert all("\n" not in str(error) and len(str(error)) < 400 for error in said.values())
    return said


# -- files that are not what they were -----------------------------------------------------------


def half(content):
    return content[: len(content) // 2]


def garbage(content):
    return content[:8192] + b"\x5a" * (len(content) - 16384) + content[-8192:]


def headless(content):
    return b"\0" * 100 + content[100:]


@pytest.mark.parametrize("damage", [half, garbage, headless])
def test_a_damaged_file_is_refused_in_a_sentence_and_a_backup_brings_all_back(configure, damage):
    path = leave_runs_behind(configure)
    backup = path.read_bytes()
    path.write_bytes(damage(backup))

    with pytest.raises(
        StoreError, match=r"damaged; put a backup in its place|not a database; .* put a backup"
    ):
        configure()

    path.write_bytes(backup)
    configure()
    assert ae.get("done").outputs.name == "Ada"
    assert len(ae.waits()) == 1


DAMAGED_ROWS = {
    "body": "UPDATE events SET body = '{\"tok'",
    "not text": "UPDATE events SET body = CAST(x'7bff7d' AS TEXT)",
    "reply": "UPDATE waits SET reply = '{\"x' WHERE status = 'answered'",
    "question": "UPDATE waits SET ask = '{\"x'",
    "spec": "UPDATE specs SET body = '{\"x'",
    "field": 'UPDATE events SET body = \'{"outputs":1,"at_us":"x","graph":[]}\'',
}


@pytest.mark.parametrize("statement", DAMAGED_ROWS.values(), ids=DAMAGED_ROWS)
def test_damaged_rows_are_told_where_they_matter_and_the_rest_works(configure, statement):
    path = leave_runs_behind(configure)
    raw(path, statement)
    configure()

    said = complaints()

    assert said
    assert all(isinstance(error, StoreError) and "damaged" in str(error) for error in said.values())
    assert not said.keys() & {"store", "gc"}


def test_a_table_that_is_gone_is_told(configure):
    path = leave_runs_behind(configure)
    raw(path, "DROP TABLE mailbox")
    configure()

    with pytest.raises(StoreError, match="damaged; put a backup in its place"):
        ae.store().stats()


def test_a_store_of_a_newer_version_is_refused_and_the_one_in_use_stays(configure, tmp_path):
    path = leave_runs_behind(configure)
    raw(path, "PRAGMA user_version = 99")
    mine = configure(store=tmp_path / "mine.db")

    with pytest.raises(StoreTooNew, match=r"newer aether_nb \(its version is 99, this one knows \d+\)"):
        configure()

    assert api.current() is mine
    assert repr(ae.runs()) == "No runs."


# -- places that do not do -----------------------------------------------------------------------


def test_a_folder_in_place_of_the_file_is_told(configure, tmp_path):
    with pytest.raises(StoreError, match=r"it is a folder, not a file: .*choose another path"):
        configure(store=tmp_path)


def test_a_file_in_place_of_the_folder_is_told(configure, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be used there \(.*: .*file\); choose another path"):
        configure(store=tmp_path / "file" / "runs.db")


def test_a_folder_that_is_missing_is_made(configure, tmp_path):
    configure(store=tmp_path / "new" / "one" / "runs.db")
    asyncio.run(start())
    assert (tmp_path / "new" / "one" / "runs.db").exists()


AS_A_GUEST = """
import asyncio, os, sys
import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.channels.widget import WidgetChannel
from aether_nb.errors import AetherError

@graph_fn(outputs=[])
async def asks(*, context):
    await context.channel().ask_text("Your name?")

async def start():
    await asks.start().next_wait()

def work(path):
    ae.configure(store=path, channel=WidgetChannel())
    asyncio.run(start())

work(sys.argv[1])  # also loads what is loaded late, while this process may still read it
if os.getuid() == 0:
    os.setuid(65534)  # nobody: for root no folder is read-only
for path in sys.argv[2:]:
    try:
        work(path)
        print("worked")
    except AetherError as error:
        print(type(error).__name__, error)
    try:
        print(ae.store().path == path, len(ae.runs()))
    except AetherError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that other users may enter, as those of pytest are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o700)
    shutil.rmtree(folder)


def test_what_may_not_be_written_is_told_and_may_still_be_read_where_that_is_possible(configure, open_to_all):
    made = leave_runs_behind(configure)
    modes = {"all": (0o555, 0o444), "file": (0o777, 0o444), "folder": (0o555, 0o666), "secret": (0o777, 0)}
    paths = []
    for name, (folder_mode, file_mode) in modes.items():
        (open_to_all / name).mkdir()
        paths.append(Path(shutil.copy(made, open_to_all / name / "runs.db")))
        paths[-1].chmod(file_mode)
        paths[-1].parent.chmod(folder_mode)
    (open_to_all / "empty").mkdir(0o555)
    paths.append(open_to_all / "empty" / ".aether" / "runs.db")

    done = subprocess.run(
        [sys.executable, "-c", AS_A_GUEST, open_to_all / "own.db", *paths],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    lines = done.stdout.splitlines()
    refused, after = lines[::2], lines[1::2]
    assert all(
        line.startswith("StoreError The store ") and str(path) in line for line, path in zip(refused, paths)
    )
    assert "it may not be written; check the rights of the file and its folder" in refused[0]
    assert "Permission denied" in refused[-1]
    assert [line.split()[0] for line in after] == ["False", "True", "False", "False", "False"]
    assert after[1] == "True 2"  # the file alone is read-only: its runs can be looked at


# -- trouble while it is in use ------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch):
    """A failed flush is tried again at once."""
    monkeypatch.setattr(writer, "RETRY_S", 0.01)


async def until_the_log_says(caplog, sentence):
    for _ in range(1000):
        if any(sentence in record.getMessage() for record in caplog.records):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(sentence)


def fill_the_disk(runtime):
    """As far as this process can: no page more. Gives what makes room again."""
    connection = runtime.store._database._writer
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    return lambda: connection.execute("PRAGMA max_page_count = 1000000").fetchall()


async def test_on_a_full_disk_a_run_waits_and_goes_on_when_there_is_room(ours, soon, caplog):
    run = writes.start()
    await run.next_wait()
    make_room = fill_the_disk(ours)
    run.answer("Ada" * 50)  # a row that is there already needs no room

    await until_the_log_says(caplog, "runs wait until it answers again: The store")
    assert "the disk is full; nothing of this was written. Make room and it goes on" in caplog.text
    assert ours.row(run.run_id).status not in FINAL  # what is not written has not happened
    with pytest.raises(StoreError, match="the disk is full"):
        for _ in range(50):
            asks.start()
    before = [event.seq for event in run.events]
    make_room()

    assert (await run).size == 20
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))
    assert before == [event.seq for event in run.events][: len(before)]
    assert [node.attempt for node in run.nodes.values() if node.name == "write"] == [1] * 20


async def test_a_reply_that_finds_no_room_is_refused_and_can_be_given_again(ours):
    run = asks.start()
    await run.next_wait()
    make_room = fill_the_disk(ours)

    with pytest.raises(StoreError, match="the disk is full; nothing of this was written"):
        run.answer("Ada " * 20_000)
    assert [wait.status for wait in run.waits] == ["open"]
    make_room()

    assert run.answer("Ada")
    assert (await run).name == "Ada"


async def test_while_another_process_holds_the_file_one_is_told_and_then_all_goes_on(ours, soon, caplog):
    database = ours.store._database
    database._busy_s = 0.02
    for connection in (database._writer, database._reader, database._watcher):
        connection.execute("PRAGMA busy_timeout = 20")
    run = asks.start()
    await run.next_wait()
    other = sqlite3.connect(ours.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    for act in (asks.start, lambda: run.answer("Ada"), lambda: ae.store().gc(keep_days=0)):
        with pytest.raises(
            StoreBusy, match=r"held the store .*runs.db for more than 0.02 s; nothing of this"
        ):
            act()
    assert [wait.prompt for wait in ae.waits()] == ["Your name?"]
    assert run.status == "waiting"
    other.execute("ROLLBACK")
    other.close()

    assert run.answer("Ada")
    assert (await run).name == "Ada"


async def test_a_file_that_is_deleted_under_a_run_takes_no_reply_until_it_is_back(ours, soon, caplog):
    run = asks.start(run_id="r")
    await run.next_wait()
    path = Path(ours.store.path)
    path.rename(path.with_suffix(".away"))

    for act in (asks.start, lambda: run.answer("Ada"), lambda: ae.store().gc()):
        with pytest.raises(
            StoreError, match=r"moved or deleted while it was in use: .*runs.db\. Nothing of this"
        ):
            act()
    path.with_suffix(".away").rename(path)

    assert run.answer("Ada")
    assert (await run).name == "Ada"
    assert [wait.status for wait in run.waits] == ["answered"]


def test_an_older_store_is_migrated_with_a_backup_beside_it_and_its_runs_go_on(configure, monkeypatch):
    path = leave_runs_behind(configure)
    version = len(database.MIGRATIONS)
    step = f"ALTER TABLE runs ADD COLUMN mood TEXT;\nPRAGMA user_version = {version + 1};\n"
    monkeypatch.setattr(database.Database.__init__, "__kwdefaults__", {
        "busy_s": database.BUSY_S, "migrations": (*database.MIGRATIONS, step),
    })  # fmt: skip

    configure()

    assert Path(f"{path}.v{version}").exists()
    assert ae.get("done").outputs.name == "Ada"

    async def go_on():
        run = ae.resume("waiting")
        run.answer("Bo")
        return (await run).name

    assert asyncio.run(go_on()) == "Bo"

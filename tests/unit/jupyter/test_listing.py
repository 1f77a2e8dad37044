"""What the sidebar lists over HTTP, on a real Jupyter server and real stores."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from unit.jupyter.doors import KERNEL, RUN, Call, Fetch, ask, made, new_run, now_ms, write

from aether_nb.display.render import have_dot
from aether_nb.events import Call as Called
from aether_nb.events import NodeAdded, NodeFinished, RunFinished, RunStarted
from aether_nb.ids import NodeId, RunId
from aether_nb.jupyter import registry
from aether_nb.prompts import ApprovalPrompt, CallbackPrompt, FilesPrompt, Reply, TextPrompt
from aether_nb.store.sqlite import SqliteStore

IdOf = Callable[[SqliteStore], str]
LISTS = ("stores", "runs", "run", "events", "waits")


def test_stores_are_those_that_kernels_announced_below_the_root(
    call: Call, listed: SqliteStore, announced: registry.Announcement
) -> None:
    ask(listed, TextPrompt(prompt="Name?"))
    status, said = call("stores")
    assert status == 200
    (one,) = said["stores"]
    assert registry.is_name(one.pop("store"))
    assert one == {"name": "lessons/.aether/runs.db", "open": 1, "runs": 1, "trouble": ""}
    assert [run["store"] for run in call("runs")[1]["runs"]] == [call("stores")[1]["stores"][0]["store"]]


def test_a_store_that_two_kernels_announced_is_listed_once(call: Call, listed: SqliteStore) -> None:
    listed.register_kernel("another-life", "lesson.ipynb", now_ms())
    registry.announce(listed.uid, listed.path, "another-life")
    assert len(call("stores")[1]["stores"]) == 1


def test_another_store_in_the_place_of_the_announced_one_is_not_listed(
    call: Call, listed: SqliteStore, id_of: IdOf, tmp_path: Path
) -> None:
    name = id_of(listed)
    listed.close()
    for file in Path(listed.path).parent.glob("runs.db*"):
        file.unlink()
    SqliteStore(listed.path).close()
    assert call("stores") == (200, {"stores": []})
    assert call("runs", store=name)[0] == 404


def test_a_run_is_shown_with_the_answers_that_nobody_has_taken_yet(
    call: Call, listed: SqliteStore, id_of: IdOf
) -> None:
    token = ask(listed, TextPrompt(prompt="Name?"))
    listed.answer(token, Reply(value="Ada", by="ana", door="cli"), now_ms=now_ms())
    _, said = call("run", store=id_of(listed), run=RUN)
    (prompt,) = said["view"]["prompts"]
    assert (prompt["state"], prompt["reply"]["text"], prompt["reply"]["by"]) == ("answered", "Ada", "ana")


def test_a_run_is_listed_with_where_it_belongs_and_how_far_it_is(
    call: Call, listed: SqliteStore, id_of: IdOf
) -> None:
    head = {"run": RUN, "at_us": 1}
    step = {"name": "step", "call": Called(name="step")}
    write(
        listed, RUN, NodeAdded(**head, seq=2, node=NodeId("a"), **step),
        NodeAdded(**head, seq=3, node=NodeId("b"), **step), NodeFinished(**head, seq=4, node=NodeId("a")),
    )  # fmt: skip
    ask(listed, TextPrompt(prompt="Name?"))
    status, said = call("runs")
    assert status == 200
    assert said == {
        "total": 1,
        "runs": [{
            "store": id_of(listed), "run_id": RUN, "graph": "greet", "status": "waiting", "created_ms": 1,
            "ended_ms": None, "notebook": "lessons/lesson.ipynb", "cell": "", "done": 1, "total": 2, "open": 1,
            "driver": "here",
        }],
    }  # fmt: skip


def test_a_run_whose_kernel_is_gone_has_no_driver(call: Call, listed: SqliteStore) -> None:
    token = ask(listed, TextPrompt(prompt="Name?"))
    listed.close()
    assert call("runs")[1]["runs"][0]["driver"] == ""
    (wait,) = call("waits")[1]["waits"]
    assert (wait["token"], wait["driven"]) == (token, False)


def test_the_home_of_a_run_is_named_from_the_root_on_or_as_it_is(call: Call, listed: SqliteStore) -> None:
    for n, home in enumerate(["../../top.ipynb", "../../../out.ipynb", "python", "module:job", ""]):
        new_run(listed, f"r{n}", home=home)
    homes = [run["notebook"] for run in call("runs")[1]["runs"]]
    outside = str(Path(listed.path).parents[3] / "out.ipynb")
    assert homes == ["", "module:job", "python", outside, "top.ipynb", "lessons/lesson.ipynb"]


def test_runs_of_all_stores_come_in_one_list_a_page_at_a_time(
    call: Call, listed: SqliteStore, jp_root_dir: Path
) -> None:
    with made(jp_root_dir / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        for n in range(6):
            new_run(other if n % 2 else listed, f"r{n}", created_ms=10 + n)
        pages = [call("runs", q="R", offset=str(at), limit="4")[1] for at in (0, 4, 8)]
        assert [page["total"] for page in pages] == [8, 8, 8]
        ids = [run["run_id"] for page in pages for run in page["runs"]]
        assert ids == ["r5", "r4", "r3", "r2", "r1", "r0", RUN, RUN]
        assert len({run["store"] for run in pages[0]["runs"]}) == 2
        assert [run["run_id"] for run in call("runs", q="r5")[1]["runs"]] == ["r5"]
        assert call("runs", status="failed")[1] == {"total": 0, "runs": []}


def test_open_questions_come_with_all_that_is_needed_to_show_them(
    call: Call, listed: SqliteStore, id_of: IdOf
) -> None:
    before = now_ms()
    last = ask(listed, TextPrompt(prompt="Name?"))
    first = ask(listed, ApprovalPrompt(prompt="Proceed?"), deadline_ms=now_ms() + 60_000)
    done = ask(listed, TextPrompt(prompt="Done?"))
    assert listed.answer(done, Reply(value="x"), now_ms=now_ms())
    status, said = call("waits")
    assert (status, said["total"]) == (200, 2)
    assert [wait["token"] for wait in said["waits"]] == [first, last]
    wait = said["waits"][1]
    assert before <= wait.pop("asked_ms") <= now_ms()
    assert wait.pop("prompt") == TextPrompt(prompt="Name?").model_dump(mode="json")
    assert wait == {
        "token": last, "node": last, "seq": 2, "kind": "text", "state": "open", "deadline_ms": None,
        "source": RUN, "reply": None, "problems": {}, "store": id_of(listed), "run_id": RUN, "graph": "greet",
        "notebook": "lessons/lesson.ipynb", "cell": "", "driven": True,
    }  # fmt: skip
    assert [wait["token"] for wait in call("waits", q="proc")[1]["waits"]] == [first]


def test_questions_of_all_stores_come_in_one_list_the_oldest_first(
    call: Call, listed: SqliteStore, jp_root_dir: Path
) -> None:
    with made(jp_root_dir / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        tokens = [ask(at, TextPrompt(prompt="?"), at_us=n * 1000) for n, at in enumerate([other, listed] * 3)]
        pages = [call("waits", offset=str(at), limit="4")[1] for at in (0, 4)]
        assert [wait["token"] for page in pages for wait in page["waits"]] == tokens
        assert pages[0]["total"] == 6


def test_questions_are_counted_by_notebook_and_found_by_it(
    call: Call, listed: SqliteStore, jp_root_dir: Path
) -> None:
    ask(listed, TextPrompt(prompt="Name?"))
    (jp_root_dir / "more").mkdir()
    with made(jp_root_dir / "more" / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        tokens = [ask(other, TextPrompt(prompt=f"{n}?")) for n in range(2)]
        counts = {"lessons/lesson.ipynb": 1, "lesson.ipynb": 2}
        found = call("waits", notebook="lesson.ipynb")[1]
        assert ([wait["token"] for wait in found["waits"]], found["total"]) == (tokens, 2)
        assert found["notebooks"] == call("waits", q="no such")[1]["notebooks"] == counts
        assert call("waits", notebook="other.ipynb")[1] == {"total": 0, "waits": [], "notebooks": counts}


def test_what_waits_for_a_job_is_listed_last_and_no_question_anywhere(
    call: Call, listed: SqliteStore, jp_root_dir: Path, id_of: IdOf
) -> None:
    job = ask(listed, CallbackPrompt(prompt="Waiting for a job"), deadline_ms=now_ms() + 60_000)
    name = ask(listed, TextPrompt(prompt="Name?"))
    (jp_root_dir / "more").mkdir()
    with made(jp_root_dir / "more" / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        last = ask(other, TextPrompt(prompt="And yours?"))
        said = call("waits")[1]
        assert ([wait["token"] for wait in said["waits"]], said["total"]) == ([name, last, job], 3)
        assert said["notebooks"] == {"lessons/lesson.ipynb": 1, "lesson.ipynb": 1}
        assert [store["open"] for store in call("stores")[1]["stores"]] == [1, 1]
        assert [run["open"] for run in call("runs")[1]["runs"]] == [1, 1]


def test_an_answer_by_a_stores_id_counts(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    token = ask(listed, TextPrompt(prompt="Name?"))
    status, said = call("answer", {"store": id_of(listed), "token": token, "value": "Ada"})
    assert (status, said["accepted"]) == (200, True)
    assert call("waits")[1] == {"total": 0, "waits": [], "notebooks": {}}


def test_all_that_takes_a_kernels_announcement_takes_an_id(
    call: Call, listed: SqliteStore, id_of: IdOf
) -> None:
    name = id_of(listed)
    token = ask(listed, FilesPrompt(prompt="Data?"))
    sent = {"wait": token, "upload": "u1", "name": "a.csv", "size": "3", "media": "text/csv", "offset": "0"}
    status, said = call("upload", b"1,2", method="PUT", store=name, **sent)
    assert (status, said["received"], said["file"]["name"]) == (200, 3, "a.csv")
    assert listed.answer(token, Reply(value={"files": [], "text": ""}, by="ana"), now_ms=now_ms())
    status, said = call("watch", {"store": name, "tokens": [token], "alive": None})
    assert (status, said["closed"][token]["status"]) == (200, "answered")
    assert call("nonce", store=name)[0] == 404, "only a kernel has something to prove"


def test_a_whole_run_is_shown_with_its_picture(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    head = {"run": RUN, "at_us": 1}
    step = {"name": "step", "call": Called(name="step")}
    write(
        listed, RUN, NodeAdded(**head, seq=2, node=NodeId("a"), **step),
        NodeFinished(**head, seq=3, node=NodeId("a")), RunFinished(**head, seq=4, outputs={"x": "done"}),
        status="succeeded",
    )  # fmt: skip
    status, said = call("run", store=id_of(listed), run=RUN)
    assert status == 200
    view = said["view"]
    assert (view["run_id"], view["status"], view["seq"]) == (RUN, "succeeded", 4)
    assert [(node["id"], node["status"]) for node in view["nodes"]] == [("a", "succeeded")]
    assert ("<svg" in view["svg"], bool(view["dot"])) == (have_dot(), not have_dot())


def test_a_log_is_given_from_any_event_on(
    call: Call, announced: registry.Announcement, store: SqliteStore
) -> None:
    ask(store, TextPrompt(prompt="Name?"))
    status, said = call("events", store=announced.store, run=RUN)
    assert (status, said["seq"]) == (200, 2)
    assert said["events"][0] == {
        "type": RunStarted.type, "run": RUN, "seq": 1, "at_us": 1000, "graph": "greet",
    }  # fmt: skip
    assert said["events"][1]["prompt"]["prompt"] == "Name?"
    assert (
        call("events", store=announced.store, run=RUN, since="1", limit="1")[1]["events"]
        == said["events"][1:]
    )
    assert call("events", store=announced.store, run=RUN, since="2")[1] == {"events": [], "seq": 2}


def test_a_run_that_is_not_there_is_not_found(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    name = id_of(listed)
    for run in ("", "nobody", "../../etc/passwd", "\0"):
        assert call("run", store=name, run=run)[0] == 404
        assert call("events", store=name, run=run)[0] == 404


@pytest.mark.parametrize(
    "params",
    [
        {"offset": "-1"},
        {"limit": "x"},
        {"limit": "1e3"},
        {"offset": "٣"},
        {"q": "x" * 201},
        {"limit": "9" * 20},
    ],
)
def test_a_page_that_makes_no_sense_is_malformed(
    call: Call, listed: SqliteStore, params: dict[str, str]
) -> None:
    for route in ("runs", "waits"):
        status, said = call(route, **params)
        assert (status, bool(said["message"])) == (400, True)


def test_a_status_that_no_run_has_is_malformed(call: Call, listed: SqliteStore) -> None:
    assert call("runs", status="100%")[0] == 400


def test_a_search_is_a_text_and_no_pattern(call: Call, listed: SqliteStore) -> None:
    for search in ("%", "_reet", "' OR 1=1 --", "gre*"):
        assert call("runs", q=search)[1]["total"] == 0


def test_no_store_is_read_that_the_server_does_not_know(
    call: Call, listed: SqliteStore, id_of: IdOf, jp_root_dir: Path
) -> None:
    SqliteStore(jp_root_dir / "secret.db").close()
    name = id_of(listed)
    tricks = [
        listed.path, listed.uid, "secret.db", f"../{name}", f"{name}.json", name.upper(), "%2e%2e", "0" * 32,
        "lessons/.aether/runs.db", f"{name[1:]}", f"{name}0",
    ]  # fmt: skip
    for trick in tricks:
        for route in LISTS[1:]:
            assert call(route, store=trick, run=RUN)[0] == 404, (route, trick)
    assert [one["name"] for one in call("stores")[1]["stores"]] == ["lessons/.aether/runs.db"]


def test_a_store_that_others_may_write_is_not_listed(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    name = id_of(listed)
    Path(listed.path).chmod(0o666)
    assert call("stores") == (200, {"stores": []})
    assert call("runs")[1]["total"] == 0
    assert call("runs", store=name)[0] == 404


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_a_store_of_another_user_is_not_listed(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    name = id_of(listed)
    os.chown(listed.path, 65534, 65534)
    assert call("stores") == (200, {"stores": []})
    assert call("runs", store=name)[0] == 404


def test_many_announcements_are_read_once_and_a_new_one_is_seen_at_once(
    call: Call, listed: SqliteStore, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def announcements() -> list[str]:
        return sorted(entry.path for entry in registry.entries())

    folder = next(Path(os.environ["JUPYTER_RUNTIME_DIR"]).glob("aether-nb"))
    os.utime(folder, (1_000_000_000, 1_000_000_000))
    assert announcements() == [listed.path]
    with monkeypatch.context() as patched:
        patched.setattr(registry, "_entry", lambda _name: pytest.fail("read again"))
        assert announcements() == [listed.path]
        Path(listed.path).chmod(0o666)
        assert announcements() == []
        Path(listed.path).chmod(0o600)
    with made(jp_root_dir / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        assert announcements() == sorted([listed.path, other.path])
        assert len(call("stores")[1]["stores"]) == 2


def test_a_store_that_is_a_link_is_not_listed(call: Call, listed: SqliteStore, tmp_path: Path) -> None:
    file = Path(listed.path)
    file.symlink_to(file.rename(tmp_path / "moved.db"))
    assert call("stores") == (200, {"stores": []})


def test_a_damaged_store_says_so_and_the_others_are_listed(
    call: Call, listed: SqliteStore, id_of: IdOf, jp_root_dir: Path
) -> None:
    with made(jp_root_dir / "other.db") as other:
        registry.announce(other.uid, other.path, KERNEL)
        name = id_of(other)
    (jp_root_dir / "other.db").write_bytes(b"100% no database" * 100)
    trouble = {one["name"]: one["trouble"] for one in call("stores")[1]["stores"]}
    assert (trouble.pop("lessons/.aether/runs.db"), list(trouble)) == ("", ["other.db"])
    assert "not a database" in trouble["other.db"]
    assert call("runs")[1]["total"] == 1
    assert call("runs", store=name)[0] == 503


def test_a_store_that_is_deleted_is_not_made_again(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    name = id_of(listed)
    listed.close()
    for file in Path(listed.path).parent.glob("runs.db*"):
        file.unlink()
    for route in LISTS[1:]:
        assert call(route, store=name, run=RUN)[0] == 404
    assert call("stores") == (200, {"stores": []})
    assert not Path(listed.path).exists()


def test_a_store_that_somebody_holds_can_be_read_and_says_that_it_cannot_be_written(
    call: Call, listed: SqliteStore, id_of: IdOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether_nb.jupyter.served.BUSY_S", 0.1)
    token = ask(listed, TextPrompt(prompt="Name?"))
    name = id_of(listed)
    with closing(sqlite3.connect(listed.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert call("waits", store=name)[1]["total"] == 1
        status, said = call("answer", {"store": name, "token": token, "value": "Ada"})
        assert (status, "has held the store" in said["message"]) == (503, True)
    assert call("answer", {"store": name, "token": token, "value": "Ada"})[1]["accepted"]


def test_nobody_reads_without_a_token(call: Call, listed: SqliteStore, id_of: IdOf) -> None:
    name = id_of(listed)
    for route in LISTS:
        for headers in ({"Authorization": ""}, {"Authorization": "token wrong"}):
            assert call(route, store=name, run=RUN, headers=headers)[0] == 403


def test_a_page_from_elsewhere_reads_nothing(
    call: Call, listed: SqliteStore, browser: dict[str, str]
) -> None:
    for route in LISTS:
        assert call(route, run=RUN, headers=browser | {"Origin": "https://evil.example"})[0] == 404
        assert call(route, run=RUN, headers=browser)[0] != 403


def test_many_may_read_at_once(fetch: Fetch, listed: SqliteStore, jp_asyncio_loop: Any) -> None:
    for n in range(20):
        new_run(listed, f"r{n}")

    async def story() -> list[tuple[int, Any]]:
        return await asyncio.gather(*(fetch(route) for route in ["runs", "waits", "stores"] * 10))

    assert {status for status, _ in jp_asyncio_loop.run_until_complete(story())} == {200}


@pytest.mark.parametrize("jp_server_config", [["elsewhere/extra.db", "missing.db"]], indirect=True)
def test_the_configuration_names_more_stores(call: Call, jp_root_dir: Path) -> None:
    with made(jp_root_dir.parent / "elsewhere" / "extra.db"):
        said = call("stores")[1]["stores"]
        assert [(one["name"], one["runs"]) for one in said] == [
            (str(jp_root_dir.parent / "elsewhere/extra.db"), 1)
        ]
        assert call("runs", store=said[0]["store"])[1]["total"] == 1
        assert RunId(call("runs")[1]["runs"][0]["run_id"]) == RUN
        (jp_root_dir.parent / "elsewhere" / "extra.db").chmod(0o620)
        assert call("stores") == (200, {"stores": []})


@pytest.mark.parametrize(
    "jp_argv",
    [
        ["--AetherNb.stores=one.db", "--AetherNb.stores=two.db"],
        ['--AetherNb.stores=["one.db", "two.db"]'],
    ],
)
def test_the_command_line_names_stores_one_by_one_or_as_a_list(call: Call, jp_root_dir: Path) -> None:
    with made(jp_root_dir / "one.db"), made(jp_root_dir / "two.db"):
        assert [one["name"] for one in call("stores")[1]["stores"]] == ["one.db", "two.db"]

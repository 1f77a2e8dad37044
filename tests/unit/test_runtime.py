from __future__ import annotations

import asyncio
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import aether_nb as ae
from aether_nb import ScriptedChannel, api, graph_fn, graphify, runtime, tool
from aether_nb.errors import (
    AetherError,
    BadInputs,
    GraphError,
    NoLoop,
    NotStorable,
    OutsideRun,
    ReplyInvalid,
    RunBlocked,
    RunCancelled,
    RunError,
    RunIdTaken,
    StoreError,
    UnknownRun,
    UnknownWait,
)
from aether_nb.runtime import Runtime
from aether_nb.store.memory import MemoryStore
from aether_nb.tools import ask_text


@graph_fn(outputs=["msg"])
async def greet(salute: str = "Hello", *, context):
    name = await context.channel().ask_text("Your name?")
    return {"msg": f"{salute} {name}"}


@graphify(inputs=[], outputs=["text"])
def ask_once():
    return {"text": ask_text(prompt="Anything?").text}


@graph_fn(outputs=["data"])
async def files(*, context, multiple: bool = True):
    return {"data": (await context.channel().ask_files("Data?", multiple=multiple)).files}


async def finished(**options):
    run = greet.start(**options)
    await run.next_wait()
    run.answer("Ada")
    await run
    return run


# -- run_id --------------------------------------------------------------------------------------


async def test_a_run_id_used_again_while_it_runs_gives_the_same_run(ours):
    first = greet.start(run_id="r")
    second = greet.start(run_id="r")
    await first.next_wait()
    second.answer("Ada")
    assert await first == await second == {"msg": "Hello Ada"}
    assert len(ae.runs()) == 1


async def test_a_run_id_of_a_finished_run_returns_its_result_and_says_so(ours):
    await finished(run_id="r")
    again = greet.start(run_id="r")
    assert (await again).msg == "Hello Ada"
    assert again.note.startswith("finished ")
    assert again.note.endswith("stored result")
    assert len(ours.store.waits(status=None)) == 1


async def test_a_run_id_with_other_inputs_is_refused_with_both_shown(ours):
    greet.start(run_id="r", salute="Hello")
    with pytest.raises(RunIdTaken, match=r"salute: 'Hello' then, 'Bye' now.*start_over"):
        greet.start(run_id="r", salute="Bye")


async def test_a_run_id_of_another_graph_is_refused_with_both_named(ours):
    greet.start(run_id="r")
    with pytest.raises(RunIdTaken, match=r"'greet', not of 'ask_once'"):
        ask_once.start(run_id="r")


async def test_a_run_id_of_another_home_is_refused_and_can_be_resumed(ours):
    greet.start(run_id="r")
    ours.home = "other.ipynb"
    with pytest.raises(RunIdTaken, match=r"other\.ipynb'.*ae\.resume\('r'\)"):
        greet.start(run_id="r")


async def test_a_failed_or_cancelled_run_is_returned_as_it_is(ours):
    run = greet.start(run_id="r")
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    again = greet.start(run_id="r")
    assert again.status == "cancelled"
    assert again.note.startswith("cancelled ")
    assert "start_over" in again.note
    with pytest.raises(RunCancelled):
        await again


async def test_rerun_runs_a_finished_run_again_and_keeps_the_old_one_aside(ours):
    await finished(run_id="r")
    again = greet.start(run_id="r", if_finished="rerun")
    assert again.status in {"running", "waiting"}
    assert {r.run_id for r in ae.runs()} == {"r", "r~1"}
    assert ae.get("r~1").outputs == {"msg": "Hello Ada"}


async def test_rerun_does_not_disturb_an_unfinished_run(ours):
    run = greet.start(run_id="r")
    await run.next_wait()
    greet.start(run_id="r", if_finished="rerun")
    assert [r.run_id for r in ae.runs()] == ["r"]


@pytest.mark.parametrize("run_id", ["", "  ", 5, True, "\ud800", "\0x", ("a",)])
async def test_a_run_id_is_a_name(ours, run_id):
    with pytest.raises(BadInputs, match="lesson-1"):
        greet.start(run_id=run_id)
    with pytest.raises(UnknownRun, match=r"ae\.runs\(\) lists"):
        ae.get(run_id)


async def test_if_finished_is_return_or_rerun(ours):
    with pytest.raises(BadInputs, match="'return' or 'rerun'"):
        greet.start(run_id="r", if_finished="again")


# -- the next life -------------------------------------------------------------------------------


async def test_the_next_life_goes_on_with_the_same_question(configure):
    configure()
    wait = await greet.start(run_id="r").next_wait()
    configure()
    run = greet.start(run_id="r")
    assert "went on where it was" in run.note
    assert (await run.next_wait()).token == wait.token
    run.answer("Ada")
    assert (await run).msg == "Hello Ada"


async def test_an_answer_given_while_nobody_drives_is_used(configure):
    configure()
    wait = await greet.start(run_id="r").next_wait()
    configure()
    assert ae.answer(wait.token, "Ada")
    assert (await ae.resume("r")).msg == "Hello Ada"


async def test_an_answer_to_a_graph_inside_a_graph_function_is_used_in_the_next_life(configure):
    @graph_fn(outputs=["text"])
    async def outer(*, context):
        context.uuid()
        return {"text": (await ask_once()).text}

    configure()
    wait = await outer.start(run_id="r").next_wait()
    configure()
    ae.answer(wait.token, "inside")
    assert (await ae.resume("r")).text == "inside"


async def test_resume_all_takes_what_is_unfinished_here_and_known(configure):
    configure()
    a, b = greet.start(), ask_once.start()
    await a.next_wait(), await b.next_wait()
    await finished(run_id="done")
    configure()
    resumed = ae.resume_all()
    assert {r.run_id for r in resumed} == {a.run_id, b.run_id}
    assert list(ae.resume_all()) == []
    assert "waiting" in repr(resumed)


async def test_resume_of_a_finished_run_gives_it_as_it_is(ours):
    await finished(run_id="r")
    assert ae.resume("r").outputs == {"msg": "Hello Ada"}


async def test_resume_of_an_unknown_graph_says_to_run_its_cell(configure, monkeypatch):
    configure()
    await greet.start(run_id="r").next_wait()
    configure()
    monkeypatch.delitem(runtime.GRAPHS, "greet")
    with pytest.raises(GraphError, match=r"'greet' is not defined here.*run its cell"):
        ae.resume("r")


async def test_awaiting_a_run_that_nobody_drives_takes_it_over(configure):
    configure()
    wait = await greet.start(run_id="r").next_wait()
    configure()
    ae.answer(wait.token, "Ada")
    assert (await ae.get("r")).msg == "Hello Ada"


async def test_a_handle_of_a_runtime_that_was_replaced_says_how_to_go_on(configure):
    configure()
    run = greet.start(run_id="r")
    awaiting = asyncio.ensure_future(run.result())
    await run.next_wait()
    configure()
    for call in (lambda: run.status, lambda: run.outputs, lambda: run.answer("Ada"), run.cancel):
        with pytest.raises(RunError, match=r"ae\.get\('r'\)"):
            call()
    with pytest.raises(RunError, match=r"ae\.resume\('r'\)"):
        await awaiting
    assert repr(run) == "<run r: its store was let go of>"


# -- loops ---------------------------------------------------------------------------------------


def test_start_without_a_loop_says_run_sync(ours):
    with pytest.raises(NoLoop, match="run_sync"):
        greet.start()


async def test_run_sync_inside_a_loop_says_await(ours):
    with pytest.raises(NoLoop, match="await"):
        greet.run_sync()


async def test_start_from_another_thread_is_refused(ours):
    ours.engine()
    errors = []

    def elsewhere():
        async def start():
            greet.start()

        try:
            asyncio.run(start())
        except NoLoop as error:
            errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "another event loop" in errors[0]


def test_run_sync_gives_the_outputs_and_can_be_called_again(configure):
    configure(channel=ScriptedChannel({"Your name?": "Ada"}))
    assert greet.run_sync().msg == greet.run_sync().msg == "Hello Ada"


def run_and_drop(work):
    """What old scripts do: the loop is closed with its tasks still there."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


@pytest.mark.parametrize("first", [asyncio.run, run_and_drop])
def test_a_run_left_behind_by_a_loop_goes_on_in_the_next(ours, first):
    async def begin():
        return await greet.start(run_id="r").next_wait()

    async def go_on():
        run = ae.resume("r")
        assert run.status in {"running", "waiting"}
        return await run

    wait = first(begin())
    assert ae.get("r").status == "waiting"
    ae.answer(wait.token, "Ada")
    assert asyncio.run(go_on()).msg == "Hello Ada"


def test_a_handle_of_an_earlier_loop_goes_on_in_the_next(ours):
    async def begin():
        run = greet.start()
        await run.next_wait()
        return run

    async def go_on():
        return await run.result()

    run = asyncio.run(begin())
    assert run.answer("Ada")
    assert asyncio.run(go_on()).msg == "Hello Ada"
    assert run.status == "succeeded"


# -- answering -----------------------------------------------------------------------------------


async def test_a_second_reply_is_told_who_won(ours):
    run = greet.start()
    wait = await run.next_wait()
    assert ours.answer(wait.token, "Ada", by="ana", door="cli")
    late = ae.answer(wait.token, "Bo")
    assert not late
    assert repr(late).startswith("already answered by ana through cli at ")
    assert (await run).msg == "Hello Ada"


async def test_a_second_reply_is_told_so_whatever_it_says(ours):
    run = greet.start()
    wait = await run.next_wait()
    run.answer("Ada")
    assert not ae.answer(wait.token, {"no": "text"})


async def test_a_reply_that_does_not_fit_leaves_the_wait_open(ours):
    run = greet.start()
    wait = await run.next_wait()
    with pytest.raises(ReplyInvalid, match="text is needed"):
        run.answer(42)
    assert (await run.next_wait()).token == wait.token
    run.answer("Ada")
    assert (await run).msg == "Hello Ada"


async def test_an_unknown_token_says_where_to_look(ours):
    with pytest.raises(UnknownWait, match=r"'nope'.*ae\.waits\(\)"):
        ae.answer("nope", "Ada")


async def test_an_answer_after_the_deadline_is_too_late(configure):
    class Late:
        def now_us(self):
            return int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1e6)

    @graph_fn(outputs=["msg"])
    async def hurried(*, context):
        return {"msg": await context.channel().ask_text("Quick?", timeout=60)}

    ours = configure()
    wait = await hurried.start().next_wait()
    ours.clock = Late()
    assert repr(ae.answer(wait.token, "Ada")).startswith("not accepted: expired at ")


async def test_answers_come_from_any_thread(ours):
    run = greet.start()
    wait = await run.next_wait()
    thread = threading.Thread(target=ae.answer, args=(wait.token, "Ada"))
    thread.start()
    assert (await run).msg == "Hello Ada"
    thread.join()


# -- files ---------------------------------------------------------------------------------------


async def test_paths_become_artifacts_with_their_hash(ours, tmp_path):
    one, two = tmp_path / "a.csv", tmp_path / "b.txt"
    one.write_text("x")
    two.write_text("y")
    run = files.start()
    await run.next_wait()
    run.answer([str(one), two])
    data = (await run).data
    assert [(f.name, f.size, f.media_type) for f in data] == [
        ("a.csv", 1, "text/csv"),
        ("b.txt", 1, "text/plain"),
    ]
    assert data[0].sha256 == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    one.unlink()
    assert Path(data[0].path).read_text() == "x"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("missing.csv", r"there is no file 'missing\.csv' on this machine"),
        ("~nobody-of-that-name/x", "there is no file"),
        ("", "is a folder"),
        (".", "is a folder; give the files in it"),
        (["/dev/zero"], "there is no file '/dev/zero'"),
        ([42], "of type int"),
        (42, "a path, or a list of paths"),
        ({"files": [{"path": "x", "name": "y"}]}, "files"),
        (
            {"files": [{"name": "x", "size": 1, "sha256": "0" * 64, "path": "/etc/passwd"}]},
            "not in the store",
        ),
        ({"files": [{"name": "x", "size": 1, "sha256": "../../x", "path": ""}]}, "64 hex digits"),
    ],
)
async def test_a_file_that_cannot_be_had_is_one_sentence_and_the_question_stays(ours, given, said):
    run = files.start()
    wait = await run.next_wait()
    with pytest.raises(ReplyInvalid, match=said) as refused:
        run.answer(given)
    assert next(iter(refused.value.problems)).startswith("files")
    assert (await run.next_wait()).token == wait.token


async def test_one_file_is_one_file(ours, tmp_path):
    run = files.start(multiple=False)
    await run.next_wait()
    with pytest.raises(ReplyInvalid, match="one file is asked for, 2 came"):
        run.answer(["a", "b"])


async def test_an_unsafe_name_is_made_safe(ours, tmp_path):
    odd = tmp_path / 'a<b>:"c.csv'
    odd.write_text("x")
    run = files.start()
    await run.next_wait()
    run.answer(str(odd))
    assert (await run).data[0].name == "a_b___c.csv"


async def test_an_uploaded_file_is_labelled_by_what_is_there(ours):
    ref = ours.services.artifacts.save("a.txt", "hello")
    run = files.start()
    await run.next_wait()
    run.answer({"files": [{**ref.model_dump(), "name": "../../b.txt", "size": 99, "path": "/etc/passwd"}]})
    assert (await run).data == [ref.model_copy(update={"name": "b.txt"})]


# -- cancel and start over -----------------------------------------------------------------------


async def test_cancel_withdraws_the_question(ours):
    run = greet.start()
    await run.next_wait()
    run.cancel()
    with pytest.raises(RunCancelled):
        await run
    assert [w.status for w in run.waits] == ["withdrawn"]


async def test_a_run_that_nobody_drives_is_cancelled_at_once(configure):
    configure()
    await greet.start(run_id="r").next_wait()
    configure()
    run = ae.get("r")
    run.cancel()
    assert run.status == "cancelled"
    assert [w.status for w in run.waits] == ["withdrawn"]
    assert [n.status for n in run.nodes.values()] == ["cancelled"]
    with pytest.raises(RunCancelled):
        await run


@graph_fn(outputs=["msg"])
async def mother():
    return {"msg": (await greet.start(run_id="child")).msg}


async def test_a_run_started_in_a_run_is_cancelled_with_it(ours):
    run = mother.start(run_id="r")
    await ours.engine().audience.next_commit("r")
    await ae.get("child").next_wait()
    other = greet.start(run_id="other")
    run.cancel()
    for cancelled in (run, ae.get("child")):
        with pytest.raises(RunCancelled):
            await cancelled
    assert other.status in {"running", "waiting"}


async def test_a_run_started_in_a_run_that_nobody_drives_is_cancelled_with_it(configure):
    ours = configure()
    mother.start(run_id="r")
    await ours.engine().audience.next_commit("r")
    await ae.get("child").next_wait()
    configure()
    ae.get("r").cancel()
    assert {run.run_id: run.status for run in ae.runs()} == {"r": "cancelled", "child": "cancelled"}


async def test_cancel_of_a_finished_run_changes_nothing(ours):
    run = await finished()
    run.cancel()
    assert run.status == "succeeded"


async def test_start_over_keeps_id_and_inputs_and_puts_the_old_run_aside(ours):
    run = greet.start(run_id="r", salute="Bye")
    wait = await run.next_wait()
    new = run.start_over()
    assert new.run_id == "r"
    asked = await new.next_wait()
    assert asked.token != wait.token
    assert not ae.answer(wait.token, "Old")
    new.answer("Ada")
    assert (await new).msg == "Bye Ada"
    assert ae.get("r~1").status == "cancelled"


async def test_start_over_of_a_run_of_an_earlier_life(configure):
    configure()
    await greet.start(run_id="r").next_wait()
    configure()
    new = ae.get("r").start_over()
    await new.next_wait()
    new.answer("Ada")
    assert (await new).msg == "Hello Ada"


# -- finding and listing -------------------------------------------------------------------------


async def test_an_unknown_run_says_where_it_looked(ours):
    with pytest.raises(UnknownRun, match=r"'nope' in .*runs\.db; ae\.runs\(\)"):
        ae.get("nope")


async def test_runs_can_be_narrowed_by_status_and_graph(ours):
    await finished(run_id="a")
    await ask_once.start(run_id="b").next_wait()
    assert [r.run_id for r in ae.runs(status="succeeded")] == ["a"]
    assert [r.run_id for r in ae.runs(graph="ask_once")] == ["b"]
    assert repr(ae.runs(status="failed")) == "No runs."


async def test_waits_show_the_question_its_run_and_its_token(ours):
    run = greet.start(run_id="r")
    wait = await run.next_wait()
    text = repr(ae.waits())
    assert all(part in text for part in ("Your name?", "r", wait.token, "open"))
    run.answer("Ada")
    assert repr(ae.waits()) == "Nothing waits for an answer."
    assert len(ae.waits(status=None)) == 1


async def test_the_inbox_outside_a_notebook_is_the_table_of_waits(ours):
    await greet.start().next_wait()
    assert [w.prompt for w in ae.inbox()] == ["Your name?"]


# -- what a context hands out --------------------------------------------------------------------


async def test_services_are_at_hand_in_a_run(configure, caplog):
    @tool(outputs=["seen"])
    async def use(*, context):
        context.kv("notes")["n"] = 1
        await context.memory().record("fact", {"n": 1})
        ref = context.artifacts().save("a.txt", "hello")
        context.logger().warning("at work")
        return {
            "seen": [
                context.service("db"),
                context.kv("notes")["n"],
                context.memory().query("fact")[0].data,
                ref,
            ]
        }

    @graph_fn(outputs=["seen"])
    async def uses():
        return {"seen": (await use()).seen}

    ours = configure(services={"db": "the database"})
    run = uses.start()
    db, n, data, ref = (await run).seen
    assert (db, n, data) == ("the database", 1, {"n": 1})
    assert ours.services.artifacts.get(ref.sha256) == b"hello"
    node = next(iter(run.nodes))
    assert caplog.messages == [f"[{run.run_id} {node}] at work"]


async def test_an_unknown_service_says_how_to_give_it(ours):
    @tool(outputs=["x"])
    def use(*, context):
        return {"x": context.service("db")}

    with pytest.raises(OutsideRun, match=r"No service 'db'; there is: none.*configure\(services="):
        use()


async def test_now_and_uuid_are_the_same_after_a_restart(configure):
    seen = []

    @graph_fn(outputs=["done"])
    async def remembers(*, context):
        seen.append((context.now(), context.uuid()))
        await context.channel().ask_text("Go on?")
        return {"done": True}

    configure()
    wait = await remembers.start(run_id="r").next_wait()
    configure()
    ae.answer(wait.token, "yes")
    await ae.resume("r")
    assert len(seen) == 2
    assert seen[0] == seen[1]


async def test_outside_a_run_the_services_work_and_questions_are_refused(ours, capsys):
    @tool(outputs=["x"])
    async def try_out(ask: bool, *, context):
        await context.channel().send_text("working")
        await context.memory().record("fact", 1)
        context.kv()["a"] = 1
        assert (context.run_id, context.node_id, context.attempt) == ("", "try_out", 1)
        assert context.now().tzinfo is not None
        assert context.uuid() != context.uuid()
        if ask:
            await context.channel().ask_text("Who?")
        return {"x": 1}

    assert await try_out(ask=False) == {"x": 1}
    assert capsys.readouterr().out == "working\n"
    with pytest.raises(OutsideRun, match=r"try_out was called outside a run.*'Who\?'.*@graph_fn"):
        await try_out(ask=True)


# -- setting up ----------------------------------------------------------------------------------


async def test_a_store_in_memory_by_name_or_by_object(configure, tmp_path):
    for store in (":memory:", MemoryStore()):
        configure(store=store, channel=ScriptedChannel(["Ada"]))
        assert (await greet()).msg == "Hello Ada"
    assert not (tmp_path / "runs.db").exists()


def test_the_variable_names_the_store(configure, tmp_path, monkeypatch):
    monkeypatch.setenv("AETHER_NB_STORE", str(tmp_path / "elsewhere" / "r.db"))
    assert configure(store=None).store.path == str(tmp_path / "elsewhere" / "r.db")


def test_a_store_that_cannot_be_opened_leaves_the_old_runtime_alone(configure, tmp_path):
    before = configure()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        configure(store=tmp_path / "file" / "runs.db")
    assert api.current() is before
    assert list(ae.runs()) == []


def test_at_least_one_tool_must_be_able_to_compute(configure):
    with pytest.raises(BadInputs, match="max_concurrency=0"):
        configure(max_concurrency=0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"store": 5}, "store=5 is no store; give a path"),
        ({"store": "a\0b"}, "cannot be a path; give one"),
        ({"max_concurrency": "x"}, "max_concurrency='x': it is a whole number"),
        ({"max_concurrency": True}, "max_concurrency=True: it is a whole number"),
        ({"channel": "console"}, "channel='console' is no channel, it has no attach(); give one"),
        ({"services": ["mailer"]}, "give the objects by name"),
    ],
)
def test_what_the_runtime_cannot_use_is_one_sentence_with_the_remedy(ours, options, says):
    with pytest.raises(AetherError, match=re.escape(says)):
        ae.configure(**options)
    assert api.current() is ours


async def test_an_input_that_cannot_be_stored_is_refused_before_anything_starts(ours):
    @graph_fn(outputs=["x"])
    async def takes(thing):
        return {"x": 1}

    with pytest.raises(NotStorable, match="thing"):
        takes.start(thing=object())
    assert not ae.runs()


async def test_two_runtimes_do_not_share_a_run(configure, tmp_path):
    first = configure()
    other = Runtime(store=tmp_path / "other.db")
    run = greet.start(run_id="r")
    await run.next_wait()
    assert first.driver("r") is not None
    assert other.store.run("r") is None
    other.close()


# -- what keeps crashing, and what is not defined ------------------------------------------------


async def crashed_again_and_again(configure):
    """A run that is blocked since the kernel died of its node, as the next life finds it."""
    here = configure()
    wait = await greet.start(run_id="r").next_wait()
    here.driver("r").block("The kernel died of it.", crashed=wait.node_id)
    configure()


async def test_resume_all_leaves_alone_what_keeps_crashing_and_says_so(configure):
    await crashed_again_and_again(configure)
    table = ae.resume_all()
    assert [(run.run_id, run.status, run.note) for run in table] == [("r", "blocked", "left alone")]
    assert "left alone" in repr(table)


async def test_a_run_id_used_again_does_not_try_again_what_keeps_crashing(configure):
    await crashed_again_and_again(configure)
    run = greet.start(run_id="r")
    assert repr(run) == "<run r: blocked, The kernel died of it. (left alone)>"
    with pytest.raises(RunBlocked, match="The kernel died of it"):
        await run


async def test_resume_by_name_tries_again_what_keeps_crashing(configure):
    await crashed_again_and_again(configure)
    run = ae.resume("r")
    run.answer("Ada")
    assert (await run).msg == "Hello Ada"


async def test_resume_all_names_the_graphs_whose_cells_have_not_run_yet(configure, monkeypatch):
    configure()
    await greet.start().next_wait()
    configure()
    monkeypatch.delitem(runtime.GRAPHS, "greet")
    assert repr(ae.resume_all()) == "Nothing to go on with yet: run the cells that define greet first."


async def test_a_status_that_nothing_can_have_is_refused_with_the_possible_words(ours):
    with pytest.raises(BadInputs, match=r"status='typo': it is 'running', 'waiting', .*, or None for all\."):
        ae.runs(status="typo")
    with pytest.raises(BadInputs, match=r"status='typo': it is 'open', 'answered', 'expired', 'withdrawn'"):
        ae.waits(status="typo")

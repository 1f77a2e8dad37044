"""A step for every item of a list: in static graphs and in graph functions, live and after a restart."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from lives import Life, cut, log, types

from aether_nb import graph_fn, graphify, tool
from aether_nb.calling import GRAPHS
from aether_nb.errors import NodeFailed, ReplayDiverged, RunBlocked
from aether_nb.store.memory import MemoryStore
from aether_nb.tools import ask_text

ran: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


@tool(outputs=["text"])
async def fetch(url, timeout_s=1):
    ran.append(url)
    return {"text": f"{url} in {timeout_s}"}


@tool(outputs=["urls"])
async def find(n):
    return {"urls": [f"u{i}" for i in range(n)]}


@tool(outputs=["text"])
async def picky(url):
    ran.append(url)
    if "bad" in url:
        raise ValueError(url)
    return {"text": url}


@graphify(name="crawl", inputs=["urls"], outputs=["pages"])
def crawl(urls):
    pages = fetch.map(urls, timeout_s=5, max_concurrency=4)
    return {"pages": pages.text}


def map_of(run):
    return next(node for node in run.nodes.values() if node.kind == "map")


# -- what it gives -------------------------------------------------------------------------------


async def test_every_item_of_a_list_known_at_run_time_is_done_and_gathered_in_order(live):
    run = live().start(crawl, urls=["b", "a", "c"])
    assert (await run).pages == ["b in 5", "a in 5", "c in 5"]
    assert map_of(run).outputs.text == ["b in 5", "a in 5", "c in 5"]
    inside = [node for node in run.nodes.values() if node.kind == "tool"]
    assert [(node.label, node.status) for node in inside] == [(f"fetch[{i}]", "succeeded") for i in range(3)]


async def test_the_list_may_be_what_another_node_gave(live):
    @graphify(outputs=["pages"])
    def g(n):
        return {"pages": fetch.map(find(n)).text}

    assert (await live().start(g, n=2)).pages == ["u0 in 1", "u1 in 1"]


async def test_a_list_that_is_written_may_have_handles_in_it(live):
    @graphify(outputs=["pages"])
    def g(url):
        return {"pages": fetch.map([url, "x", fetch(url)]).text}

    assert (await live().start(g, url="a")).pages == ["a in 1", "x in 1", "a in 1 in 1"]


async def test_a_graph_function_maps_and_gets_lists(live):
    @graph_fn(outputs=["pages"])
    async def f(urls):
        pages = await fetch.map(urls, timeout_s=2, max_concurrency=1)
        return {"pages": pages.text}

    run = live().start(f, urls=["a", "b"])
    assert (await run).pages == ["a in 2", "b in 2"]
    assert [(n.kind, n.label) for n in run.nodes.values()] == [
        ("map", "fetch"),
        ("tool", "fetch[0]"),
        ("tool", "fetch[1]"),
    ]


async def test_an_empty_list_gives_empty_lists_at_once(live):
    @graph_fn(outputs=["pages"])
    async def f():
        return {"pages": (await fetch.map([])).text}

    life = live()
    assert (await life.start(crawl, urls=[])).pages == []
    assert (await life.start(f, "f")).pages == []
    assert ran == []


@pytest.mark.parametrize("urls", ["abc", {"a": 1}, None, 3], ids=repr)
async def test_what_is_no_list_fails_once_and_clearly(live, store, urls):
    @graph_fn(outputs=[])
    async def f(urls):
        await fetch.map(urls)

    for graph, run_id in ((crawl, "r"), (f, "f")):
        run = live().start(graph, run_id, urls=urls)
        with pytest.raises(NodeFailed, match=r"fetch\.map takes a list for `url`, not ") as caught:
            await run
        assert caught.value.error_type == "BadInputs"
        assert types(store, run_id).count("NodeFailed") == 1
    assert ran == []


async def test_a_tuple_will_do(live):
    assert (await live().start(crawl, urls=("a",))).pages == ["a in 5"]


async def test_a_map_may_be_mapped_over(live):
    @graphify(name="inner", outputs=["pages"])
    def inner(urls):
        return {"pages": fetch.map(urls).text}

    @graphify(outputs=["all"])
    def outer(lists):
        return {"all": inner.map(lists).pages}

    run = live().start(outer, lists=[["a", "b"], [], ["c"]])
    assert (await run).all == [["a in 1", "b in 1"], [], ["c in 1"]]


async def test_a_graph_function_may_be_mapped(live):
    @graph_fn(name="inner", outputs=["text"])
    async def inner(url):
        return {"text": (await fetch(url)).text.upper()}

    @graphify(outputs=["all"])
    def outer(urls):
        return {"all": inner.map(urls).text}

    @graph_fn(outputs=["all"])
    async def function(urls):
        return {"all": (await inner.map(urls)).text}

    life = live()
    assert (await life.start(outer, urls=["a", "b"])).all == ["A IN 1", "B IN 1"]
    assert (await life.start(function, "f", urls=["a", "b"])).all == ["A IN 1", "B IN 1"]


async def test_a_static_graph_may_be_mapped_by_a_graph_function(live):
    @graphify(name="inner", outputs=["text"])
    def inner(url):
        return {"text": fetch(url).text}

    @graph_fn(outputs=["all"])
    async def function(urls):
        return {"all": (await inner.map(urls)).text}

    assert (await live().start(function, urls=["a", "b"])).all == ["a in 1", "b in 1"]


async def test_a_thousand_pages_of_a_few_kilobytes_do_not_stand_in_one_event(live, store):
    @tool(outputs=["text"])
    async def page(n):
        return {"text": "x" * 2000}

    @graphify(outputs=["pages"])
    def g(ns):
        return {"pages": page.map(ns).text}

    run = live().start(g, ns=list(range(100)))
    assert (await run).pages == ["x" * 2000] * 100
    assert max(len(event.to_json()) for event in log(store)) < 5000


async def test_each_item_has_shared_inputs_of_its_own(live):
    @tool(outputs=["n"])
    async def spoils(x, box):
        box.append(x)
        return {"n": len(box)}

    @graphify(outputs=["ns"])
    def g(xs, box):
        return {"ns": spoils.map(xs, box=box).n}

    assert (await live().start(g, xs=[1, 2, 3], box=[])).ns == [1, 1, 1]


async def test_an_input_that_cannot_be_stored_is_given_to_all_items_of_a_map_in_a_function(live):
    class Client:
        pass

    client = Client()

    @tool(outputs=["same"])
    async def uses(x, *, with_):
        return {"same": with_ is client}

    @graph_fn(outputs=["same"])
    async def f():
        return {"same": (await uses.map([1, 2], with_=client)).same}

    assert (await live().start(f)).same == [True, True]


# -- how many at a time --------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_items_are_under_way_than_the_map_allows(live, limit):
    now, most = 0, 0

    @tool(outputs=[])
    async def busy(x):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    @graphify(outputs=[])
    def g(xs):
        busy.map(xs, max_concurrency=limit)

    await live().start(g, xs=list(range(10)))
    assert most == limit


async def test_a_hundred_questions_stand_open_at_the_same_time(live):
    @graphify(outputs=["names"])
    def g(questions):
        return {"names": ask_text.map(questions).text}

    life = live()
    run = life.start(g, questions=[f"q{i}?" for i in range(100)])
    await life.until(lambda: len(life.channel.asked) == 100)
    for i in reversed(range(100)):
        run.answer(f"a{i}", to=f"q{i}?")
    assert (await run).names == [f"a{i}" for i in range(100)]


async def test_a_limit_counts_questions_that_wait(live):
    @graphify(outputs=["names"])
    def g(questions):
        return {"names": ask_text.map(questions, max_concurrency=2).text}

    life = live()
    run = life.start(g, questions=["a?", "b?", "c?"])
    await life.until(lambda: len(life.channel.asked) == 2)
    run.answer("B", to="b?")
    await life.until(lambda: life.channel.asked == ["a?", "b?", "c?"])
    await life.end()
    second = live()
    run = second.resume()
    await second.until(lambda: len(second.channel.asked) == 2)
    assert second.channel.asked == ["a?", "c?"]
    run.answer("A", to="a?")
    run.answer("C", to="c?")
    assert (await run).names == ["A", "B", "C"]


# -- failures ------------------------------------------------------------------------------------


async def test_a_failed_item_fails_the_map_when_the_others_are_done(live):
    @graphify(outputs=["pages"])
    def g(urls):
        return {"pages": picky.map(urls).text}

    run = live().start(g, urls=["a", "bad", "c"])
    with pytest.raises(NodeFailed, match=r"picky\[1\] failed: ValueError: bad"):
        await run
    assert sorted(ran) == ["a", "bad", "c"]
    statuses = Counter(node.status for node in run.nodes.values())
    assert statuses == {"succeeded": 2, "failed": 2}


async def test_a_failed_item_is_raised_in_the_function_that_maps_live_and_replayed(live):
    @graph_fn(outputs=["error"])
    async def f(*, context):
        try:
            await picky.map(["a", "bad"])
        except ValueError as error:
            said = str(error)
        await context.channel().ask_text("go?")
        return {"error": said}

    first = live()
    first.start(f)
    await first.until(lambda: first.channel.asked)
    await first.end()
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("yes")
    assert (await run).error == "picky[1] failed: ValueError: bad"
    assert sorted(ran) == ["a", "bad"]


@pytest.mark.parametrize("by", ["picky[1]", "picky"])
async def test_a_failed_item_is_tried_again_by_itself_or_by_its_map(live, by):
    broken = {"bad", "worse"}

    @tool(outputs=["text"], name="picky")
    async def mends(url):
        ran.append(url)
        if url in broken:
            raise ValueError(url)
        return {"text": url}

    @graphify(outputs=["pages"])
    def g(urls):
        return {"pages": fetch.map(mends.map(urls).text).text}

    run = live().start(g, urls=["a", "bad", "c"])
    with pytest.raises(NodeFailed):
        await run
    broken.clear()
    ran.clear()
    if by == "picky":
        by = map_of(run).id
    assert (await run.retry(by)).pages == ["a in 1", "bad in 1", "c in 1"]
    assert ran.count("bad") == 2  # picky's and fetch's
    assert ran.count("a") == 1


# -- restarts and edits --------------------------------------------------------------------------


async def test_after_a_restart_only_what_was_not_done_runs(live, store):
    gate = asyncio.Event()

    @tool(outputs=["text"])
    async def slow(url):
        ran.append(url)
        if url != "a":
            await gate.wait()
        return {"text": url}

    @graphify(outputs=["pages"])
    def g(urls):
        return {"pages": slow.map(urls).text}

    first = live()
    first.start(g, urls=["a", "b", "c"])
    await first.until(lambda: "NodeFinished" in types(store))
    await first.end()
    ran.clear()
    gate.set()
    run = live().resume()
    assert (await run).pages == ["a", "b", "c"]
    assert ran == ["b", "c"]


async def test_a_map_killed_after_any_event_ends_as_if_nothing_had_been(live):
    @graph_fn(name="both", outputs=["x"])
    async def both():
        fetched = await fetch.map(["a", "b", "a"])
        return {"x": (await crawl(urls=fetched.text)).pages}

    store = MemoryStore()
    out = await live(store=store).start(both)
    length = len(log(store))
    finished = Counter(e.node for e in log(store) if e.type == "NodeFinished")
    for n in range(1, length):
        left = cut(store, n)
        done = {e.node for e in log(left) if e.type == "NodeFinished"}
        life = Life(left)
        ran.clear()
        assert await life.resume() == out
        assert Counter(e.node for e in log(left) if e.type == "NodeFinished") == finished
        assert len(ran) == 6 - sum(
            "/" in node and node.count("-") >= 1 and _is_tool(store, node) for node in done
        )
        await life.end()


def _is_tool(store, node):
    started = next(e for e in log(store) if e.type == "NodeStarted" and e.node == node)
    return started.items is None and not any(
        e.node.startswith(f"{node}/") for e in log(store) if hasattr(e, "node")
    )


async def asked_after(live, graphs):
    """A run of the first graph up to its question; then the edited one goes on and ends."""
    first = live()
    first.start(graphs[0])
    await first.until(lambda: "go?" in first.channel.asked)
    await first.end()
    ran.clear()
    second = live()
    GRAPHS[graphs[1].name] = graphs[1]
    run = second.resume()
    await second.until(lambda: "go?" in second.channel.asked)
    run.answer("yes", to="go?")
    return await run


def edited(urls, *, finished):
    """A graph with a written list; its question stands beside the map, or after it."""

    @graphify(name="g", outputs=["pages", "x"])
    def g():
        pages = fetch.map(urls)
        go = ask_text("go?", key="go", after=[pages] if finished else None)
        return {"pages": pages.text, "x": fetch(go.text, key="x").text}

    return g


@pytest.mark.parametrize("urls", [["a", "b", "new"], ["new", "a", "b"], ["b", "a"], ["a"]], ids=str)
async def test_a_list_that_was_edited_keeps_what_is_done_of_it(live, urls):
    out = await asked_after(live, (edited(["a", "b"], finished=False), edited(urls, finished=False)))
    assert out.pages == [f"{url} in 1" for url in urls]
    assert ran == [url for url in urls if url == "new"] + ["yes"] or ran == ["yes", "new"]


async def test_what_came_of_a_list_that_was_edited_is_made_anew(live, store):
    def made(urls):
        @graphify(name="g", outputs=["pages", "x"])
        def g():
            pages = fetch.map(urls)
            again = fetch(pages, key="again")
            go = ask_text("go?", key="go", after=again)
            return {"pages": again.text, "x": fetch(go.text, key="x").text}

        return g

    out = await asked_after(live, (made(["a"]), made(["a", "b"])))
    assert out.pages == "['a in 1', 'b in 1'] in 1"
    assert types(store).count("WaitWithdrawn") == 1


def mapping(urls, *, timeout_s=1, then=None):
    """A version of a graph function with a list written in its code; its question stands after the map."""

    @graph_fn(name="f", outputs=["pages"])
    async def f(*, context):
        pages = await fetch.map(urls, timeout_s=timeout_s)
        if then is not None:
            await then(pages.text)
        await context.channel().ask_text("go?")
        return {"pages": pages.text}

    f.fingerprint = f"ast:{urls}{timeout_s}"  # as it differs when the list stands in the code itself
    return f


def asking(questions):
    """The same with questions, which the kernel dies over."""

    @graph_fn(name="f", outputs=["names"])
    async def f():
        return {"names": (await ask_text.map(questions)).text}

    f.fingerprint = f"ast:{questions}"
    return f


@pytest.mark.parametrize("urls", [["a", "b", "new"], ["new", "a", "b"], ["b", "a"], ["a"]], ids=str)
async def test_a_list_that_was_edited_in_a_graph_function_keeps_what_is_done_of_it(live, store, urls):
    out = await asked_after(live, (mapping(["a", "b"]), mapping(urls)))
    assert out.pages == [f"{url} in 1" for url in urls]
    assert ran == [url for url in urls if url == "new"]
    (taken,) = [e for e in log(store) if e.type == "CallReworded"]
    assert (taken.was.name, taken.call.name) == ("fetch.map", "fetch.map")


async def test_a_list_that_is_edited_again_and_replayed_again_still_agrees(live, store):
    lives = [["a", "b"], ["b", "c"], ["b", "c"], ["c", "d"]]
    for urls in lives:
        ran.clear()
        life = live()
        version = mapping(urls)
        run = life.start(version) if urls is lives[0] else life.resume()
        await life.until(lambda life=life: "go?" in life.channel.asked)
        if urls is not lives[-1]:
            await life.end()
    assert ran == ["d"]
    run.answer("yes")
    assert (await run).pages == ["c in 1", "d in 1"]
    assert types(store).count("CallReworded") == 2


def drawing(questions):
    """The same as a static graph."""

    @graphify(name="g", outputs=["names"])
    def g():
        return {"names": ask_text.map(questions).text}

    return g


@pytest.mark.parametrize("made", [asking, drawing], ids=["function", "drawn"])
async def test_items_that_are_not_in_the_list_any_more_are_cancelled_and_reported(live, store, made):
    first = live()
    first.start(made(["a?", "b?"]))
    await first.until(lambda: len(first.channel.asked) == 2)
    await first.end()
    second = live()
    made(["b?", "c?"])
    run = second.resume()
    await second.until(lambda: len(second.channel.asked) == 2)
    assert sorted(second.channel.asked) == ["b?", "c?"]
    (gone,) = [change for change in run.changes if change.gone]
    assert "cancelled): the list does not have it any more" in gone.diff
    run.answer("B", to="b?")
    run.answer("C", to="c?")
    assert (await run).names == ["B", "C"]
    assert [e.token for e in log(store) if e.type == "WaitWithdrawn"] == [
        e.token for e in log(store) if e.type == "WaitOpened" and e.prompt.prompt == "a?"
    ]


@pytest.mark.parametrize("finished", [True, False], ids=["done", "under way"])
async def test_a_list_that_was_edited_goes_on_after_a_crash_at_any_event(live, store, finished):
    versions = (
        [mapping(["a", "b"]), mapping(["b", "c"])]
        if finished
        else [asking(["a?", "b?"]), asking(["b?", "c?"])]
    )
    first = live()
    first.start(versions[0])
    await first.until(lambda: len(first.channel.asked) == (1 if finished else 2))
    await first.end()
    before = len(log(store))
    GRAPHS["f"] = versions[1]
    second = live()
    second.resume()
    await second.until(lambda: {"go?", "c?"} & set(second.channel.asked))
    await second.end()
    for length in range(before, len(log(store)) + 1):
        ran.clear()
        life = Life(cut(store, length))
        run = life.resume()
        await life.until(lambda life=life: len(life.channel.asked) == (1 if finished else 2))
        assert sorted(w.prompt for w in run.waits if w.status == "open") == (
            ["go?"] if finished else ["b?", "c?"]
        )
        for wait in [w for w in run.waits if w.status == "open"]:
            run.answer(wait.prompt.upper(), wait=wait.token)
        out = await run
        assert list(out.values()) == [["b in 1", "c in 1"] if finished else ["B?", "C?"]]
        assert ran in ([], ["c"])
        await life.end()


async def test_what_was_made_of_a_list_that_was_edited_is_for_a_person_to_decide(live):
    first = live()
    first.start(mapping(["a"], then=fetch))
    await first.until(lambda: first.channel.asked)
    await first.end()
    mapping(["a", "b"], then=fetch)
    with pytest.raises(RunBlocked, match=r"calls fetch\(url=\['a in 1', 'b in 1'\].*reworded='again'"):
        await live().resume()


@pytest.mark.parametrize(
    ("urls", "timeout_s"),
    [(["x", "y"], 1), (["a", "b", "c"], 2)],
    ids=["nothing in common", "another input too"],
)
async def test_a_map_that_may_be_another_one_is_for_a_person_to_decide(live, urls, timeout_s):
    first = live()
    first.start(mapping(["a", "b"]))
    await first.until(lambda: first.channel.asked)
    await first.end()
    ran.clear()
    mapping(urls, timeout_s=timeout_s)
    with pytest.raises(RunBlocked, match=r"calls fetch\.map\(.*reworded='reuse'"):
        await live().resume()
    assert ran == []


def mapping_all(*lists):
    @graph_fn(name="f", outputs=["pages"])
    async def f(*, context):
        pages = [(await fetch.map(urls)).text for urls in lists]
        await context.channel().ask_text("go?")
        return {"pages": pages}

    f.fingerprint = f"ast:{lists}"
    return f


async def test_a_list_that_failed_and_was_edited_is_tried_again_with_what_succeeded_in_it(live):
    def version(urls):
        @graph_fn(name="f", outputs=["pages"])
        async def f(*, context):
            try:
                pages = (await picky.map(urls)).text
            except ValueError:
                pages = None
            await context.channel().ask_text("go?")
            return {"pages": pages}

        f.fingerprint = f"ast:{urls}"
        return f

    out = await asked_after(live, (version(["fine", "bad"]), version(["fine", "better"])))
    assert out.pages == ["fine", "better"]
    assert ran == ["better"]


async def test_maps_that_run_side_by_side_keep_what_is_done_when_both_lists_are_edited(live):
    def version(*lists):
        @graph_fn(name="inner", outputs=["page"])
        async def inner(url):
            return {"page": (await fetch(url)).text}

        @graph_fn(name="f", outputs=["pages"])
        async def f(*, context):
            pages = await asyncio.gather(*(inner.map(urls) for urls in lists))
            await context.channel().ask_text("go?")
            return {"pages": [p.page for p in pages]}

        f.fingerprint = f"ast:{lists}"
        return f

    out = await asked_after(live, (version(["a", "b"], ["c", "d"]), version(["b", "x"], ["y", "d"])))
    assert out.pages == [["b in 1", "x in 1"], ["y in 1", "d in 1"]]
    assert sorted(ran) == ["x", "y"]


async def test_lists_that_were_edited_keep_each_its_own(live):
    out = await asked_after(live, (mapping_all(["a", "b"], ["c", "d"]), mapping_all(["a"], ["d", "c", "e"])))
    assert out.pages == [["a in 1"], ["d in 1", "c in 1", "e in 1"]]
    assert ran == ["e"]


async def test_a_list_that_was_edited_and_then_stands_there_again_is_another_map(live):
    out = await asked_after(live, (mapping_all(["a", "b"]), mapping_all(["a", "b", "c"], ["a", "b"])))
    assert out.pages == [["a in 1", "b in 1", "c in 1"], ["a in 1", "b in 1"]]
    assert sorted(ran) == ["a", "b", "c"]


async def test_a_function_that_maps_another_list_after_a_restart_is_told_apart(live):
    urls = ["a"]

    @graph_fn(outputs=[])
    async def f(*, context):
        await fetch.map(list(urls))
        await context.channel().ask_text("go?")

    first = live()
    first.start(f)
    await first.until(lambda: first.channel.asked)
    await first.end()
    urls.append("b")
    with pytest.raises((ReplayDiverged, RunBlocked), match=r"calls fetch\.map\(url=\['a', 'b'\]"):
        await live().resume()


async def test_a_call_and_a_map_over_the_same_list_are_two_calls(live):
    @graph_fn(outputs=["x"])
    async def f(*, context):
        one = (await fetch(["a"])).text
        many = (await fetch.map(["a"])).text
        await context.channel().ask_text("go?")
        return {"x": [one, many]}

    first = live()
    first.start(f)
    await first.until(lambda: first.channel.asked)
    await first.end()
    second = live()
    run = second.resume()
    await second.until(lambda: second.channel.asked)
    run.answer("yes")
    assert (await run).x == ["['a'] in 1", ["a in 1"]]
    assert ran == [["a"], "a"]


async def test_an_answer_that_was_given_while_no_kernel_lived_reaches_its_item(live, store):
    @graphify(outputs=["names"])
    def g(questions):
        return {"names": ask_text.map(questions).text}

    first = live()
    run = first.start(g, questions=["a?", "b?"])
    await first.until(lambda: len(first.channel.asked) == 2)
    await first.end()
    for wait in store.waits():
        live().runtime.answer(wait.token, wait.prompt.prompt.upper(), by="ana")
    run = live().resume()
    assert (await run).names == ["A?", "B?"]
    assert types(store).count("ReplyTaken") == 2


# -- with the rules of single steps --------------------------------------------------------------


async def test_an_item_is_tried_again_by_the_rules_of_its_tool(live, store):
    @tool(outputs=["text"], retries=1, backoff=0)
    async def shaky(url):
        ran.append(url)
        if ran.count(url) == 1:
            raise ValueError(url)
        return {"text": url}

    @graphify(outputs=["pages"])
    def g(urls):
        return {"pages": shaky.map(urls, max_concurrency=1).text}

    run = live().start(g, urls=["a", "b"])
    assert (await run).pages == ["a", "b"]
    assert Counter(ran) == {"a": 2, "b": 2}
    assert [n.attempt for n in run.nodes.values() if n.kind == "tool"] == [2, 2]


@pytest.mark.parametrize("on_failure", ["fail", "continue"])
async def test_an_item_that_a_person_cancels_is_missing_as_a_failed_one_is(live, on_failure):
    gate = asyncio.Event()

    @tool(outputs=["text"], on_failure=on_failure)
    async def slow(url):
        ran.append(url)
        if url == "b":
            await gate.wait()
        return {"text": url}

    @graphify(outputs=["pages"])
    def g(urls):
        return {"pages": slow.map(urls).text}

    life = live()
    run = life.start(g, urls=["a", "b"])
    await life.until(lambda: len(ran) == 2 and run.nodes["slow[0]"].status == "succeeded")
    run.cancel("slow[1]")
    if on_failure == "fail":
        with pytest.raises(NodeFailed, match=r"slow\[1\] was cancelled by"):
            await run
        gate.set()
        assert (await run.retry("slow[1]")).pages == ["a", "b"]
    else:
        assert (await run).pages == ["a", None]


async def test_a_map_that_a_person_cancels_ends_with_all_that_is_in_it(live):
    @graphify(outputs=["names"])
    def g(questions):
        return {"names": ask_text.map(questions, max_concurrency=2).text}

    life = live()
    run = life.start(g, questions=["a?", "b?", "c?"])
    await life.until(lambda: len(life.channel.asked) == 2)
    run.cancel(map_of(run).id)
    with pytest.raises(NodeFailed, match="was cancelled by"):
        await run
    assert {node.status for node in run.nodes.values()} == {"cancelled"}
    assert life.store.waits() == []

from __future__ import annotations

import pytest

import aether_nb as ae
from aether_nb import graph_fn, graphify
from aether_nb.errors import BadInputs, GraphProblems, ReplyInvalid
from aether_nb.testing import FakeClock
from aether_nb.tools import http_callback

sent: list = []


@http_callback
async def render(scene: str, *, url, quality: int = 1):
    """Have a scene rendered."""
    sent.append((scene, quality, url))


@http_callback
async def impatient(*, token):
    """A service that answers before it was even told everything."""
    sent.append(repr(ae.answer(token, "at once", by="the service")))


@graphify(name="callback_drawn", outputs=["value"])
def drawn(scene):
    return {"value": render(scene, quality=3).value}


@graph_fn(name="callback_awaited", outputs=["value"])
async def awaited(scene):
    return {"value": (await render(scene, quality=3)).value}


@pytest.fixture(autouse=True)
def _nothing_was_sent():
    sent.clear()


@pytest.fixture
def there(configure):
    return configure(callback_url="https://here.example/in")


@pytest.mark.parametrize("graph", [drawn, awaited])
async def test_the_service_is_given_a_url_and_its_reply_comes_out(there, graph):
    run = graph.start(scene="a")
    wait = await run.next_wait()
    assert sent == [("a", 3, f"https://here.example/in/{wait.token}")]
    assert (wait.kind, wait.prompt) == ("callback", "Waiting for render")
    assert ae.answer(sent[0][2].rpartition("/")[2], {"frames": 24})
    assert (await run).value == {"frames": 24}


async def test_at_the_top_of_a_cell_it_is_a_run(there):
    calling = render(scene="b")
    run = calling.start()
    await run.next_wait()
    run.answer("done")
    assert (await calling).value == "done"
    assert sent[0][:2] == ("b", 1)


async def test_a_reply_that_comes_before_the_function_returns_counts(there):
    assert (await impatient()).value == "at once"
    assert sent == ["kept: its question is not open yet, and takes the reply when it is"]


async def test_without_an_address_it_says_how_to_give_one(configure, monkeypatch):
    configure()
    with pytest.raises(
        ae.AetherError, match=r"ae\.configure\(callback_url='https://\.\.\.'\).*AETHER_NB_CALLBACK_URL"
    ):
        await render(scene="a")
    monkeypatch.setenv("AETHER_NB_CALLBACK_URL", "https://env.example/")
    configure()
    wait = await render(scene="a").start().next_wait()
    assert sent == [("a", 1, f"https://env.example/{wait.token}")]


async def test_who_takes_the_token_needs_no_address(configure):
    configure()
    assert (await impatient()).value == "at once"


async def test_a_service_that_does_not_call_back_in_time(configure):
    clock = configure(callback_url="https://here").clock = FakeClock()
    kind, strict = render("a", timeout=60, default="none").start(), render("b", timeout=60).start()
    await kind.next_wait(), await strict.next_wait()
    clock.advance(60)
    assert (await kind).value == "none"
    with pytest.raises(TimeoutError, match="Nobody answered 'Waiting for render'"):
        await strict


async def test_a_reply_that_does_not_fit_is_refused(there):
    async def submit(*, url):
        sent.append(url)

    checked = http_callback(submit, name="checked", schema={"type": "integer"})
    run = checked().start()
    wait = await run.next_wait()
    assert (wait.prompt, wait.schema) == ("Waiting for checked", {"type": "integer"})
    with pytest.raises(ReplyInvalid, match="'x' is not of type 'integer'"):
        ae.answer(wait.token, "x")
    assert ae.answer(wait.token, 3)
    assert (await run).value == 3


async def test_an_input_of_the_wrong_type_is_found_before_anything_is_sent(there):
    with pytest.raises(BadInputs, match="`quality` should be `int`"):
        await render(scene="a", quality="high")
    assert sent == []


async def test_the_function_gets_its_context(there):
    @http_callback
    async def noting(*, token, context):
        sent.append((token == context.wait_token, context.attempt))

    await noting().start().next_wait()
    assert sent == [(True, 1)]


def test_two_callbacks_are_two_tools_with_code_of_their_own():
    assert (render.name, impatient.name) == ("render", "impatient")
    assert [p.name for p in render.params] == ["scene", "quality", "timeout", "default"]
    assert render.fingerprint
    assert render.fingerprint != impatient.fingerprint


def test_what_cannot_be_one_is_told_all_at_once():
    with pytest.raises(GraphProblems, match="is no async function; write `async def submit"):
        http_callback(lambda url: None)
    with pytest.raises(GraphProblems) as e:

        @http_callback
        async def deaf(timeout, default): ...

    assert len(e.value.problems) == 3
    with pytest.raises(BadInputs, match="is no JSON Schema"):
        http_callback(render.submit, schema={"type": "many"})


def test_the_decorator_may_take_a_name_and_a_schema():
    @http_callback(name="renders", schema={"type": "string"})
    async def render(scene, *, url):
        pass

    assert (render.name, [p.name for p in render.params]) == ("renders", ["scene", "timeout", "default"])

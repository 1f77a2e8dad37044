"""`%load_ext aether_nb` and `%aether` in a real kernel."""

from __future__ import annotations

import pytest
from integration.kernels import interpreters, live

AGENT = """
import aether_nb as ae
from aether_nb import graph_fn

@graph_fn(outputs=["line"])
async def agent(*, context):
    return {"line": "Hello, " + await context.channel().ask_text("Your name?")}
"""


@pytest.fixture
def kernel(tmp_path):
    yield from live(interpreters()[-1].values[0], AETHER_NB_STORE=str(tmp_path / "runs.db"))


@pytest.mark.timeout(60)
def test_the_magic_says_what_waits_here_and_answers_it(kernel, tmp_path):
    assert kernel.run("%load_ext aether_nb").startswith("aether_nb: nothing waits here.")
    kernel.run(AGENT)
    kernel.run("run = agent.start(run_id='lesson-1'); wait = await run.next_wait()")

    assert "1 unfinished run and 1 open question" in kernel.run("%reload_ext aether_nb")
    assert "lesson-1" in kernel.run("print(get_ipython().run_line_magic('aether', 'runs'))")
    assert "Your name?" in kernel.run("print(get_ipython().run_line_magic('aether', 'waits'))")
    kernel.run("%aether answer {wait.token} Ada")
    assert kernel.run("print((await run).line)") == "Hello, Ada\n"
    report = tmp_path / "lesson.html"
    said = kernel.run(f"print(get_ipython().run_line_magic('aether', 'report lesson-1 {report}'))")
    assert said.endswith("lesson.html\n")
    assert "lesson-1" in report.read_text(encoding="utf-8")
    assert kernel.run("%aether report").startswith("%aether runs | waits")
    assert kernel.run("%aether report nobody").startswith("UnknownRun: There is no run 'nobody'")
    assert kernel.run("print(get_ipython().run_line_magic('aether', 'gc 1'))") == "Nothing to remove.\n"
    assert kernel.run("print(get_ipython().run_line_magic('aether', 'gc 0'))").startswith("Removed 1 run ")


SLOW_GC = """
import asyncio, threading
turned, store = threading.Event(), ae.store()._runtime.store
give_back = store.give_back
store.give_back = lambda: (print("the loop turns:", turned.wait(10)), give_back())
asyncio.get_running_loop().call_later(0.01, turned.set)
print(ae.store().gc(keep_last=0))
"""


OUTSIDE = """
import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.tools import wait_for_event

@graph_fn(outputs=[])
async def outside():
    await wait_for_event("go")

run = outside.start(run_id="outside-1")
wait = await run.next_wait()
"""


@pytest.mark.timeout(60)
def test_what_waits_for_an_event_is_no_question(kernel):
    kernel.run("%load_ext aether_nb")
    kernel.run(OUTSIDE)

    assert "1 unfinished run and 0 open questions" in kernel.run("%reload_ext aether_nb")
    shown = "ae.inbox(); box = ae.api.current().host._inboxes[-1]; print(box.snapshot()['note'], len(box.snapshot()['prompts']))"
    assert kernel.run(shown) == "Nothing waits for an answer. 1\n"


@pytest.mark.timeout(60)
def test_the_kernel_goes_on_while_old_runs_are_thrown_away(kernel):
    kernel.run(AGENT)
    kernel.run("run = agent.start(run_id='old'); await run.next_wait(); run.answer('Ada'); await run")
    kernel.run("live = agent.start(run_id='live')")

    said = kernel.run(SLOW_GC)
    assert said.startswith("the loop turns: True\nRemoved 1 run ")
    kernel.run("await live.next_wait(); live.answer('Ada')")
    assert kernel.run("print((await live).line)") == "Hello, Ada\n"
    kernel.run("done = []; aside = threading.Thread(target=lambda: done.append(ae.store().gc(keep_last=0)))")
    assert "[Removed 1 run " in kernel.run("aside.start(); aside.join(); print(done)")


@pytest.mark.timeout(60)
def test_a_wrong_word_gets_the_usage_and_a_wrong_name_one_sentence(kernel):
    kernel.run("%load_ext aether_nb")

    assert kernel.run("%aether dance").startswith("%aether runs | waits")
    assert kernel.run("%aether gc all of it").startswith("%aether runs | waits")
    said = kernel.run("%aether reset nobody")
    assert said.startswith("UnknownRun: There is no run 'nobody'")
    assert said.count("\n") == 1


ASKS = """
from pydantic import BaseModel

class Person(BaseModel):
    name: str
    age: int

@graph_fn(outputs=["said"])
async def asks(*, context):
    colours = await context.channel().ask_choices("Colours?", ["red", "blue"], multiple=True)
    return {"said": f"{colours} {await context.channel().ask_form(Person)}"}
"""


@pytest.mark.timeout(60)
def test_the_magic_takes_options_by_number_and_a_form_as_json(kernel):
    kernel.run("%load_ext aether_nb")
    kernel.run(AGENT)
    kernel.run(ASKS)
    kernel.run("run = asks.start(); wait = await run.next_wait()")
    kernel.run("%aether answer {wait.token} 2; red")
    token = kernel.run("print((await run.next_wait()).token)").strip()
    assert "age: this is needed" in kernel.run(f'%aether answer {token} {{"name": "Ada"}}')
    kernel.run(f'%aether answer {token} {{"name": "Ada Lovelace", "age": 36}}')
    assert kernel.run("print((await run).said)") == "['red', 'blue'] name='Ada Lovelace' age=36\n"

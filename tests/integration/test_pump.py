"""The pump and the outputs of a cell, in real kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from integration.kernels import LiveKernel, idle_of, interpreters, live

SETUP = """
import asyncio
from comm import create_comm
from aether_nb.jupyter import pump as p

KERNEL = p.current_kernel()
LOOP = asyncio.get_running_loop()
PUMP = p.Pump.install(KERNEL)
asked = {}

def ask(name):
    "A question: a future, and the comm that brings the answer."
    future = LOOP.create_future()
    comm = create_comm(target_name="test", comm_id=name)
    def answer(message):
        value = message["content"]["data"]
        LOOP.call_soon_threadsafe(lambda: future.done() or future.set_result(value))
        comm.send({"ack": value})
    comm.on_msg(answer)
    asked[name] = comm
    return future

async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1
ticks = 0
ticking = asyncio.create_task(tick())
"""


@pytest.fixture(scope="module", params=interpreters())
def kernel(request: pytest.FixtureRequest) -> Iterator[LiveKernel]:
    for kernel in live(request.param):
        kernel.run(SETUP)
        yield kernel


def waiting_cell(kernel: LiveKernel, name: str) -> str:
    """A cell that awaits the answer to a question let through; returns when it does."""
    cell = kernel.send(
        f"future = ask({name!r}); PUMP.let_through({name!r}); print('asked')\nprint('got', await future)"
    )
    kernel.until_printed(cell, "asked")
    return cell


def test_the_kind_of_every_known_kernel_is_recognised(kernel: LiveKernel) -> None:
    version = kernel.run("import ipykernel; print(ipykernel.__version__)").strip()
    major, minor = (int(n) for n in version.split(".")[:2])
    expected = "6" if major == 6 else "7.0" if minor < 4 else "7.4"
    assert kernel.run("print(PUMP.kind)").strip() == expected


def test_a_comm_let_through_answers_the_cell_that_awaits_it(kernel: LiveKernel) -> None:
    cell = waiting_cell(kernel, "one")
    kernel.comm("one", "Ada")
    assert kernel.reply(cell)["status"] == "ok"
    kernel.until_printed(cell, "got Ada")


def test_a_comm_sent_over_a_subshell_answers_too(kernel: LiveKernel) -> None:
    subshell = kernel.subshell()
    cell = waiting_cell(kernel, "over")
    kernel.comm("over", "Ada", subshell)
    assert kernel.reply(cell)["status"] == "ok"
    kernel.until_printed(cell, "got Ada")


def test_a_delivery_is_acknowledged_and_marked_done_while_the_cell_still_runs(kernel: LiveKernel) -> None:
    cell = kernel.send(
        "first, second = ask('first'), ask('second')\n"
        "PUMP.let_through('first'); PUMP.let_through('second'); print('asked')\n"
        "await first; await second"
    )
    kernel.until_printed(cell, "asked")
    sent = kernel.comm("first", 1)
    kernel.until(lambda m: m["msg_type"] == "comm_msg" and m["content"]["data"] == {"ack": 1})
    done = kernel.published.index(kernel.until(lambda m: idle_of(m, sent)))
    kernel.until(lambda m: kernel.published.index(m) > done and state(m) == "busy")
    assert not any(idle_of(m, cell) for m in kernel.published)
    kernel.comm("second", 2)
    assert kernel.reply(cell)["status"] == "ok"


def test_everything_else_keeps_its_order(kernel: LiveKernel) -> None:
    kernel.run("order = []; held = ask('held'); held.add_done_callback(lambda f: order.append('held'))")
    cell = waiting_cell(kernel, "through")
    later = [kernel.send("order.append('second')"), kernel.send("order.append('third')")]
    kernel.comm("held", 1)
    last = kernel.send("await asyncio.sleep(0); print(order)")
    kernel.comm("through", 2)
    assert all(kernel.reply(m)["status"] == "ok" for m in (cell, *later, last))
    if kernel.run("print(PUMP.kind)").strip() == "7.4":  # delivers comms while an async cell waits, by itself
        kernel.until_printed(last, "['held', 'second', 'third']")
    else:
        kernel.until_printed(last, "['second', 'third', 'held']")


def test_a_comm_held_back_again_queues_like_all_others(kernel: LiveKernel) -> None:
    kernel.run("order = []; back = ask('back'); back.add_done_callback(lambda f: order.append('back'))")
    kernel.run("PUMP.let_through('back'); PUMP.hold_back('back')")
    cell = kernel.send("await asyncio.sleep(0.2); order.append('cell')")
    kernel.comm("back", 1)
    last = kernel.send("await asyncio.sleep(0); print(order)")
    assert all(kernel.reply(m)["status"] == "ok" for m in (cell, last))
    if kernel.run("print(PUMP.kind)").strip() == "7.4":  # delivers comms while an async cell waits, by itself
        kernel.until_printed(last, "['back', 'cell']")
    else:
        kernel.until_printed(last, "['cell', 'back']")


def test_a_broken_callback_or_a_damaged_message_stops_nothing(kernel: LiveKernel) -> None:
    kernel.run(
        "broken = create_comm(target_name='test', comm_id='broken')\n"
        "broken.on_msg(lambda m: 1 / 0); PUMP.let_through('broken'); PUMP.let_through('nobody')"
    )
    cell = waiting_cell(kernel, "after")
    sent = kernel.comm("broken", 1)
    kernel.comm("nobody", 1)
    kernel.client.shell_channel.socket.send_multipart([b"<IDS|MSG>", b"bad", b"{", b"{", b"{", b"{"])
    kernel.comm("after", "well")
    assert kernel.reply(cell)["status"] == "ok"
    kernel.until_printed(cell, "got well")
    kernel.until(lambda m: idle_of(m, sent))


def test_restore_gives_the_stream_its_own_callback_back(kernel: LiveKernel) -> None:
    printed = kernel.run(
        "stream = p._shell_stream(KERNEL)[1]\n"
        "ours = stream._recv_callback; again = p.Pump.install(KERNEL)\n"
        "PUMP.restore(); PUMP.restore()\n"
        "own = stream._recv_callback\n"
        "print(again is PUMP, ours == PUMP._on_recv, own is PUMP._queue, stream._recv_copy)\n"
        "PUMP = p.Pump.install(KERNEL)\n"
        "print(PUMP is again, PUMP._queue is own)"
    )
    assert printed.split("\n")[:2] == ["True True True False", "False True"]
    assert kernel.run("print('alive')") == "alive\n"


def test_replies_go_through_the_stream_that_reads_requests(kernel: LiveKernel) -> None:
    """Else a kernel of 7.0 to 7.3 reads no request any more, once in a few hundred queued cells."""
    printed = kernel.run(
        "thread = getattr(KERNEL, 'shell_channel_thread', None)\n"
        "def sends(): return getattr(getattr(thread, 'manager', None), '_shell_socket', None)\n"
        "after = sends(); PUMP.restore(); before = sends(); PUMP = p.Pump.install(KERNEL)\n"
        "print(PUMP.kind == '7.0', after is KERNEL.shell_stream, before is KERNEL.shell_stream.socket)"
    )
    assert printed in ("True True True\n", "False False False\n")
    for _ in range(60):
        cells = [kernel.send("pass") for _ in range(5)]
        assert [kernel.reply(each)["status"] for each in cells] == ["ok"] * 5


def test_another_thread_is_refused_quietly(kernel: LiveKernel) -> None:
    printed = kernel.run(
        "import threading\nPUMP.restore(); made = []\n"
        "thread = threading.Thread(target=lambda: made.append(p.Pump.install(KERNEL)))\n"
        "thread.start(); thread.join()\n"
        "print(made[0].kind, p._shell_stream(KERNEL)[1]._recv_callback is PUMP._queue)\n"
        "PUMP = p.Pump.install(KERNEL)"
    )
    assert printed.strip() == "none True"


def test_an_interrupt_cancels_the_waiting_cell_and_nothing_else(kernel: LiveKernel) -> None:
    cell = kernel.send(
        "asking = ask('never'); PUMP.let_through('never'); caught = None; print('asked')\n"
        "try: await asking\n"
        "except BaseException as e: caught = e; raise"
    )
    kernel.until_printed(cell, "asked")
    queued = kernel.send("print('not run')")
    kernel.interrupt()
    assert kernel.reply(cell)["ename"] == "CancelledError"
    assert kernel.reply(queued)["status"] == "aborted"
    kernel.until(lambda m: idle_of(m, queued))
    assert kernel.run("print(type(caught).__name__, asking.cancelled(), ticking.done())") == (
        "CancelledError True False\n"
    )
    again = waiting_cell(kernel, "again")
    kernel.comm("again", "still here")
    kernel.until_printed(again, "got still here")


def test_an_interrupt_of_the_idle_kernel_is_noticed_by_nobody(kernel: LiveKernel) -> None:
    before = int(kernel.run("print(ticks)"))
    kernel.interrupt()
    assert int(kernel.run("await asyncio.sleep(0.05); print(ticks)")) > before


def test_outputs_of_a_task_go_to_the_cell_that_made_them(kernel: LiveKernel) -> None:
    launching = kernel.send(
        "output = p.CellOutput(KERNEL)\n"
        "print('before')\n"
        "output.publish({'text/plain': 'first'}, {}, 'twin')\n"
        "async def later(go):\n"
        "    await go.wait()\n"
        "    output.publish({'text/plain': 'second'}, {'text/plain': {'k': 1}})\n"
        "    output.update('twin', {'text/plain': 'third'})\n"
        "go = asyncio.Event(); task = asyncio.create_task(later(go))"
    )
    other = kernel.send("go.set(); await task; print('other')")
    assert kernel.reply(other)["status"] == "ok"
    kernel.until(lambda m: idle_of(m, other))
    shown = [m for m in kernel.published if "display_data" in m["msg_type"]]
    assert [m["parent_header"]["msg_id"] for m in shown] == [launching] * 3
    assert [(m["msg_type"], m["content"]["data"]["text/plain"]) for m in shown] == [
        ("display_data", "first"),
        ("display_data", "second"),
        ("update_display_data", "third"),
    ]
    assert [m["content"]["transient"] for m in shown] == [{"display_id": "twin"}, {}, {"display_id": "twin"}]
    texts = [m["msg_type"] for m in kernel.published if m["parent_header"].get("msg_id") == launching]
    assert texts.index("stream") < texts.index("display_data")


def test_a_cell_is_known_by_the_pages_id_else_by_its_text(kernel: LiveKernel) -> None:
    code = "print(p.cell_of(KERNEL))"
    named, plain, again = kernel.send(code, cellId="c-1"), kernel.send(code), kernel.send(code)
    kernel.reply(again)
    kernel.until(lambda m: idle_of(m, again))
    assert "cell_id='c-1'" in kernel.printed(named)
    assert f"msg_id='{named}'" in kernel.printed(named)
    assert "allow_stdin=False" in kernel.printed(named)
    ids = [kernel.printed(m).split("cell_id='")[1].split("'")[0] for m in (plain, again)]
    assert ids[0] == ids[1] != "c-1"
    assert len(ids[0]) == 16


def state(message: dict[str, Any]) -> str:
    """The kernel's state that this message tells, or empty."""
    return str(message["content"].get("execution_state", ""))

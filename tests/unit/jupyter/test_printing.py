"""What nodes print: kept by node, and otherwise left as it is."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import pytest

from aether_nb import graph_fn, tool
from aether_nb.jupyter.printing import listen


@tool
async def says(text):
    print(text, end="")
    print("!")
    return text


@tool
def says_in_a_thread(text):
    print(text, flush=True)
    return text


@graph_fn(outputs=["x"])
async def talks(*, context):
    await says("one")
    print("itself")
    await says_in_a_thread("two")
    print("itself again")
    return {"x": 1}


class Printed(io.StringIO):
    """Takes attributes, as a kernel's stream does."""


@contextlib.contextmanager
def listening() -> Iterator[Printed]:
    stream = Printed()
    with contextlib.redirect_stdout(stream):
        listen(stream)
        listen(stream)
        yield stream


async def test_each_node_has_what_it_printed_and_the_cell_has_all_of_it(ours: Any) -> None:
    with listening() as printed:
        run = talks.start()
        await run
        print("the cell")
    book = ours.services.logbook
    lines = {node.name: [line.text for line in book.read(run.run_id, node.id)] for node in run.nodes.values()}
    assert lines == {"says": ["one!"], "says_in_a_thread": ["two"]}
    assert [line.text for line in book.read(run.run_id, "")] == ["itself", "itself again"]
    assert printed.getvalue() == "one!\nitself\ntwo\nitself again\nthe cell\n"


async def test_a_secret_is_masked_in_what_is_kept(ours: Any) -> None:
    @graph_fn(outputs=[])
    async def secretive(*, context: Any) -> dict[str, Any]:
        print("key", await context.channel().ask_text("Key?", secret=True))
        return {}

    with listening():
        run = secretive.start()
        await run.next_wait()
        run.answer("hunter2")
        await run
    assert [line.text for line in ours.services.logbook.read(run.run_id, "")] == ["key ••••"]


def test_a_stream_that_cannot_be_listened_to_is_left_alone() -> None:
    listen(None)
    listen(object())
    real = io.TextIOWrapper(io.BytesIO())
    listen(real)
    print("fine", file=real)
    real.flush()
    assert real.buffer.getvalue() == b"fine\n"  # type: ignore[attr-defined]


async def test_what_fails_while_a_line_is_kept_is_no_failure_of_who_printed(
    ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours.services, "logbook", None)
    with listening() as printed:
        assert (await talks()).x == 1
    assert "itself again" in printed.getvalue()


async def test_a_line_is_kept_once_also_while_two_listen(ours: Any) -> None:
    with listening() as printed:
        heard = printed.write

        def tee(text: str) -> int:
            return heard(text)

        printed.write = tee  # type: ignore[method-assign] # as IPython does it for the time of a cell
        listen(printed)
        run = talks.start()
        await run
        printed.write = heard  # type: ignore[method-assign]
        print("after")
    assert [line.text for line in ours.services.logbook.read(run.run_id, "")] == ["itself", "itself again"]
    assert printed.getvalue() == "one!\nitself\ntwo\nitself again\nafter\n"

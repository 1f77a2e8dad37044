"""Asking through the kernel's own `input()`, when no page has the widget: VS Code, Colab, a server without anywidget.

Only in a cell that waits (`await run`, `run_sync()`): nothing else may ask for input. `input()` holds the kernel,
so this is the last way, taken when the page has not said hello in three seconds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aether_nb.channels.typed import MORE, Entry, hint
from aether_nb.errors import ReplyInvalid
from aether_nb.values import Outputs

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver
    from aether_nb.jupyter.host import KernelHost
    from aether_nb.run import Run

HELLO_S = 3.0
"""How long a page may take to say hello, in seconds."""

_MISSING = "No widget answered from the page (is anywidget installed where the Jupyter server runs?). "
MISSING = _MISSING + "Questions are asked here instead; run.answer(...) and `aether-nb answer` work, too."
UNHEARD = (
    _MISSING + "run.answer(...) answers, or `aether-nb answer` in a terminal; `await run` asks in its cell."
)


async def result(host: KernelHost, run: Run, driver: Driver) -> Outputs:
    """Wait for the end of a run; ask its questions by `input()` if no page shows them."""
    end = asyncio.ensure_future(driver.result())
    try:
        await asyncio.wait({end}, timeout=HELLO_S)
        told = False
        while not end.done() and not host.has_page(run.run_id):
            if not await _open_question(run, driver, end):
                continue
            if not told:
                print(MISSING)  # noqa: T201 - in the cell that waits
                told = True
            _ask(host, run)
        return await end
    finally:
        end.cancel()


async def _open_question(run: Run, driver: Driver, end: asyncio.Future[Any]) -> bool:
    """Whether a question is open now; else wait until something more has happened."""
    if any(w.status == "open" for w in run.waits):
        return True
    more = asyncio.ensure_future(driver.engine.audience.next_commit(driver.run_id))
    await asyncio.wait({end, more}, return_when=asyncio.FIRST_COMPLETED)
    more.cancel()
    return False


def _ask(host: KernelHost, run: Run) -> None:
    row = host.runtime.store.waits(runs=[run.run_id])[0]
    entry = Entry(row.prompt)
    read = host.kernel.getpass if entry.hidden else host.kernel.raw_input
    said = f"{row.prompt.prompt}{hint(row.prompt, row.deadline_ms)} "
    value: Any = MORE
    while value is MORE:
        value = entry.take(read(f"{said}{entry.label()}"))
        said = ""
    try:
        host.runtime.answer(row.token, value, door="input")
    except ReplyInvalid as invalid:
        print(invalid)  # noqa: T201 - in the cell that waits; asked again

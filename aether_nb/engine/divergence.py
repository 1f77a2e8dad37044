"""When the code of a body and its journal disagree: what is said, and what a person may decide.

Asked by `activation.py` for a call that the journal does not have, and for what is left when a body
returns; `decide` is the driver's, when a blocked run is resumed with a decision. Rules 8 to 10 of the
durability notes, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aether_nb.engine.records import DONE, Entry, identity
from aether_nb.errors import ReplayDiverged, RunBlocked
from aether_nb.events import Call, CallInserted, CallReworded, JournalLeftover
from aether_nb.ids import NodeId
from aether_nb.values import show

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

Reworded = Literal["reuse", "again", "new"]
"""What a call is that the journal has in other words; see `decide`."""

_SHOWN = 3  # inputs of a call in a message


def check(
    driver: Driver, body: NodeId, call: Call, inputs: Mapping[str, Any], expected: Entry, *, changed: bool
) -> None:
    """A call is about to be made where the journal has another one: log it, or refuse it.

    Changed code may make another call first. A call of the same name may well be the recorded one in other
    words, a prompt that was corrected; that is for a person to say.

    Raises:
        ReplayDiverged: the run is blocked, nothing was done.
    """
    alike = expected.call.name == call.name
    if changed and not alike:
        driver.emit(CallInserted(**driver.head(), node=body, call=call, expected=expected.call))
        return
    run = repr(str(driver.run_id))
    same = (
        "The code is the same (helper functions and globals are not looked at). Keep clocks, random numbers and "
        "outside reads inside tools (or use context.now(), context.uuid())"
    )
    choice = (
        f" If it is the same call in other words, ae.resume({run}, reworded='reuse') gives it the recorded "
        "outcome, reworded='again' drops the recorded one and makes it anew; reworded='new' says that it is "
        "another call, and that the recorded one is still to come. Or"
    )
    text = (
        f"Line {call.line} calls {_spoken(call.name, inputs)}, but the journal has "
        f"{_recorded(driver, expected)} next; nothing was done. "
        f"{'The code has changed since' if changed else same}.{choice if alike else ' You can'} "
        "undo the edit and resume, or start over with run.start_over()."
    )
    driver.block(  # now: the body may catch the error, and try again for ever
        text, body=body, call=call if alike else None, expected=expected.call if alike else None
    )
    raise ReplayDiverged(text)


def leave(driver: Driver, body: NodeId, left: Sequence[Entry], *, changed: bool) -> None:
    """A body returned, and recorded calls were not made this time: log that, or refuse the outcome.

    Raises:
        RunBlocked: the code is the same.
    """
    if changed:
        driver.emit(JournalLeftover(**driver.head(), node=body, calls=tuple(e.call for e in left)))
        return
    names = "; ".join(_recorded(driver, e) for e in left[:5])
    raise RunBlocked(
        f"The function returned, but its journal has calls that were not made this time: {names}. The code is "
        "the same (helper functions and globals are not looked at), so something outside the journal decided "
        "otherwise: a clock, a random number, a file. Put that into a tool, or start over with run.start_over()."
    )


def decide(driver: Driver, choice: Reworded) -> None:
    """Record what a person decided about the call that blocked the run. Before the run is resumed.

    Args:
        driver: of a run that is blocked by a call of the same name as the recorded one.
        choice: `reuse`: it is the recorded call, and takes its outcome or its open question. `again`: it takes
            the place of the recorded one, whose question is withdrawn. `new`: another call, before the recorded one.
    """
    blocked = driver.state.blocked
    assert blocked is not None
    assert blocked.call is not None
    assert blocked.expected is not None
    body, call, was = blocked.body, blocked.call, blocked.expected
    if choice == "reuse":
        driver.emit(CallReworded(**driver.head(), node=body, call=call, was=was))
        return
    with driver.engine.writer.as_one():
        driver.emit(CallInserted(**driver.head(), node=body, call=call, expected=was))
        if choice == "new":
            return
        driver.emit(JournalLeftover(**driver.head(), node=body, calls=(was,)))
    for entry in driver.state.journals[body].entries:
        if entry.node is not None and identity(entry.call) == identity(was):
            node = driver.state.nodes[entry.node]
            if node.status not in DONE:
                driver.cancelling.cancel(node)


def _recorded(driver: Driver, entry: Entry) -> str:
    """A recorded call with its line, as the code had it then."""
    inputs = {} if entry.node is None else driver.inputs_of(driver.state.nodes[entry.node], strict=False)
    return f"{_spoken(entry.call.name, inputs)} from line {entry.call.line}"


def _spoken(name: str, inputs: Mapping[str, Any]) -> str:
    given = [f"{k}={show(repr(v) if type(v) is str else v, 60)}" for k, v in inputs.items() if _tells(v)]
    more = ["..."] if len(given) > _SHOWN else []
    return f"{name}({', '.join(given[:_SHOWN] + more)})"


def _tells(value: Any) -> bool:
    """Whether an input is worth saying: most options of a question are as they always are."""
    return not (value is None or value is False or (type(value) is str and not value))

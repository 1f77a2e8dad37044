"""What events and mail do to the waits of the file, inside a transaction. The rules are those of `rows.py`.

Called by `store/sqlite.py` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from aether_nb.engine.ports import Mail
from aether_nb.ids import Token
from aether_nb.store.codec import dumps, loads
from aether_nb.store.database import Run
from aether_nb.store.naming import named
from aether_nb.store.rows import Wait, WaitEvent, addresses, apply, deliver


def move(run: Run, moves: Sequence[WaitEvent]) -> set[Token]:
    """Make and move waits, and give early replies to those that are open now.

    Returns:
        Tokens of waits that were there already when opened: such an event must carry its prompt itself.
    """
    waits = {wait.token: wait for wait in load(run, {move.token for move in moves})}
    touched: dict[Token, Wait] = {}
    copied: set[Token] = set()
    for move in moves:
        if wait := apply(move, waits):
            touched[wait.token] = wait
        elif move.type == "WaitOpened":
            copied.add(move.token)
    boxes = [address for wait in touched.values() if wait.status == "open" for address in addresses(wait)]
    letters = [mail_of(row) for row in run("mail_at", addresses=dumps(boxes))] if boxes else []
    for mail_id, taken_by in deliver(touched.values(), letters).items():
        run("take_mail", id=mail_id, taken_by=taken_by)
    save(run, touched.values())
    return copied


def load(run: Run, tokens: Collection[str]) -> list[Wait]:
    """The waits of these tokens, those that there are."""
    return [Wait(*row) for row in run("waits_by_token", tokens=dumps(list(tokens)))]


def save(run: Run, waits: Collection[Wait]) -> None:
    """Make waits, or write back how they stand."""
    if waits:
        schemas = {wait.schema: wait.schema_body for wait in waits}
        run("put_schemas", rows=dumps(list(schemas.items())))
        run("save_waits", rows=dumps([wait.columns() for wait in waits]))
        name_artifacts(run, waits)


def name_artifacts(run: Run, waits: Iterable[Wait]) -> None:
    """Note the artifacts that questions and their replies name."""
    for wait in waits:
        if found := [*named(wait.ask), *named(wait.reply or "")]:
            ((key,),) = run("run_key", run_id=wait.run_id).fetchall()
            run("name_artifacts", rows=dumps([(key, *one) for one in found]))


def mail_of(row: tuple[int, str, str, str, int]) -> Mail:
    """Mail as the engine reads it."""
    mail_id, address, value, by, at_ms = row
    return Mail(id=mail_id, address=address, value=loads(value), by=by, at_ms=at_ms)

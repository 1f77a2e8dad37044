"""`%load_ext aether_nb` and `%aether`: thin words for what `ae` does."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from aether_nb import api
from aether_nb.channels.typed import typed
from aether_nb.errors import AetherError
from aether_nb.events import FINAL
from aether_nb.ids import RunId, Token
from aether_nb.prompts import FormPrompt

USAGE = "%aether runs | waits | answer TOKEN VALUE | resume [RUN] | reset RUN | report RUN [FILE] | gc [DAYS] | doctor"


def load(shell: Any) -> None:
    """Register the magic and say in one line what waits here."""
    shell.register_magic_function(aether, "line", "aether")
    rt = api.current()
    unfinished = [r for r in rt.store.runs(home=rt.home) if r.status not in FINAL]
    waiting = sum(wait.is_question for wait in rt.store.waits(runs=[r.run_id for r in unfinished]))
    if not unfinished:
        print(f"aether_nb: nothing waits here. Store: {rt.store.path}")  # noqa: T201 - the line it is for
        return
    print(  # noqa: T201 - the line it is for
        f"aether_nb: {_count(len(unfinished), 'unfinished run')} and {_count(waiting, 'open question')} of this "
        "notebook; Run All, or ae.resume_all(), goes on with them."
    )


def aether(line: str) -> Any:
    """`%aether VERB ...`; see `USAGE`."""
    words = shlex.split(line)
    verb, rest = (words[0], words[1:]) if words else ("", [])
    do = _VERBS.get(verb)
    try:
        if do is None:
            print(USAGE)  # noqa: T201 - usage
            return None
        return _answer(rest, line) if verb == "answer" else do(rest)
    except AetherError as error:
        print(f"{type(error).__name__}: {error}")  # noqa: T201 - one sentence, no traceback
        return None


def _answer(words: list[str], line: str = "") -> Any:
    if len(words) < 2:
        print(USAGE)  # noqa: T201 - usage
        return None
    value: Any = " ".join(words[1:])
    row = api.current().store.wait(Token(words[0]))
    if row is not None:
        is_json = isinstance(row.prompt, FormPrompt)  # whose quotes are its own, and not the line's
        value = typed(row.prompt, line.split(None, 2)[2] if is_json else value)
    return api.answer(words[0], value)


def _resume(words: list[str]) -> Any:
    return api.resume(words[0]) if words else api.resume_all()


def _reset(words: list[str]) -> Any:
    if len(words) != 1:
        print(USAGE)  # noqa: T201 - usage
        return None
    return api.get(RunId(words[0])).start_over()


def _report(words: list[str]) -> Any:
    if len(words) not in {1, 2}:
        print(USAGE)  # noqa: T201 - usage
        return None
    return api.get(RunId(words[0])).report(*words[1:])


def _gc(words: list[str]) -> Any:
    try:
        (days,) = map(float, words) if words else [None]
    except ValueError:
        print(USAGE)  # noqa: T201 - usage
        return None
    return api.store().gc(days)


def _doctor() -> Any:
    from aether_nb.jupyter import doctor  # noqa: PLC0415 - rarely needed

    runtime = api.current()
    return doctor.examine(runtime.store.path, runtime)


_VERBS: dict[str, Callable[[list[str]], Any]] = {
    "runs": lambda _: api.runs(),
    "waits": lambda _: api.waits(),
    "answer": _answer,
    "resume": _resume,
    "reset": _reset,
    "report": _report,
    "gc": _gc,
    "doctor": lambda _: _doctor(),
}


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")

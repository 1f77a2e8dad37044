"""`ae.record`: what people answer, written as the script that answers the same next time.

A listener of the runtime: it hears of every reply when its run has taken it, from whatever door it came, and writes
the whole file anew, so that it is there as it should be whenever the kernel dies. `channels/scripted.py` reads it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from aether_nb.errors import BadInputs
from aether_nb.events import AnyEvent, ReplyRejected, ReplyTaken, WaitExpired, WaitOpened
from aether_nb.ids import RunId, Token
from aether_nb.prompts import CallbackPrompt, Prompt, TakesFiles, headline, is_secret

if TYPE_CHECKING:
    from aether_nb.runtime import Runtime

_HEAD = """\
# Recorded by aether_nb: what was answered, by question; a list has the answers in turn.
# AETHER_NB_ANSWERS, and ScriptedChannel.from_file(...) in a test, have it answered again.
"""
_NOT = "# not recorded: "
_KEPT_OUT = "a secret is never written; put an answer here by hand"
_EXPIRED = "nobody answered in time; a script must"
_NO_PEOPLE = frozenset({"scripted", "poll", "default"})
"""Doors through which no person answers, and no service."""


class _Entry(NamedTuple):
    """One answer; they are written in the order in which the questions were asked."""

    at: tuple[int, int]
    question: str
    value: Any
    why_not: str = ""


class Recording(AbstractContextManager["Recording"]):
    """Writes what is answered, until `stop()` or the end of the `with` block. Made by `ae.record`.

    Attributes:
        path: the file.
    """

    def __init__(self, runtime: Runtime, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        for other in [
            one for one in runtime.listeners if isinstance(one, Recording) and one.path == self.path
        ]:
            other.stop()
        self._entries = _read(self.path)
        self._listeners = runtime.listeners
        self._write()
        self._listeners.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        n = sum(not one.why_not for one in self._entries.values())
        over = "" if self in self._listeners else ", stopped"
        return f"<recording {self.path.name}: {n} answer{'' if n == 1 else 's'}{over}>"

    def stop(self) -> None:
        """Record no more. The file stays; recording into it again goes on with it. Idempotent."""
        if self in self._listeners:
            self._listeners.remove(self)

    def __call__(self, runtime: Runtime, run_id: RunId, events: Sequence[AnyEvent]) -> None:
        """Hear of committed events. On the loop's thread."""
        news = [event for event in events if isinstance(event, (ReplyTaken, ReplyRejected, WaitExpired))]
        if not news:
            return
        asked = {
            e.token: e for e in runtime.store.events(run_id, of=[WaitOpened]) if isinstance(e, WaitOpened)
        }
        for event in news:
            opened = asked[event.token]
            at, question = (opened.at_us, opened.seq), opened.prompt.prompt
            if isinstance(event, ReplyRejected):
                self._entries.pop(event.token, None)
            elif isinstance(event, WaitExpired):
                if not isinstance(opened.prompt, CallbackPrompt):
                    self._entries[event.token] = _Entry(at, question, None, _EXPIRED)
            elif event.reply.door not in _NO_PEOPLE:
                why_not = _KEPT_OUT if is_secret(opened.prompt) else ""
                value = None if why_not else self._plain(opened.prompt, event.reply.value)
                self._entries[event.token] = _Entry(at, question, value, why_not)
        self._write()

    def _plain(self, prompt: Prompt, value: Any) -> Any:
        """An answer as people write it; of files copies are kept beside the script."""
        if not isinstance(value, Mapping):
            return value
        if prompt.kind == "approval":
            return (
                {"choice": value["choice"], "reason": value["reason"]} if value["reason"] else value["choice"]
            )
        if not isinstance(prompt, TakesFiles):
            return dict(value)
        paths = [self._copied(file) for file in value["files"]]
        if not value["text"]:
            return paths
        return (
            {"files": [{"path": path} for path in paths], "text": value["text"]} if paths else value["text"]
        )

    def _copied(self, file: Mapping[str, Any]) -> str:
        """The path of a copy, from the folder of the script."""
        copy = Path(f"{self.path.stem}_files", str(file["sha256"])[:8], str(file["name"]))
        place = self.path.parent / copy
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file["path"], place)
        return copy.as_posix()

    def _write(self) -> None:
        """Put the file in place as a whole.

        Raises:
            BadInputs: it cannot be written.
        """
        import yaml  # noqa: PLC0415 - it takes longer to load than most of us

        answers: dict[str, list[Any]] = {}
        left_out: dict[str, None] = {}
        for one in sorted(self._entries.values(), key=lambda one: one.at):
            if one.why_not:
                left_out[f"{_NOT}{headline(one.question)} ({one.why_not})\n"] = None
            else:
                answers.setdefault(one.question, []).append(one.value)
        script = {q: a[0] if len(a) == 1 and not isinstance(a[0], list) else a for q, a in answers.items()}
        text = yaml.safe_dump(script, allow_unicode=True, sort_keys=False, width=110)
        half = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            half.write_text(_HEAD + "".join(left_out) + text, encoding="utf-8")
            half.replace(self.path)
        except OSError as error:
            raise BadInputs(
                f"record({str(self.path)!r}): the file cannot be written: {error.strerror}."
            ) from None


def _read(path: Path) -> dict[Token, _Entry]:
    """What an earlier recording wrote there.

    Raises:
        BadInputs: the file is another one's.
    """
    import yaml  # noqa: PLC0415

    try:
        text = path.read_text(encoding="utf-8")
        if not text.startswith(_HEAD):
            raise BadInputs(
                f"record({str(path)!r}): there is a file already, and no recording; give another name, or move it away."
            )
        script = yaml.safe_load(text)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputs(f"record({str(path)!r}): the file that is there cannot be read: {error}") from None
    found = [_Entry((0, 0), question, one) for question, a in script.items() for one in _several(a)]
    lines = [line.removeprefix(_NOT) for line in text.splitlines() if line.startswith(_NOT)]
    for line in lines:
        question, _, why = line.removesuffix(")").rpartition(" (")
        found.append(_Entry((0, 0), question, None, why))
    return {Token(f"{i}"): one._replace(at=(0, i)) for i, one in enumerate(found)}


def _several(answers: Any) -> list[Any]:
    return answers if isinstance(answers, list) else [answers]

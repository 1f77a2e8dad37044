"""Answers from a script: for tests, for notebooks in CI, for lessons without a person.

A prompt without an answer fails at once with its text: it never hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from aether_nb.calling import PENDING
from aether_nb.engine.ports import Shown, WaitRow
from aether_nb.errors import ChannelError, ReplyInvalid, UnansweredPrompt
from aether_nb.ids import RunId, Token
from aether_nb.messages import Message, Telling
from aether_nb.prompts import CallbackPrompt, TakesFiles, TextOrFilesPrompt, is_secret
from aether_nb.values import MASK

Script = Mapping[str, Any] | Iterable[Any]
"""Answers by prompt text (a list there answers the same prompt in turn), or one list in order."""


class ScriptedChannel:
    """Answers prompts from a script.

    Args:
        answers: a mapping from the prompt's text (or the node's label, or the kind) to its answer, or to a list
            of answers for when it comes again; or a plain list, used in order. An answer that is a list
            itself, as for several choices, stands in one more list. An answer may be a function of the prompt.
            `ae.PENDING` leaves the question open: nobody is there, and its deadline decides.
        folder: where relative paths of files count from; None is the working directory.

    Attributes:
        asked: the prompts' texts in the order in which they came.
        said: the messages' texts.
    """

    name = "scripted"

    def __init__(self, answers: Script, *, folder: Path | None = None) -> None:
        if isinstance(answers, str):
            raise ChannelError(
                f"answers={answers!r}: give a mapping, a list, or ScriptedChannel.from_file(path)."
            )
        self._by_name: dict[str, Any] | None = dict(answers) if isinstance(answers, Mapping) else None
        self._in_order = iter(()) if isinstance(answers, Mapping) else iter(answers)
        self._folder = folder
        self._used: dict[str, int] = {}
        self._answer: Callable[[Token, Any], object] | None = None
        self._give_up: Callable[[Token, Exception], object] | None = None
        self.asked: list[str] = []
        self.said: list[str] = []

    @classmethod
    def from_file(cls, path: str | Path) -> ScriptedChannel:
        """Read a YAML file: a mapping or a list, as for the constructor. Paths of files count from its folder.

        Raises:
            ChannelError: there is no such file, or it is neither.
        """
        import yaml  # noqa: PLC0415 - it takes longer to load than most of us

        try:
            answers = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ChannelError(f"The answers in {str(path)!r} cannot be read: {error}") from error
        if not isinstance(answers, (dict, list)):
            raise ChannelError(f"{str(path)!r} holds neither a mapping nor a list of answers.")
        return cls(answers, folder=Path(path).absolute().parent)

    def attach(
        self, answer: Callable[[Token, Any], object], give_up: Callable[[Token, Exception], object]
    ) -> None:
        """Called by the runtime: how to answer a wait, and how to fail it."""
        self._answer, self._give_up = answer, give_up

    def show(self, shown: Shown) -> None:
        """Answer the prompt. A wait for a job is left to the job, unless the script names it."""
        assert self._answer is not None and self._give_up is not None  # noqa: PT018 - attached together
        wait = shown.wait
        if isinstance(wait.prompt, CallbackPrompt) and not self._names(shown):
            return
        self.asked.append(wait.prompt.prompt)
        value: Any = None
        try:
            value = self._find(shown)
            if callable(value):
                value = value(wait.prompt)
            if value is PENDING:
                return
            if self._folder is not None and isinstance(wait.prompt, TakesFiles):
                value = _placed(self._folder, wait.prompt, value)
            self._answer(wait.token, value)
        except ReplyInvalid as invalid:
            # YAML reads a bare Yes, 1 or 2026-01-01 as something else than a text.
            hint = (
                ""
                if isinstance(value, str)
                else " In YAML, a text that looks like something else needs quotes."
            )
            given = MASK if is_secret(wait.prompt) else repr(value)
            said = f"The script's answer {given} to {wait.prompt.prompt!r} does not fit: {invalid}.{hint}"
            self._give_up(wait.token, ChannelError(said))
        except Exception as error:  # noqa: BLE001 - a script's function is user code
            self._give_up(wait.token, error)

    def close(self, wait: WaitRow) -> None:
        """Nothing to clear away."""

    def say(self, run_id: RunId, message: Message) -> None:  # noqa: ARG002 - all runs speak here
        """Keep the message for who looks."""
        self.said.append(message.text)

    def follow(self, run_id: RunId, telling: Telling) -> None:
        """Keep how it ended."""
        if telling.state != "live":
            self.say(run_id, telling.message)

    def _find(self, shown: Shown) -> Any:
        prompt = shown.wait.prompt
        if self._by_name is None:
            for value in self._in_order:
                return value
            raise UnansweredPrompt(f"The script has no more answers; the next prompt is {prompt.prompt!r}.")
        if names := self._names(shown):
            return self._next(names[0], self._by_name[names[0]])
        raise UnansweredPrompt(
            f"The script has no answer for {prompt.prompt!r} (kind {prompt.kind}); "
            f"it has: {', '.join(map(repr, self._by_name)) or 'nothing'}."
        )

    def _names(self, shown: Shown) -> list[str]:
        """Under which names the script has something for it, the best first."""
        prompt, script = shown.wait.prompt, self._by_name or {}
        return [n for n in (prompt.prompt, shown.node_label, shown.wait.kind) if n in script]

    def _next(self, name: str, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        n = self._used.get(name, 0)
        self._used[name] = n + 1
        if n >= len(value):
            raise UnansweredPrompt(
                f"{name!r} is asked more often than the script has answers for it ({len(value)})."
            )
        return value[n]


def _placed(folder: Path, prompt: TakesFiles, value: Any) -> Any:
    """An answer with files, their paths counted from a folder."""
    if isinstance(value, str):
        return value if isinstance(prompt, TextOrFilesPrompt) else _place(folder, value)
    if isinstance(value, list):
        return [
            _place(folder, one) if isinstance(one, str) else _placed(folder, prompt, one) for one in value
        ]
    if isinstance(value, dict):
        inner = {"files": _placed(folder, prompt, value["files"])} if "files" in value else {}
        return {**value, **inner, **({"path": _place(folder, value["path"])} if "path" in value else {})}
    return value


def _place(folder: Path, path: Any) -> Any:
    return str(folder / Path(path).expanduser()) if isinstance(path, str) else path

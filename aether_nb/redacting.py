"""Answers that stay out of a report: the log of a run as it would be if dots had been answered.

Everything that a report shows is made from the log, so what is hidden here is nowhere in it. Called by
`reporting.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from aether_nb import events as ev
from aether_nb.errors import BadInputs
from aether_nb.facts import replace
from aether_nb.ids import NodeId, Token
from aether_nb.openwaits import OpenWait
from aether_nb.prompts import PROMPT, headline
from aether_nb.values import show

Redact = bool | Collection[str] | Callable[[OpenWait], object]

DOTS = "••••"

_VALUES = frozenset(
    {"default", "inputs", "item", "label", "outputs", "problem", "problems", "reason", "state", "value"}
)
"""Fields of events that hold what users' code, or people, said."""
_ASKED = ("hint", "job", "placeholder", "prompt", "value")
"""Fields of prompts that may repeat an earlier answer; options are left, or the missing one would tell."""
_NAMES_NOTHING = frozenset({"media_type", "sha256", "size"})
_SHORTEST = 2  # characters of a word that is looked for in other texts


def chosen(waits: Sequence[OpenWait], redact: Redact) -> set[Token]:
    """The questions whose answers are hidden.

    Args:
        waits: the questions of the run.
        redact: True for all, a collection of prompts (or their first lines) and kinds, or a function that is given
            each question and says whether its answer is hidden.

    Raises:
        BadInputs: it is none of these, or names what this run does not ask.
    """
    if isinstance(redact, bool):
        return {wait.token for wait in waits} if redact else set()
    if callable(redact):
        return {wait.token for wait in waits if redact(wait)}
    listed: Any = redact
    if (
        isinstance(listed, str)
        or not isinstance(listed, Collection)
        or not all(isinstance(w, str) for w in listed)
    ):
        raise BadInputs(
            f"redact={show(redact)}: give True, a list of questions or kinds such as ['Your name?', 'files'], or a "
            "function of a question."
        )
    asked = {name for wait in waits for name in (wait.prompt, headline(wait.prompt), wait.kind)}
    if unknown := sorted(set(listed) - asked - PROMPT.json_schema()["discriminator"]["mapping"].keys()):
        have = ", ".join(repr(show(headline(wait.prompt), 60)) for wait in waits) or "nothing"
        raise BadInputs(
            f"redact={show(unknown)}: this run asks no such question, it asks {have}. Nothing was written."
        )
    return {
        wait.token for wait in waits if not {wait.prompt, headline(wait.prompt), wait.kind}.isdisjoint(listed)
    }


def redacted(log: Sequence[ev.AnyEvent], tokens: Collection[Token]) -> list[ev.AnyEvent]:
    """The log with these answers as dots, and wherever else they stand word for word.

    Also all that the nodes gave that asked for them. What followed from an answer, such as the way that a run went,
    is left as it is.
    """
    nodes: set[NodeId] = set()
    words: set[str] = set()
    for event in log:
        if isinstance(event, ev.ReplyTaken) and event.token in tokens:
            nodes.add(event.node)
            words.update(_words(event.reply.value))
    if not nodes:
        return list(log)
    hide = _Hide(words)
    return [_hidden(event, nodes, tokens, hide) for event in log]


def _words(value: Any) -> Iterator[str]:
    """The texts and numbers that an answer consists of."""
    if isinstance(value, Mapping) and value.get("$") == "secret":
        return  # the mark of one, that says nothing of it
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _NAMES_NOTHING:
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)


class _Hide:
    """Puts dots in place of words."""

    def __init__(self, words: Collection[str]) -> None:
        known = sorted(
            {word.strip() for word in words if len(word.strip()) >= _SHORTEST}, key=len, reverse=True
        )
        self._exactly = {word for word in words if word}
        self._within = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)") if known else None

    def __call__(self, value: Any) -> Any:
        """A value of JSON, with dots."""
        if isinstance(value, str):
            if value in self._exactly:
                return DOTS
            return value if self._within is None else self._within.sub(DOTS, value)
        if isinstance(value, Mapping):
            return {name: inner if name == "$" else self(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(self, value))
        if isinstance(value, (int, float)) and not isinstance(value, bool) and str(value) in self._exactly:
            return DOTS
        return value


def _hidden(event: ev.AnyEvent, nodes: set[NodeId], tokens: Collection[Token], hide: _Hide) -> ev.AnyEvent:
    news: dict[str, Any] = {name: hide(getattr(event, name)) for name in _VALUES & event.fields()}
    if isinstance(event, ev.NodeFinished) and event.node in nodes and isinstance(event.outputs, Mapping):
        news["outputs"] = dict.fromkeys(event.outputs, DOTS)
    if isinstance(event, ev.ReplyTaken):
        value = DOTS if event.token in tokens else hide(event.reply.value)
        news["reply"] = event.reply.model_copy(update={"value": value})
    if isinstance(event, (ev.NodeFailed, ev.RunFailedEvent)):
        error = event.error
        news["error"] = replace(
            error, message=hide(error.message), inputs=hide(error.inputs), frames=hide(error.frames)
        )
    if isinstance(event, ev.MessageSent):
        said = event.message
        news["message"] = replace(
            said, text=hide(said.text), name=hide(said.name), columns=hide(said.columns), rows=hide(said.rows)
        )
    if isinstance(event, ev.WaitOpened):
        told = {name: hide(getattr(event.prompt, name)) for name in _ASKED if hasattr(event.prompt, name)}
        news["prompt"] = event.prompt.model_copy(update=told)
    return replace(event, **news)

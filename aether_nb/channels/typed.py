"""What people type as an answer, in any terminal: how each kind of question is put in lines, and read.

`typed` reads an answer of one line, for the command line too; an `Entry` takes the lines of one question, of which a
paragraph and a form have several. What does not fit is left to the check of replies, which says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from aether_nb.prompts import (
    ApprovalPrompt,
    ChoicePrompt,
    DatePrompt,
    FilesPrompt,
    FormPrompt,
    NumberPrompt,
    Prompt,
    TextOrFilesPrompt,
    TextPrompt,
    is_secret,
)
from aether_nb.values import show

MORE = object()
"""Another line is wanted."""

_IN_A_ROW = 7  # more options stand below each other
_YES, _NO = {"y", "yes", "true", "1", "on"}, {"n", "no", "false", "0", "off"}


def typed(prompt: Prompt, line: str) -> Any:
    """What was typed, as a reply.

    Options also by number or in any case, several separated by `;`, a reason after `:`; paths separated by `;`, where a
    text will do as well with `@` before each; a form as JSON. An empty line takes the suggestion, if there is one.
    """
    text = line.strip()
    suggested = getattr(prompt, "value", None)
    if not text and suggested not in (None, "", (), {}):
        return list(suggested) if isinstance(prompt, ChoicePrompt) and prompt.multiple else _first(suggested)
    match prompt:
        case TextPrompt():
            return line
        case ApprovalPrompt():
            return _approval(prompt, text)
        case ChoicePrompt():
            return _choice(prompt, text)
        case NumberPrompt():
            return _number(text)
        case DatePrompt():
            return text
        case FilesPrompt():
            return _parts(text) if prompt.multiple else [text]
        case TextOrFilesPrompt():
            parts = _parts(text)
            return [p[1:].strip() for p in parts] if parts and all(p[0] == "@" for p in parts) else line
    return _json(text)  # a form, or a job's result, which may be just words


def hint(prompt: Prompt, deadline_ms: int | None) -> str:
    """What may be typed and until when, to stand behind the question; long lists of options stand below it."""
    hints = [*_hints(prompt)]
    if deadline_ms is not None:
        hints.append(f"until {datetime.fromtimestamp(deadline_ms / 1000).astimezone():%H:%M:%S}")
    options = ""
    if isinstance(prompt, ChoicePrompt) and not _is_short(prompt):
        rows = (f"{i} {o.label}{f'  ({o.help})' if o.help else ''}" for i, o in enumerate(prompt.options, 1))
        options = "".join(f"\n  {row}" for row in rows)
    return "".join(f"  [{hint}]" for hint in hints) + options


class Entry:
    """Takes the lines that answer one question.

    Args:
        prompt: the question.
        before: what was given for a form that was refused, by the dotted path of the field: Enter keeps it.

    Attributes:
        hidden: whether what is typed must not be seen.
        given: for a form: what was given so far, by the dotted path of the field.
    """

    def __init__(self, prompt: Prompt, before: Mapping[str, Any] | None = None) -> None:
        self._prompt = prompt
        self._lines: list[str] = []
        self.hidden = is_secret(prompt)
        self.given: dict[str, Any] = {}
        self._fields: list[tuple[str, Mapping[str, Any], bool]] = []
        self._before = dict(before or {})
        if isinstance(prompt, FormPrompt):
            self._fields = [*_fields(prompt.fields)]
            self._before = {**_flat(prompt.value), **self._before}

    def label(self) -> str:
        """What to write before the next line, when it is a field of a form; else nothing."""
        if not self._fields:
            return ""
        path, schema, needed = self._fields[len(self.given)]
        said = schema.get("description", "")
        hints = [*_field_hints(schema)]
        if self._before.get(path) is not None:
            hints.append(f"Enter for {show(self._before[path])}")
        elif not needed:
            hints.append("Enter to leave it out")
        title = path if "." in path else schema.get("title", path)
        return f"  {title}{f': {said}' if said else ''}{''.join(f'  [{h}]' for h in hints)}\n"

    def take(self, line: str) -> Any:
        """One line; gives the answer, or `MORE`."""
        if self._fields:
            return self._field(line)
        if getattr(self._prompt, "multiline", False):
            self._lines.append(line)
            return MORE if line else typed(self._prompt, "\n".join(self._lines[:-1]))
        return typed(self._prompt, line)

    def _field(self, line: str) -> Any:
        text = line.strip()
        if not self.given and text.startswith("{"):
            return _json(text)
        path, schema, _ = self._fields[len(self.given)]
        self.given[path] = field_typed(schema, text) if text else self._before.get(path)
        if len(self.given) < len(self._fields):
            return MORE
        return _nested({path: value for path, value in self.given.items() if value is not None})


def field_typed(schema: Mapping[str, Any], text: str) -> Any:
    """What was typed into a field of a form; as it is when it is not what the field takes, which is said later."""
    if "enum" in schema:
        options = schema["enum"]
        place = _place(text, [str(o) for o in options])
        if place is None:
            place = _place(text, schema.get("names", []))
        return text if place is None else options[place]
    kind = schema.get("type")
    if kind == "boolean":
        return True if text.casefold() in _YES else False if text.casefold() in _NO else text
    if kind in {"integer", "number"}:
        return _number(text)
    if kind == "array" and not text.startswith("["):
        return [field_typed(schema.get("items", {}), part) for part in _parts(text)]
    return text if kind == "string" else _json(text)


# -- one kind each -------------------------------------------------------------------------------


def _approval(prompt: ApprovalPrompt, text: str) -> Any:
    place = _place(text, prompt.options)
    if place is not None or prompt.reason == "no":
        return text if place is None else prompt.options[place]
    choice, _, reason = (part.strip() for part in text.partition(":"))
    place = _place(choice, prompt.options)
    return {"choice": choice if place is None else prompt.options[place], "reason": reason}


def _choice(prompt: ChoicePrompt, text: str) -> Any:
    labels = [o.label for o in prompt.options]
    if prompt.multiple and _place(text, labels) is None:
        return [_chosen(prompt, part, labels) for part in _parts(text)]
    chosen = _chosen(prompt, text, labels)
    return [chosen] if prompt.multiple else chosen


def _chosen(prompt: ChoicePrompt, text: str, labels: Sequence[str]) -> Any:
    place = _place(text, labels)
    return text if place is None else prompt.options[place].value


def _place(text: str, labels: Sequence[str]) -> int | None:
    """Which option that is: its words, its number, or its words in other letters."""
    if text in labels:
        return labels.index(text)
    if text.isdecimal() and 1 <= int(text) <= len(labels):
        return int(text) - 1
    folded = [label.casefold() for label in labels]
    return folded.index(text.casefold()) if text.casefold() in folded else None


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _first(suggested: Any) -> Any:
    return suggested[0] if isinstance(suggested, tuple) and suggested else suggested


# -- hints ---------------------------------------------------------------------------------------


def _is_short(prompt: ChoicePrompt) -> bool:
    return len(prompt.options) <= _IN_A_ROW and not any(o.help for o in prompt.options)


def _numbered(labels: Sequence[Any]) -> str:
    return "  ".join(f"{i} {label}" for i, label in enumerate(labels, 1))


def _hints(prompt: Prompt) -> Iterator[str]:
    match prompt:
        case TextPrompt():
            yield from filter(None, (prompt.hint or prompt.placeholder,))
            if prompt.multiline:
                yield "end with an empty line"
            if prompt.secret:
                yield "not shown"
        case ApprovalPrompt():
            yield _numbered(prompt.options)
            if prompt.reason != "no":
                yield "then : and why" + (", if you like" if prompt.reason == "optional" else "")
        case ChoicePrompt():
            if _is_short(prompt):
                yield _numbered([o.label for o in prompt.options])
            if prompt.multiple:
                yield "several, separated by ;"
        case NumberPrompt():
            yield _between(
                prompt.min, prompt.max, prompt.unit, "a whole number" if prompt.integer else "a number"
            )
        case DatePrompt():
            yield _between(prompt.min, prompt.max, "", "2026-11-27T14:00" if prompt.time else "2026-11-27")
        case FilesPrompt():
            yield "paths, separated by ;" if prompt.multiple else "a path"
        case TextOrFilesPrompt():
            yield "a text, or @path" + ("; @path" if prompt.multiple else "")
            if prompt.multiline:
                yield "end with an empty line"
        case FormPrompt():
            yield "field by field, or all as JSON"
    suggested = getattr(prompt, "value", None)
    if suggested not in (None, "", (), {}) and not isinstance(prompt, FormPrompt):
        several = isinstance(suggested, tuple)
        yield f"Enter for {'; '.join(map(show, suggested)) if several else show(suggested)}"


def _between(low: Any, high: Any, unit: str, what: str) -> str:
    if low is not None and high is not None:
        what = f"{low} to {high}"
    elif low is not None or high is not None:
        what = f"from {low}" if high is None else f"up to {high}"
    return f"{what} {unit}".rstrip()


def _field_hints(schema: Mapping[str, Any]) -> Iterator[str]:
    kind = schema.get("type")
    if "enum" in schema:
        yield _numbered(schema.get("names", schema["enum"]))
    elif kind == "boolean":
        yield "yes or no"
    elif kind in {"integer", "number"}:
        what = "a whole number" if kind == "integer" else "a number"
        yield _between(schema.get("minimum"), schema.get("maximum"), "", what)
    elif kind == "array":
        yield "several, separated by ;"
    elif schema.get("format") in {"date", "date-time"}:
        yield "2026-11-27" if schema["format"] == "date" else "2026-11-27T14:00"
    elif kind != "string":
        yield "as JSON"


# -- forms ---------------------------------------------------------------------------------------


def _fields(
    schema: Mapping[str, Any], path: str = "", needed: bool = True
) -> Iterator[tuple[str, Any, bool]]:
    """The fields of a form by dotted path, those of models inside it one by one; and whether they must be there."""
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        must = needed and name in required
        if "properties" in one and not one.get("nullable"):
            yield from _fields(one, f"{path}{name}.", must)
        else:
            yield path + name, one, must


def _flat(value: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in value.items():
        found |= {path + name: one, **(_flat(one, f"{path}{name}.") if isinstance(one, dict) else {})}
    return found


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for path, value in values.items():
        *outer, name = path.split(".")
        inner = whole
        for step in outer:
            inner = inner.setdefault(step, {})
        inner[name] = value
    return whole

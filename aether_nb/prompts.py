"""What is asked and what comes back, as data: prompts, replies, files. Not how it looks.

`events.py` carries these, channels show them, every door to a run checks replies with
`check_reply`. A new kind of prompt is a class here, a component on the page, and a line in each
channel.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from aether_nb.errors import BadInputs, GraphError, ReplyInvalid

_MARKDOWN = [
    (re.compile(r"^\s*(?:#{1,6}\s+|>\s*|[-+*]\s+)+"), ""),  # a heading, a quotation, an item of a list
    (re.compile(r"(?<!\\)!?\[([^]]*)\]\([^)]*\)"), r"\1"),  # links and images
    (re.compile(r"(?<!\\)(`+)(.+?)\1"), r"\2"),
    (re.compile(r"(?<!\\)(\*{1,3}|~~)(?=\S)(.+?)(?<![\s\\])\1"), r"\2"),
    (re.compile(r"(?<![\w\\])(_{1,3})(?=\S)(.+?)(?<![\s\\])\1(?!\w)"), r"\2"),  # not in snake_case
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
]
"""The marks that people put into a line, and what stays of them, in this order."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRef(_Data):
    """A file that a person gave: its bytes are an artifact, this is the label on it."""

    name: str
    """The file's name, without folders, made safe."""
    size: int
    """Bytes."""
    sha256: str
    """Hex digest of the bytes; also the artifact's name."""
    media_type: str = "application/octet-stream"
    path: str
    """Where the bytes lie on the kernel's machine."""


class FileGiven(_Data):
    """A file in a reply, before it became an artifact: a path on the kernel's machine."""

    path: str


class PromptBase(_Data):
    """What every prompt has."""

    prompt: str
    """The question, Markdown."""


def headline(prompt: str) -> str:
    """The first line of a prompt without its Markdown: what pictures and messages call the question."""
    said = line = prompt.strip().partition("\n")[0]
    for marks, plain in _MARKDOWN:
        said = marks.sub(plain, said)
    return said.strip() or line


class TextPrompt(PromptBase):
    """Asks for a line or a paragraph of text. The reply is a string."""

    kind: Literal["text"] = "text"
    multiline: bool = False
    placeholder: str = ""


class ApprovalPrompt(PromptBase):
    """Asks for one of a few options. The reply is `{"choice": ..., "approved": ...}`; a bare option will do."""

    kind: Literal["approval"] = "approval"
    options: tuple[str, ...] = ("Approve", "Reject")
    approve: str = "Approve"
    """The option that counts as approval."""


class FilesPrompt(PromptBase):
    """Asks for files. The reply is `{"files": [...], "text": ...}`; a path or a list of paths will do."""

    kind: Literal["files"] = "files"
    multiple: bool = True
    accept: tuple[str, ...] = ()
    """What the browser's dialog offers: `.csv`, `image/*`; empty is anything."""


class CallbackPrompt(PromptBase):
    """A wait for something that is not a person: a job, an event. The reply is JSON, any or as `reply` says."""

    kind: Literal["callback"] = "callback"
    job: str = ""
    reply: dict[str, Any] | None = None
    """JSON Schema of the reply; None takes anything."""


Prompt = Annotated[TextPrompt | ApprovalPrompt | FilesPrompt | CallbackPrompt, Field(discriminator="kind")]
"""Every kind of prompt, told apart by `kind`."""

PROMPT: TypeAdapter[Prompt] = TypeAdapter(Prompt)
"""To and from JSON."""


class Reply(_Data):
    """The answer to a wait."""

    value: Any = None
    """JSON, as `check_reply` gave it back."""
    by: str = ""
    """Who answered, as they call themselves."""
    door: str = ""
    """Which way it came: widget, console, scripted, api, http, cli, default."""
    at_ms: int = 0
    """When it was accepted, milliseconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Poll:
    """How often to look for the reply: after `every` seconds, then `backoff` times as long, up to `max`.

    To each pause up to a tenth is added, so that what began together does not look together for ever.

    Raises:
        GraphError: it would look without a pause, or ever faster, or never; or these are no numbers.
    """

    every: float
    backoff: float = 1.0
    max: float | None = None

    def __post_init__(self) -> None:
        numbers: list[object] = [self.every, self.backoff, 1 if self.max is None else self.max]
        sound = all(
            isinstance(n, (int, float)) and not isinstance(n, bool) and 0 < n <= _LONGEST_S for n in numbers
        )
        if not sound or self.backoff < 1:
            raise GraphError(
                f"{self!r:.200}: seconds must be more than 0, and not more than a thousand years, and `backoff` at "
                "least 1, all of them numbers."
            )

    def pause(self, n: int) -> float:
        """Seconds before the n-th look, counted from 1, at least."""
        try:
            pause = self.every * self.backoff ** (n - 1)
        except OverflowError:
            pause = math.inf
        return pause if self.max is None else min(pause, self.max)


class FilesReply(_Data):
    """What a request for files is answered with."""

    files: tuple[FileRef | FileGiven, ...] = ()
    text: str = ""


_LONGEST_S = 1000 * 365.25 * 86_400
_DEPTH = 150  # as for values: an event that carries a reply must be read back
_TEXT: TypeAdapter[str] = TypeAdapter(Annotated[str, StringConstraints(strict=True)])
_FILES = TypeAdapter(FilesReply)
_FILES_SCHEMA = _FILES.json_schema()


def check_reply(prompt: Prompt, value: Any) -> Any:
    """Check a reply against its prompt, and give it back in its one normal form.

    Args:
        prompt: the question.
        value: what came through a door; JSON. Shorthands are accepted where the kind has one.

    Returns:
        JSON: a string for text, `{"choice", "approved"}` for approval, `{"files", "text"}` for files
        (files still as paths where a path was given), the value as plain JSON for callbacks.

    Raises:
        ReplyInvalid: it does not fit; `problems` says why, by field.
    """
    if isinstance(prompt, TextPrompt):
        return _whole("", _validated(_TEXT, value, "a text is needed"))
    if isinstance(prompt, ApprovalPrompt):
        choice = value.get("choice") if isinstance(value, Mapping) else value
        if isinstance(choice, bool):  # True and False read naturally for two options
            yes = prompt.approve
            rest = [o for o in prompt.options if o != yes]
            choice = yes if choice else (rest[0] if rest else choice)
        if type(choice) is not str or choice not in prompt.options:
            shown = ", ".join(map(repr, prompt.options))
            what = repr(choice) if type(choice) is str else f"what is of type {type(choice).__name__}"
            raise ReplyInvalid({"choice": f"{what:.200} is none of {shown}"})
        return {"choice": choice, "approved": choice == prompt.approve}
    if isinstance(prompt, FilesPrompt):
        return _files_reply(prompt, value)
    return _callback_reply(prompt, value)


def plain_json(value: Any) -> Any:
    """The value as its JSON reads back in every process, for replies that may be anything.

    Raises:
        ReplyInvalid: it has none, or one that nests too deep for what is made of it later.
    """
    try:
        plain = from_json(to_json(value, inf_nan_mode="constants"), allow_inf_nan=False)
    except Exception as error:  # noqa: BLE001 - the value may be of a class of the user's, which raises what it likes
        raise ReplyInvalid(
            {"": f"JSON is needed, and this {type(value).__name__} has none: {error}"}
        ) from None
    level = [plain]
    for _ in range(_DEPTH):
        level = [v for inner in level for v in _inside(inner)]
        if not level:
            return plain
    raise ReplyInvalid({"": f"it nests more than {_DEPTH} levels deep; make it flatter"})


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def reply_schema(prompt: Prompt) -> dict[str, Any]:
    """JSON Schema of the reply's normal form, for doors that do not have the notebook's classes."""
    if isinstance(prompt, TextPrompt):
        return {"type": "string"}
    if isinstance(prompt, ApprovalPrompt):
        return {
            "type": "object",
            "properties": {"choice": {"enum": list(prompt.options)}, "approved": {"type": "boolean"}},
            "required": ["choice"],
        }
    if isinstance(prompt, FilesPrompt):
        return _FILES_SCHEMA
    return prompt.reply or {}


def check_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema that replies can be checked against, as plain JSON.

    Raises:
        BadInputs: it is none, or refers to something outside of itself, which nobody would fetch.
    """
    import jsonschema  # noqa: PLC0415 - slow to load, and few waits have a schema

    try:
        plain = json.loads(json.dumps(schema))
        if not isinstance(plain, dict):
            raise TypeError("it is no mapping")  # noqa: TRY301 - told like the other faults
        jsonschema.Draft202012Validator.check_schema(plain)
        for ref in _refs(plain):
            _lookup(plain, ref)
        _schema_problems(plain, None)
    except (TypeError, ValueError, RecursionError, jsonschema.SchemaError) as wrong:
        fault = getattr(wrong, "message", None) or str(wrong)
        raise BadInputs(
            f"schema={schema!r:.200} is no JSON Schema: {fault}. Mend it, or leave it out."
        ) from None
    return plain


def schema_hash(schema: Mapping[str, Any]) -> bytes:
    """The key under which a schema is stored once: 16 bytes."""
    text = to_json(schema)
    return _hash(text) if len(text) < _SHORT else _hash.__wrapped__(text)


@functools.lru_cache(256)  # a thousand questions have few schemas
def _hash(text: bytes) -> bytes:
    in_order = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(in_order.encode(), digest_size=16).digest()


_SHORT = 4096  # bytes


def _callback_reply(prompt: CallbackPrompt, value: Any) -> Any:
    plain = plain_json(value)
    try:
        problems = {} if prompt.reply is None else _schema_problems(prompt.reply, plain)
    except RecursionError:
        problems = {"": "it nests too deep for its schema; make it flatter"}
    if problems:
        raise ReplyInvalid(problems)
    return plain


def _schema_problems(schema: Mapping[str, Any], value: Any) -> dict[str, str]:
    """What a JSON Schema that was checked has against a value, by field."""
    import jsonschema  # noqa: PLC0415 - see check_schema
    import referencing  # noqa: PLC0415

    # a registry of its own, which fetches nothing: a schema from a store must not reach for the network
    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    return {".".join(map(str, error.absolute_path)): error.message for error in validator.iter_errors(value)}


def _refs(schema: Any) -> Iterator[str]:
    """Everything that a schema refers to."""
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        if isinstance(ref, str):
            yield ref
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _refs(inner)


def _lookup(schema: dict[str, Any], ref: str) -> None:
    """Raises ValueError when a reference does not lead to something inside the schema."""
    from referencing import Registry, exceptions  # noqa: PLC0415 - see check_schema
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    uri = schema.get("$id", "")
    registry: Registry[Any] = Registry().with_resource(uri, DRAFT202012.create_resource(schema))
    try:
        registry.resolver(uri).lookup(ref)
    except exceptions.Unresolvable as error:
        raise ValueError(f"{ref!r} is not to be found in it") from error


def _files_reply(prompt: FilesPrompt, value: Any) -> Any:
    need = "files are needed: a path, or a list of paths"
    if isinstance(value, (str, bytes, os.PathLike)):
        value = [value]
    if isinstance(value, (list, tuple)):
        value = {"files": [v if isinstance(v, Mapping) else _path_given(v, need) for v in value]}
    if not isinstance(value, Mapping):
        raise ReplyInvalid({"files": need})
    reply: dict[str, Any] = _validated(_FILES, value, need, dump=True)
    _whole("text", reply["text"])
    if not prompt.multiple and len(reply["files"]) > 1:
        raise ReplyInvalid({"files": f"one file is asked for, {len(reply['files'])} came"})
    return reply


def _path_given(value: Any, need: str) -> dict[str, str]:
    try:
        return {"path": os.fsdecode(value)}
    except Exception:  # noqa: BLE001 - it may be of a class of the user's
        raise ReplyInvalid({"files": f"{need}, and this is of type {type(value).__name__}"}) from None


def _whole(field: str, text: str) -> str:
    """The text, which must be one that can be written anywhere."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ReplyInvalid({field: "half of a surrogate pair stands in it, which is no character"}) from None
    return text


def _validated(adapter: TypeAdapter[Any], value: Any, need: str, *, dump: bool = False) -> Any:
    try:
        checked = adapter.validate_python(value)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(p) for p in first["loc"])
        raise ReplyInvalid({field: f"{need} ({first['msg'].lower()})"}) from None
    return adapter.dump_python(checked, mode="json") if dump else checked

"""What `context.channel()` asks: one method for each kind of question, each a durable call of a built-in tool.

The tools (`aether_nb/tools`) say what each option means and check it; here is the shape in which a body gets the
answer: the plain value.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from aether_nb.calling import MISSING
from aether_nb.values import Outputs

if TYPE_CHECKING:
    from aether_nb.engine.context import Body

M = TypeVar("M")
"""A pydantic model."""

Day = dt.date | dt.datetime | str


class Asks:
    """Asks the person. All of them take `timeout`, `default` and `key`, which are told of in `ask_text`."""

    _body: Body

    def _ask(
        self, tool: str, prompt: str, key: str | None, timeout: Any, default: Any, /, pick: str | None = None,
        **options: Any,
    ) -> Coroutine[Any, Any, Any]:  # fmt: skip
        """Ask by a tool. An option that is as it is by itself is no part of the call: a new one changes none."""
        usual = _usual(tool)
        given = {n: v for n, v in options.items() if type(v) is not type(usual[n]) or v != usual[n]}
        return self._body.ask(
            tool, {"prompt": prompt, **given, "timeout": timeout, "default": default}, key, pick=pick
        )

    def ask_text(
        self,
        prompt: str,
        *,
        multiline: bool = False,
        placeholder: str = "",
        secret: bool = False,
        min_length: int = 0,
        max_length: int | None = None,
        pattern: str | None = None,
        hint: str = "",
        value: str = "",
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, str]:
        """Ask for text.

        Args:
            prompt: the question, Markdown.
            multiline: a paragraph in place of a line.
            placeholder: shown in the empty field.
            secret: not shown while it is typed, and kept in this kernel's memory alone: after a restart it is
                asked for again. What is made of it (`f"Bearer {secret}"`) is a value like others, and is stored when
                it is an input or output.
            min_length: characters, at least.
            max_length: characters, at most.
            pattern: a regular expression that the whole text must match.
            hint: in words, what is expected.
            value: a suggestion, which stands in the field already.
            timeout: seconds, a timedelta or a datetime (without a time zone it is local time); None waits for
                ever. One that is past, or not more than 0, is over at once.
            default: the answer when nobody answers in time; without it that is a `WaitTimeout`.
            key: this question's own name in the run, when its words may change.

        Returns:
            What was typed.

        Raises:
            NodeFailed: nobody answered in time (also a `TimeoutError`), or an option is none.
        """
        return self._ask(
            "ask_text", prompt, key, timeout, default, "text", multiline=multiline, placeholder=placeholder,
            secret=secret, min_length=min_length, max_length=max_length, pattern=pattern, hint=hint, value=value,
        )  # fmt: skip

    def ask_approval(
        self,
        prompt: str,
        *,
        options: Sequence[str] = ("Approve", "Reject"),
        approve: str | None = None,
        danger: Sequence[str] | str = (),
        reason: Literal["no", "optional", "required"] = "no",
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, Outputs]:
        """Ask for one of a few options; the first approves unless `approve` says which.

        Args:
            prompt: the question, Markdown.
            options: what stands on the buttons.
            approve: which of them approves.
            danger: which of them, one or several, are drawn as dangerous and must be pressed twice.
            reason: whether a reason is asked for, too.
            timeout: as for `ask_text`.
            default: as for `ask_text`; an option will do.
            key: as for `ask_text`.

        Returns:
            A mapping `choice, approved, reason`.
        """
        return self._ask(
            "ask_approval", prompt, key, timeout, default, options=options, approve=approve, danger=danger,
            reason=reason,
        )  # fmt: skip

    def ask_choices(
        self,
        prompt: str,
        options: Sequence[Any] | Mapping[Any, str],
        *,
        multiple: bool = False,
        min: int = 0,  # noqa: A002 - the words that everybody has for it
        max: int | None = None,  # noqa: A002
        value: Any = None,
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """Ask to choose from options.

        Args:
            prompt: the question, Markdown.
            options: a list of values, a mapping from value to label, or a list of `Option`.
            multiple: whether several may be chosen.
            min: how many at least.
            max: how many at most.
            value: what is chosen already, as a suggestion.
            timeout: as for `ask_text`.
            default: as for `ask_text`.
            key: as for `ask_text`.

        Returns:
            The value that was chosen, or with `multiple` the list of them, in the order of the options.
        """
        return self._ask(
            "ask_choices", prompt, key, timeout, default, "choices" if multiple else "choice", options=options,
            multiple=multiple, min=min, max=max, value=value,
        )  # fmt: skip

    def ask_number(
        self,
        prompt: str,
        *,
        min: float | None = None,  # noqa: A002 - the words that everybody has for it
        max: float | None = None,  # noqa: A002
        step: float | None = None,
        integer: bool = False,
        slider: bool = False,
        unit: str = "",
        value: float | None = None,
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """Ask for a number.

        Args:
            prompt: the question, Markdown.
            min: the least that will do.
            max: the most that will do.
            step: it is `min` (else 0) and so many steps.
            integer: a whole number.
            slider: drawn as a slider, which needs `min` and `max`.
            unit: stands behind the number.
            value: a suggestion, which stands in the field already.
            timeout: as for `ask_text`.
            default: as for `ask_text`.
            key: as for `ask_text`.

        Returns:
            The number, an `int` when it was typed as one.
        """
        return self._ask(
            "ask_number", prompt, key, timeout, default, "value", min=min, max=max, step=step, integer=integer,
            slider=slider, unit=unit, value=value,
        )  # fmt: skip

    def ask_date(
        self,
        prompt: str,
        *,
        time: bool = False,
        min: Day | None = None,  # noqa: A002 - the words that everybody has for it
        max: Day | None = None,  # noqa: A002
        value: Day | None = None,
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """Ask for a date, or with `time` for a date and time.

        Args:
            prompt: the question, Markdown.
            time: whether the time of day is asked for.
            min: the earliest that will do.
            max: the latest that will do.
            value: a suggestion, which stands in the field already.
            timeout: as for `ask_text`.
            default: as for `ask_text`.
            key: as for `ask_text`.

        Returns:
            A date; with `time` a datetime with the offset of who answered.
        """
        return self._ask(
            "ask_date", prompt, key, timeout, default, "value", time=time, min=min, max=max, value=value
        )

    def ask_files(
        self,
        prompt: str,
        *,
        multiple: bool = True,
        accept: Sequence[str] | str = (),
        max_bytes: int | None = None,
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, Outputs]:
        """Ask for files.

        Args:
            prompt: the question, Markdown.
            multiple: whether there may be several.
            accept: what the browser's dialog offers, such as `[".csv", "image/*"]`.
            max_bytes: how large each may be.
            timeout: as for `ask_text`.
            default: as for `ask_text`; a path will do.
            key: as for `ask_text`.

        Returns:
            `files` (a list of `FileRef`: name, size, sha256, media_type, path) and `text`.
        """
        return self._ask(
            "ask_files", prompt, key, timeout, default, multiple=multiple, accept=accept, max_bytes=max_bytes
        )

    def ask_text_or_files(
        self,
        prompt: str,
        *,
        multiple: bool = True,
        accept: Sequence[str] | str = (),
        max_bytes: int | None = None,
        placeholder: str = "",
        multiline: bool = False,
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, Outputs]:
        """Ask for a text, or files, or both.

        Args:
            prompt: the question, Markdown.
            multiple: whether there may be several files.
            accept: as for `ask_files`.
            max_bytes: how large each file may be.
            placeholder: shown in the empty field for the text.
            multiline: a paragraph in place of a line.
            timeout: as for `ask_text`.
            default: as for `ask_text`; a text, or a list of paths.
            key: as for `ask_text`.

        Returns:
            `files` and `text`, one of which may be empty.
        """
        return self._ask(
            "ask_text_or_files", prompt, key, timeout, default, multiple=multiple, accept=accept,
            max_bytes=max_bytes, placeholder=placeholder, multiline=multiline,
        )  # fmt: skip

    def ask_form(
        self,
        model: type[M],
        prompt: str = "",
        *,
        value: Any = None,
        submit: str = "",
        timeout: Any = None,
        default: Any = MISSING,
        key: str | None = None,
    ) -> Coroutine[Any, Any, M]:
        """Ask to fill in a form, whose fields are those of a pydantic model.

        Args:
            model: the class; one at the top of a cell or module.
            prompt: the question, Markdown; by itself the first line of the model's docstring, or its name.
            value: suggested values, by field or as an instance.
            submit: the words on the button.
            timeout: as for `ask_text`.
            default: as for `ask_text`; an instance, or values by field.
            key: as for `ask_text`.

        Returns:
            An instance of the model, which its own validators have checked.
        """
        return self._ask(
            "ask_form", prompt, key, timeout, default, "value", model=model, value=value, submit=submit
        )


@functools.cache
def _usual(ask: str) -> dict[str, Any]:
    """What the options of an ask are by themselves."""
    return {p.name: p.default for p in inspect.signature(getattr(Asks, ask)).parameters.values()}

"""From the options of `@tool` to its policy, or to a sentence for each option that is none.

Called by `decorators.py`, and by `map` for its own limit. What a policy means is in `graph/retry_policy.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from aether_nb.errors import GraphProblems
from aether_nb.graph.model import OnFailure
from aether_nb.graph.retry_policy import RetryPolicy
from aether_nb.values import written

_SECONDS = "it is a number of seconds from 0 up, and not more than a thousand years."
_NEEDS = {
    "retries": "it is a whole number from 0 up.",
    "backoff": _SECONDS,
    "max_backoff": _SECONDS,
    "jitter": "it is True or False.",
    "timeout": "it is a number of seconds, more than 0 and not more than a thousand years, or None for no limit.",
}


def policy_of(
    name: str, options: Mapping[str, Any], on_failure: object, max_concurrency: object
) -> RetryPolicy:
    """The policy that the options of a tool make.

    Raises:
        GraphProblems: some are not in order; all of them at once.
    """
    __tracebackhide__ = True
    problems = []
    if on_failure not in get_args(OnFailure):
        problems.append(f"`on_failure` is {_shown(on_failure)}: it is 'fail', 'skip' or 'continue'.")
    if wrong_limit := no_limit(max_concurrency):
        problems.append(wrong_limit)
    given = options["retry_on"]
    classes = given if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    problem = _not_to_retry_on(given, classes)
    if problem:
        problems.append(problem)
    try:
        policy = RetryPolicy(**{**options, "retry_on": () if problem else tuple(classes)})
    except ValidationError as e:
        wrong = {str(error["loc"][0]) for error in e.errors(include_url=False, include_input=False)}
        problems += [
            f"`{option}` is {_shown(options[option])}: {need}"
            for option, need in _NEEDS.items()
            if option in wrong
        ]
    if problems:
        raise GraphProblems(str(name), problems)
    return policy


def no_limit(max_concurrency: object) -> str:
    """What is wrong with what is to limit how many run at a time; empty when nothing is."""
    if max_concurrency is None or (type(max_concurrency) is int and max_concurrency > 0):
        return ""
    return f"`max_concurrency` is {_shown(max_concurrency)}: it is a whole number from 1 up, or None for no limit."


def _not_to_retry_on(given: Any, classes: Any) -> str:
    """What is wrong with what is to be tried again, with what to write; empty when nothing is."""
    if not classes:
        return (
            f"`retry_on` is {_shown(given)}, and nothing would be tried again: name exception classes, such as "
            "`retry_on=(OSError, ValueError)`, or leave it out for every Exception."
        )
    wrong = next((c for c in classes if not (isinstance(c, type) and issubclass(c, Exception))), None)
    if wrong is None and None not in classes:
        return ""
    where = f"`retry_on` is {_shown(given)}"
    what = where if wrong is given else f"{where}, in which {_shown(wrong)} is wrong"
    if isinstance(wrong, type) and issubclass(wrong, BaseException):
        return (
            f"{what}: what is no subclass of Exception ends the kernel or the node, and is never tried again."
        )
    if isinstance(wrong, Exception):
        return f"{what}: write the class, `{type(wrong).__name__}`, and no instance of it."
    if isinstance(wrong, str):
        return f"{what}: write the exception class itself, without quotes, such as `retry_on=ValueError`."
    return f"{what}: write an exception class, or several, such as `retry_on=(OSError, ValueError)`."


def _shown(value: Any) -> str:
    """The value as one writes it: classes by name, texts in quotes."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return written(value)

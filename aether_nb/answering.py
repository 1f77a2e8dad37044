"""A reply on its way from any door into the store: checked, its files kept, and what became of it.

Called by `runtime.answer`, which every door ends in. The compare-and-set that decides is the store's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aether_nb.engine.ports import Artifacts, Store, WaitRow
from aether_nb.errors import ReplyInvalid, StoreError
from aether_nb.ids import Token
from aether_nb.markup import Showable, words
from aether_nb.prompts import FileRef, Prompt, TakesFiles, check_reply, is_secret, plain_json
from aether_nb.services.artifacts import safe_name
from aether_nb.values import Secret


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Showable):
    """What became of a reply. True when it was accepted.

    Attributes:
        accepted: whether this reply is the one that counts.
        status: the wait's: answered, expired, withdrawn; `kept` when its question is not open yet.
        by: who gave the reply that counts; empty when none does.
        door: which way that one came.
        at: when that one was accepted, or when the question expired; None when neither was.
    """

    accepted: bool
    status: str
    by: str
    door: str
    at: datetime | None

    @classmethod
    def of(cls, row: WaitRow, *, accepted: bool) -> Answer:
        """From the wait's row as it stands after the reply."""
        first = row.reply
        if first is None:
            # open and yet refused: its deadline has passed, and no kernel has noticed
            expired = row.status in {"open", "expired"} and row.deadline_ms is not None
            at = datetime.fromtimestamp((row.deadline_ms or 0) / 1000).astimezone() if expired else None
            return cls(accepted, "expired" if expired else row.status, "", "", at)
        at = datetime.fromtimestamp(first.at_ms / 1000).astimezone()
        return cls(accepted, row.status, first.by, first.door, at)

    def __bool__(self) -> bool:
        return self.accepted

    def _repr_html_(self) -> str:
        return words(f"{'✓' if self.accepted else '✕'} {self!r}")

    def __repr__(self) -> str:
        if self.status == "kept":
            return "kept: its question is not open yet, and takes the reply when it is"
        if self.accepted:
            return "accepted"
        if self.status == "expired" and self.at is not None:
            today = self.at.date() == datetime.now().astimezone().date()
            return f"not accepted: expired at {self.at:{'%H:%M' if today else '%Y-%m-%d %H:%M'}}"
        if self.at is not None:
            return f"already answered by {self.by or 'somebody'} through {self.door} at {self.at:%H:%M}"
        return f"not accepted: the question is {self.status}"


NO_SECRETS = (
    "this is a secret, which is stored nowhere, so that only the kernel that drives the run takes it: answer it there, "
    "or take the run up with ae.resume(run_id) first"
)


def keep(store: Store, token: Token, value: Any, by: str, now_ms: int) -> Answer | None:
    """Leave a reply for a wait whose token the world has and that is not open yet; fsynced.

    Returns:
        What became of it; None when the wait opened just now and did not take it: then it is a reply like others.

    Raises:
        ReplyInvalid: it is no JSON.
    """
    reached = store.post(f"token:{token}", plain_json(value), by, now_ms)
    row = store.wait(token)
    if row is None:
        return Answer(accepted=True, status="kept", by=by, door="mailbox", at=None)
    return None if row.status == "open" else Answer.of(row, accepted=reached > 0)


def fitting(
    prompt: Prompt, value: Any, artifacts: Artifacts, *, here: bool = True,
    secret: Callable[[str], Any] | None = None,
) -> Any:  # fmt: skip
    """The reply as it is stored: in its normal form, with every file an artifact.

    Args:
        prompt: the question.
        value: the reply; JSON, shorthands included.
        artifacts: where files go.
        here: whether who replies stands in this process's folder, so that a relative path means something.
        secret: keeps a secret in memory and gives the mark that is stored; None where none can be kept.

    Raises:
        ReplyInvalid: it does not fit, or a file cannot be had; the wait is untouched.
    """
    if isinstance(value, Secret) and not is_secret(prompt):
        raise ReplyInvalid({"": "this is a secret, and the answer to this question is stored"})
    checked = check_reply(prompt, value)
    if is_secret(prompt):
        if secret is None:
            raise ReplyInvalid({"": NO_SECRETS})
        return secret(checked)
    if not isinstance(prompt, TakesFiles):
        return checked
    files, problems = [], {}
    for i, given in enumerate(checked["files"]):
        try:
            ref = (
                _uploaded(given, prompt, artifacts)
                if "sha256" in given
                else _copied(given["path"], prompt, artifacts, here)
            )
            files.append(ref.model_dump(mode="json"))
        except (StoreError, ValueError, OSError) as error:
            problems[f"files.{i}"] = str(error)[:300]
    if problems:
        raise ReplyInvalid(problems)
    return {**checked, "files": files}


def _copied(path: str, prompt: TakesFiles, artifacts: Artifacts, here: bool) -> FileRef:
    try:
        file = Path(path).expanduser()
    except RuntimeError:  # there is no such user
        file = Path(path)
    if not here and not file.is_absolute():
        raise ValueError(f"{path!r} is relative; give the whole path, from the root on")
    if file.is_dir():
        raise ValueError(f"{path!r} is a folder; give the files in it")
    if not file.is_file():  # a device or a pipe could be read for ever
        raise ValueError(f"there is no file {path!r} on {'this machine' if here else 'the server'}")
    _fits(prompt, file.name, file.stat().st_size)
    return artifacts.put_file(file)


def _uploaded(given: dict[str, Any], prompt: TakesFiles, artifacts: Artifacts) -> FileRef:
    """The label of an artifact that is there; only its name and type are for who replies to say."""
    file = Path(artifacts.path(given["sha256"]))
    if not file.is_file():
        raise ValueError("this upload is not in the store; send the file again")
    name, size = safe_name(given["name"]), file.stat().st_size
    _fits(prompt, name, size, str(given.get("media_type", "")))
    return FileRef.model_validate(given | {"name": name, "size": size, "path": str(file)})


def _fits(prompt: TakesFiles, name: str, size: int, media_type: str = "") -> None:
    """Raises ValueError when the question does not take such a file."""
    if (why := prompt.misfit(name, size, media_type)) != "":
        raise ValueError(why)

"""What every widget does with what its page sent: an answer, a piece of a file, a wish. From any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aether_nb.display.built import built
from aether_nb.errors import AetherError, ReplyInvalid
from aether_nb.ids import Token
from aether_nb.jupyter.widget import CHUNKS
from aether_nb.services.incoming import Claim, Incoming

if TYPE_CHECKING:
    from aether_nb.jupyter.widget import RunWidget
    from aether_nb.runtime import Runtime

Ack = Mapping[str, Any] | None
"""What an acknowledgement says besides that it went well."""


def acknowledged(widget: RunWidget, content: Mapping[str, Any], work: Callable[[], Ack]) -> None:
    """Do what the page asked for, and tell it how that went; whatever it sent, the kernel goes on."""
    ack: dict[str, Any] = {"type": "ack", "id": content.get("id"), "ok": True}
    try:
        ack |= work() or {}
    except ReplyInvalid as invalid:
        ack |= {"ok": False, "problems": invalid.problems}
    except AetherError as error:
        ack |= {"ok": False, "note": str(error)}
    except Exception as error:  # noqa: BLE001 - it may have sent anything
        ack |= {"ok": False, "note": f"{type(error).__name__}: {error}"}
    widget.say(ack)


def answer(widget: RunWidget, runtime: Runtime, content: Mapping[str, Any]) -> None:
    """Take an answer to any wait of the store."""

    def work() -> Ack:
        result = runtime.answer(Token(str(content["token"])), content.get("value"), door="widget")
        return {} if result.accepted else {"ok": False, "note": repr(result)}

    acknowledged(widget, content, work)


def upload(
    widget: RunWidget,
    runtime: Runtime,
    incoming: Incoming,
    content: Mapping[str, Any],
    buffers: Sequence[Any],
) -> None:
    """Take one piece of a file; `incoming` are the files of this widget that are on their way.

    With the last piece the file is forced to the disk, which may take seconds: that is for a thread.
    """
    key = f"{content.get('token')} {content.get('upload')}"

    def work() -> Ack:
        claim = Claim(
            str(content["token"]), str(content["name"]), int(content["size"]), str(content.get("media") or "")
        )
        row = runtime.store.wait(Token(claim.token))
        if row is None or row.status != "open":
            raise ReplyInvalid({"files": "this is not asked any more"})
        file = incoming.file(key, claim, row.prompt, runtime.services.artifacts)
        if buffers:
            file.write(int(content["offset"]), buffers[0])
        return None

    def last() -> Ack:
        work()
        return {"file": incoming.finish(key).model_dump(mode="json")}

    if content.get("last"):
        threading.Thread(target=acknowledged, args=(widget, content, last), daemon=True).start()
    else:
        acknowledged(widget, content, work)


def call_off(widget: RunWidget, incoming: Incoming, content: Mapping[str, Any]) -> None:
    """A file was taken off the list: nothing of it stays."""

    def work() -> Ack:
        incoming.drop(f"{content.get('token')} {content.get('upload')}")
        return None

    acknowledged(widget, content, work)


def chunk(widget: RunWidget, content: Mapping[str, Any]) -> None:
    """Send a file of the front end that the page wants, or say that there is none."""
    name = str(content.get("name"))
    ok = name in CHUNKS
    widget.say({"type": "chunk", "name": name, "ok": ok}, [built(name).encode()] if ok else None)

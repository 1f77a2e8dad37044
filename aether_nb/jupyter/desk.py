"""What every widget does with an answer or a piece of a file that its page sent. From any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from aether_nb.errors import AetherError, ReplyInvalid
from aether_nb.ids import Token

if TYPE_CHECKING:
    from aether_nb.jupyter.widget import RunWidget
    from aether_nb.runtime import Runtime
    from aether_nb.services.artifacts import Upload

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
    widget: RunWidget, runtime: Runtime, uploads: MutableMapping[str, Upload], content: Mapping[str, Any],
    buffers: Sequence[Any],
) -> None:  # fmt: skip
    """Take one piece of a file; `uploads` are the files of this widget that are on their way."""

    def work() -> Ack:
        key = str(content["upload"])
        if key not in uploads:
            uploads[key] = runtime.services.artifacts.open_upload()
        if buffers:
            uploads[key].write(int(content["offset"]), bytes(buffers[0]))
        if not content.get("last"):
            return None
        ref = uploads.pop(key).finish(str(content["name"]), str(content.get("media") or ""))
        return {"file": ref.model_dump(mode="json")}

    acknowledged(widget, content, work)

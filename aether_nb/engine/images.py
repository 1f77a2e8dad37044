"""A picture out of what people have: bytes, a file, SVG as text, an image of PIL, a figure of matplotlib.

`context.channel().send_image` uses it. None of those libraries is imported: who has such an object has. What a
picture is, its first bytes say, whatever its name.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, NamedTuple

from aether_nb.errors import BadInputs, StoreError
from aether_nb.values import written

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", 0, "png"), (b"\xff\xd8\xff", 0, "jpeg"), (b"GIF8", 0, "gif"), (b"WEBP", 8, "webp"),
    (b"ftypavif", 4, "avif"),
)  # fmt: skip


class Picture(NamedTuple):
    """A picture as a page takes it."""

    data: bytes
    kind: str
    """png, jpeg, gif, webp, avif or svg."""
    name: str
    """Of the file that it came from; empty when from none."""

    @property
    def media_type(self) -> str:
        """As browsers call it."""
        return "image/svg+xml" if self.kind == "svg" else f"image/{self.kind}"


def picture(image: Any) -> Picture:
    """Make a picture. Blocks while it is drawn or read.

    Raises:
        BadInputs: it is none that a page can show.
        StoreError: its file cannot be read.
    """
    name = ""
    if isinstance(image, (bytes, bytearray, memoryview)):
        data = bytes(image)
    elif isinstance(image, str) and image.lstrip("\ufeff \t\r\n").startswith("<"):
        data = image.encode()
    elif isinstance(image, (str, os.PathLike)):
        data, name = _read(Path(image)), Path(image).name
    elif callable(getattr(image, "savefig", None)):
        data = _drawn(image)
    elif callable(getattr(image, "save", None)) and isinstance(getattr(image, "mode", None), str):
        data = _encoded(image)
    else:
        raise BadInputs(_refusal(image))
    kind = _kind(data)
    if kind is None:
        raise BadInputs(_refusal(image))
    return Picture(data, kind, name)


def _kind(data: bytes) -> str | None:
    for mark, at, kind in _MAGIC:
        if data[at : at + len(mark)] == mark:
            return kind
    head = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "svg" if head.startswith(b"<") and b"<svg" in head else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The picture {str(path)!r} cannot be read ({error}); give the path of a file on the kernel's machine."
        ) from error


def _drawn(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


def _encoded(image: Any) -> bytes:
    file = io.BytesIO()
    try:
        image.save(file, format="PNG")
    except OSError:  # PNG has no such colours (CMYK, say)
        file = io.BytesIO()
        image.convert("RGB").save(file, format="PNG")
    return file.getvalue()


def _refusal(image: Any) -> str:
    return (
        f"{written(image)} is no picture: send_image takes PNG, JPEG, GIF, WebP, AVIF or SVG as bytes or as the path "
        "of a file, SVG as text, an image of PIL, a figure of matplotlib. send_file takes any file."
    )

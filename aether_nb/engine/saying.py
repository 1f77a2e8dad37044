"""What `context.channel()` says: messages, made of what people have, and bars and streams, which take their time.

A call is known again by what it was given, not by what came of that: a picture is drawn, and a file is kept, only
when it is said for the first time, off the loop where that takes long.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aether_nb.engine.images import picture
from aether_nb.engine.progress import Progress
from aether_nb.engine.stream import Stream, Texts
from aether_nb.errors import BadInputs
from aether_nb.messages import Message
from aether_nb.values import written
from aether_nb.values.secrets import hidden
from aether_nb.values.tabular import tabulate

if TYPE_CHECKING:
    from aether_nb.engine.context import Body

T = TypeVar("T")


class Says:
    """Says things to the person; each is shown once, however often the body runs."""

    _body: Body

    async def send_text(self, text: str) -> None:
        """Show a line of text."""
        await _send(self._body, Message(kind="text", text=hidden(str(text))))

    async def send_markdown(self, text: str) -> None:
        """Show Markdown; HTML in it is not shown as HTML."""
        await _send(self._body, Message(kind="markdown", text=hidden(str(text))))

    async def send_image(self, image: Any, *, caption: str = "", name: str = "") -> None:
        """Show a picture.

        Args:
            image: PNG, JPEG, GIF, WebP, AVIF or SVG as bytes or as the path of a file; SVG as text; an image of
                PIL; a figure of matplotlib.
            caption: stands below it.
            name: what it is called, for who cannot see it; the file's own name when it has one.

        Raises:
            BadInputs: it is none of these.
            StoreError: its file cannot be read.
        """
        body = self._body

        async def message() -> Message:
            drawn = picture(image)  # here: the libraries that draw are not made for other threads
            called = str(name) or drawn.name
            kept = await asyncio.to_thread(
                body.services.artifacts.save, called or f"image.{drawn.kind}", drawn.data
            )
            return Message(
                kind="image", text=hidden(str(caption)), name=called and kept.name, sha256=kept.sha256, size=kept.size,
                media_type=drawn.media_type,
            )  # fmt: skip

        await body.send(
            "send_image", {"image": image, "caption": hidden(str(caption)), "name": str(name)}, message
        )

    async def send_file(
        self, file: bytes | str | os.PathLike[str], *, name: str = "", caption: str = ""
    ) -> None:
        """Show a file, to be downloaded when it is small; it is kept among the artifacts as it is now.

        Args:
            file: its path on the kernel's machine, or its bytes.
            name: what it is called; the file's own name when it has one.
            caption: stands beside it.

        Raises:
            BadInputs: it is neither.
            StoreError: it cannot be read.
        """
        body, data = self._body, _data(file)

        async def message() -> Message:
            called = str(name) or (data.name if isinstance(data, Path) else "file")
            kept = await asyncio.to_thread(body.services.artifacts.save, called, data)
            return Message(
                kind="file", text=hidden(str(caption)), name=kept.name, sha256=kept.sha256, size=kept.size,
                media_type=kept.media_type,
            )  # fmt: skip

        await body.send(
            "send_file", {"file": data, "caption": hidden(str(caption)), "name": str(name)}, message
        )

    async def send_table(self, rows: Any, columns: Sequence[str] = (), *, caption: str = "") -> None:
        """Show a table; its first 200 rows and 40 columns, and how many more there are.

        Args:
            rows: rows (each a list of cells, or a mapping by column), a mapping from column to its cells, or a
                pandas DataFrame or Series.
            columns: the heading; for mappings also which of their entries, and in which order.
            caption: stands above it.

        Raises:
            BadInputs: it is no table.
        """
        table = tabulate(rows, columns)
        message = Message(
            kind="table", text=hidden(str(caption)), columns=table.columns, rows=table.rows, right=table.right,
            more_rows=table.more_rows, more_columns=table.more_columns,
        )  # fmt: skip
        await _send(self._body, message)

    def progress(
        self,
        items: Iterable[T] | AsyncIterable[T] | None = None,
        *,
        total: float | None = None,
        label: str = "",
    ) -> Progress[T]:
        """Show how far something is; see `Progress` for the ways to use it. Works in a plain `def`, too.

        Args:
            items: what to go through, if the bar is to be moved on by that.
            total: how much there is; by itself the length of `items`. Without one it only counts.
            label: what is counted.

        Raises:
            BadInputs: there is nothing to go through, or the total is no number.
        """
        return Progress(self._body, items, total, label)

    def stream(self, source: Texts | None = None, *, markdown: bool = False) -> Stream:
        """Show a text while it comes; see `Stream` for the two ways to use it.

        Args:
            source: what the pieces come from, to be awaited: `text = await channel.stream(model(...))`. After a
                restart that gives the recorded text, and the source is not asked again.
            markdown: whether it is Markdown.

        Raises:
            BadInputs: no texts can come from that.
        """
        return Stream(self._body, source, markdown=markdown)


async def _send(body: Body, message: Message) -> None:
    await body.send(f"send_{message.kind}", message.said(), message)


def _data(file: Any) -> bytes | Path:
    if isinstance(file, (str, os.PathLike)):
        return Path(file)
    if not isinstance(file, (bytes, bytearray, memoryview)):
        raise BadInputs(
            f"send_file({written(file)}): give the path of a file on the kernel's machine, or its bytes."
        )
    return bytes(file)

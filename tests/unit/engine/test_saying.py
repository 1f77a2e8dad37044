"""What is said at once: pictures, files and tables, said once however often the body runs."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from lives import log, ran, stop, there

from aether_nb import graph_fn
from aether_nb.errors import BadInputs, NotStorable, StoreError
from aether_nb.events import MessageSent

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


class Figure:
    """As matplotlib's is; drawn a little differently each time."""

    def savefig(self, file, **how):
        ran.append(how)
        file.write(PNG + bytes([len(ran)]))


class Image:
    """As PIL's is."""

    def __init__(self, mode="RGB"):
        self.mode = mode

    def save(self, file, **how):
        assert how == {"format": "PNG"}
        if self.mode == "CMYK":
            raise OSError("cannot write mode CMYK as PNG")
        file.write(PNG)

    def convert(self, mode):
        return Image(mode)


def sent(store):
    return [e.message for e in log(store) if isinstance(e, MessageSent)]


def kept(store, message):
    return (Path(store.artifacts_dir) / message.sha256[:2] / message.sha256).read_bytes()


@pytest.mark.parametrize(
    ("image", "media_type", "name"),
    [
        (PNG, "image/png", ""),
        (memoryview(PNG), "image/png", ""),
        (SVG, "image/svg+xml", ""),
        (f'\ufeff<?xml version="1.0"?>\n<!-- a -->{SVG}', "image/svg+xml", ""),
        ("bee.jpg", "image/png", "bee.jpg"),  # what it is, its bytes say
        (Path("bee.jpg"), "image/png", "bee.jpg"),
        (Figure(), "image/png", ""),
        (Image(), "image/png", ""),
        (Image("CMYK"), "image/png", ""),
        (b"\xff\xd8\xff\xe0", "image/jpeg", ""),
        (b"GIF89a", "image/gif", ""),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", ""),
    ],
)
async def test_a_picture_becomes_an_artifact_that_the_message_names(
    live, store, tmp_path, monkeypatch, image, media_type, name
):
    monkeypatch.chdir(tmp_path)
    Path("bee.jpg").write_bytes(PNG)

    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().send_image(image, caption="A bee")

    await live().start(f)
    (message,) = sent(store)
    assert (message.kind, message.text, message.name, message.media_type) == (
        "image",
        "A bee",
        name,
        media_type,
    )
    assert message.size == len(kept(store, message)) > 0


async def test_a_picture_is_drawn_once_and_known_again_although_it_would_come_out_differently(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().send_image(Figure(), name="figure 1")
        await context.channel().send_image(Figure(), name="figure 2")
        await stop(context)

    first = live()
    first.start(f)
    await there(first)
    await first.end()
    second = live()
    run = second.resume()
    await there(second)
    run.answer("go")
    await run
    assert len(ran) == len(sent(store)) == 2
    assert [m.name for m in sent(store)] == ["figure 1", "figure 2"]
    assert second.channel.said == []


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (b"not a picture", BadInputs, "is no picture: send_image takes PNG"),
        ("<p>not a picture</p>", BadInputs, "is no picture"),
        (object(), BadInputs, "is no picture"),
        (5, BadInputs, "5 is no picture"),
        ("gone.png", StoreError, "The picture 'gone.png' cannot be read"),
        ("\0", StoreError, "cannot be read"),
    ],
)
async def test_what_is_no_picture_gets_one_sentence_and_is_not_said(live, store, image, error, said):
    @graph_fn(outputs=[])
    async def f(*, context):
        with pytest.raises(error, match=said):
            await context.channel().send_image(image)

    await live().start(f)
    assert sent(store) == []


async def test_a_file_is_kept_as_it_was_when_it_was_sent(live, store, tmp_path):
    report = tmp_path / "report.csv"
    report.write_text("a,b\n")

    @graph_fn(outputs=[])
    async def f(*, context):
        await context.channel().send_file(report, caption="All of it")
        report.write_text("changed")
        await context.channel().send_file(str(report), name="../other<name>.csv")
        await context.channel().send_file(b"\x00\x01", name="raw.bin")

    await live().start(f)
    one, other, raw = sent(store)
    assert (one.kind, one.name, one.text, one.size) == ("file", "report.csv", "All of it", 4)
    assert kept(store, one) == b"a,b\n"
    assert (other.name, kept(store, other)) == ("other_name_.csv", b"changed")
    assert (raw.name, raw.size) == ("raw.bin", 2)


@pytest.mark.parametrize(
    ("file", "error", "said"),
    [(5, BadInputs, r"send_file\(5\): give the path"), ("gone", StoreError, "The file gone cannot be read")],
)
async def test_what_is_no_file_gets_one_sentence(live, file, error, said):
    @graph_fn(outputs=[])
    async def f(*, context):
        with pytest.raises(error, match=said):
            await context.channel().send_file(file)

    await live().start(f)


async def test_a_table_is_stored_as_far_as_it_is_shown_and_says_what_is_not(live, store):
    @graph_fn(outputs=[])
    async def f(*, context):
        rows = [{"n": n, "name": f"row {n}"} for n in range(250)]
        await context.channel().send_table(rows, caption="Rows")
        with pytest.raises(NotStorable):
            await context.channel().send_table([["\ud800"]])

    await live().start(f)
    (table,) = sent(store)
    assert (table.text, table.columns, table.right, len(table.rows)) == ("Rows", ("n", "name"), (0,), 200)
    assert (table.more_rows, table.rows[-1]) == (50, (199, "row 199"))

"""From DOT to SVG, with and without Graphviz."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from aether_nb.display.render import data_url, have_dot, svg, svg_async
from aether_nb.errors import DisplayError


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", "")
    have_dot.cache_clear()
    yield
    have_dot.cache_clear()


def test_the_picture_is_one_svg_element_sized_in_pixels() -> None:
    picture = svg("digraph { a -> b }")
    assert picture is not None
    root = ET.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["width"].isdigit()
    assert picture.startswith("<svg ")
    assert "<!" not in picture


def test_a_picture_is_laid_out_once() -> None:
    dot = "digraph { once }"
    assert svg(dot) is svg(dot)


async def test_it_is_the_same_off_the_loop() -> None:
    assert await svg_async("digraph { a }") == svg("digraph { a }")


@pytest.mark.usefixtures("no_dot")
async def test_without_the_program_there_is_no_picture_and_no_error() -> None:
    assert not have_dot()
    assert svg("digraph { a -> c }") is None
    assert await svg_async("digraph { a -> c }") is None


def test_text_that_dot_refuses_is_an_error_that_says_what_dot_said() -> None:
    with pytest.raises(DisplayError, match="syntax error"):
        svg("digraph { -> }")


def test_a_data_url_holds_the_picture() -> None:
    head, _, body = data_url("<svg>✓</svg>").partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(body).decode() == "<svg>✓</svg>"

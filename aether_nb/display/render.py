"""From DOT to SVG, by Graphviz' `dot` where it is installed. Without it the page lays the graph out itself.

The only module that touches graphviz. `static.py` and the senders of live pictures call it.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
from functools import cache, lru_cache

from aether_nb.errors import DisplayError

_PROLOG = re.compile(r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<!--.*?-->\s*", re.DOTALL)
_POINTS = re.compile(r'<svg width="(\d+)pt" height="(\d+)pt"')


@cache
def have_dot() -> bool:
    """Whether the `dot` program is on the path. Looked up once; `have_dot.cache_clear()` looks again."""
    return shutil.which("dot") is not None


def svg(dot: str) -> str | None:
    """Lay a graph out. Blocks for some 20 ms for a small graph, 0.3 s for a thousand nodes.

    Returns:
        An `<svg>` element, one unit of the layout being one pixel; None when there is no `dot` here.

    Raises:
        DisplayError: `dot` refused the text, or could not be started.
    """
    return _svg(dot) if have_dot() else None


async def svg_async(dot: str) -> str | None:
    """The same in a thread, so that the loop goes on meanwhile."""
    return await asyncio.to_thread(svg, dot)


def data_url(svg: str) -> str:
    """The picture as a URL for an `<img>`, where nothing in it can run."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


@lru_cache(maxsize=16)
def _svg(dot: str) -> str:
    import graphviz  # noqa: PLC0415 - loaded when something is drawn

    try:
        raw = graphviz.pipe("dot", "svg", dot.encode(), quiet=True).decode()
    except (graphviz.CalledProcessError, graphviz.ExecutableNotFound, OSError) as e:
        said = (getattr(e, "stderr", None) or b"").decode(errors="replace").strip() or str(e)
        raise DisplayError(f"Graphviz could not draw this graph: {said}") from e
    return _POINTS.sub(r'<svg width="\1" height="\2"', _PROLOG.sub("", raw), count=1).strip()

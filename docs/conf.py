"""How Sphinx builds these pages; `make docs` calls it with warnings as errors. Nothing is downloaded or executed."""

import importlib.metadata
import inspect
import shutil
from pathlib import Path

from sphinx.application import Sphinx

from aether_nb import DualStageTool

DOCS = Path(__file__).parent
LESSONS = (
    DOCS / "lessons"
)  # a copy, as Sphinx reads nothing outside of its folder; with the outputs that are compared
shutil.rmtree(LESSONS, ignore_errors=True)
shutil.copytree(DOCS.parent / "tests" / "notebooks" / "expected", LESSONS)

project = "aether_nb"
author = "the aether_nb authors"
copyright = author  # noqa: A001 - Sphinx calls it so
release = importlib.metadata.version("aether_nb")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.graphviz"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"

default_role = "code"  # docstrings have Markdown's `names`, not roles
napoleon_numpy_docstring = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

graphviz_output_format = "svg"

html_theme = "furo"
html_title = "aether_nb"
html_static_path = ["images"]


PROSE = {"attribute", "data", "property"}
"""What is told in prose, of which napoleon would take the words before a colon for a type."""


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    as_written: dict[str, list[str]] = {}

    def keep(_app: Sphinx, what: str, name: str, thing: object, _options: object, lines: list[str]) -> None:
        if isinstance(thing, DualStageTool):  # an object, whose docstring is its class's
            lines[:] = (inspect.getdoc(type(thing)) or "").splitlines()
        if what in PROSE:
            as_written[name] = lines[:]

    def give_back(
        _app: Sphinx, what: str, name: str, _thing: object, _options: object, lines: list[str]
    ) -> None:
        if what in PROSE:
            lines[:] = as_written[name]

    app.connect("autodoc-process-docstring", keep, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", give_back, priority=600)

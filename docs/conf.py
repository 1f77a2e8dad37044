"""How Sphinx builds these pages; `make docs` calls it with warnings as errors. Nothing is downloaded or executed."""

import importlib.metadata
import inspect

from sphinx.application import Sphinx

from aether_nb import DualStageTool

project = "aether_nb"
author = "the aether_nb authors"
copyright = author  # noqa: A001 - Sphinx calls it so
release = importlib.metadata.version("aether_nb")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.graphviz"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the lessons come with the outputs that `make notebooks` compares
exclude_patterns = ["lessons/README.md", "lessons/*.yaml"]

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


def describe(_app: Sphinx, what: str, _name: str, thing: object, _options: object, lines: list[str]) -> None:
    """Tools such as `ask_text` are objects, whose docstring is their class's; attributes are told in prose."""
    if isinstance(thing, DualStageTool):
        lines[:] = (inspect.getdoc(type(thing)) or "").splitlines()
    if what in {"attribute", "data", "property"}:
        lines.insert(0, "")  # else napoleon takes what stands before a colon for a type


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", describe, priority=400)  # before napoleon reads it

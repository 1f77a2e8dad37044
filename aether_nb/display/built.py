"""The built front end: what `jupyter_extension/` becomes, read from the package. No notebook is needed for it."""

from __future__ import annotations

from importlib.resources import files

from aether_nb.errors import DisplayError

_BUILT = files("aether_nb") / "labextension"


def built(name: str) -> str:
    """A file of the built front end.

    Raises:
        DisplayError: it has not been built.
    """
    try:
        return (_BUILT / name).read_text(encoding="utf-8")
    except OSError as error:
        raise DisplayError(
            f"The front end is not built ({name} is missing): run `python jupyter_extension/hatch_build.py` in "
            "the checkout, or install the wheel."
        ) from error

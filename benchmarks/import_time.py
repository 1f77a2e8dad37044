"""How long `import aether_nb` takes in a fresh interpreter, and whether it loads anything of a notebook."""

from __future__ import annotations

from benchmarks.harness import case, import_seconds, loaded_by, say

NOTEBOOK = {"IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "jupyter_client", "jupyter_server",
            "nest_asyncio", "tornado", "traitlets", "zmq"}  # fmt: skip


def main() -> None:
    """Measure."""
    case("import")
    say("import", import_seconds("import aether_nb"))
    say("import_notebook", len(NOTEBOOK & loaded_by("import aether_nb")))


if __name__ == "__main__":
    main()

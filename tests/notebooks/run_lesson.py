"""Run a lesson from top to bottom and print it as text; ``make demo`` without a screen.

    run_lesson.py LESSON FOLDER

executes the notebook in its own folder, writes the executed copy into FOLDER, and prints every cell with what it
printed. Ends with an error when a cell does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def text_of(output: nbformat.NotebookNode) -> str:
    """Return an output as a terminal would show it; empty for what is only a picture."""
    match output.output_type:
        case "stream":
            return output.text.rstrip()
        case "error":
            return f"{output.ename}: {output.evalue}"
        case _:
            return output.data.get("text/plain", "")


def show(notebook: nbformat.NotebookNode) -> None:
    """Print prose as it is, code after ``>>>``, and below it the text of its outputs."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            print(">>> " + cell.source.strip().replace("\n", "\n... "))
            print(*filter(None, map(text_of, cell.outputs)), sep="\n", end="\n\n")
        else:
            print(cell.source.strip(), end="\n\n")


def main(lesson: Path, folder: Path) -> int:
    """Execute ``lesson``, show it, and say where the executed notebook lies."""
    notebook = nbformat.read(lesson, as_version=4)
    place = {"metadata": {"path": str(lesson.parent)}}
    client = NotebookClient(notebook, timeout=120, record_timing=False, resources=place)
    try:
        client.execute()
        failed = False
    except CellExecutionError:  # the cell's own output tells
        failed = True
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / lesson.name)
    show(notebook)
    print(f"The executed notebook: {folder / lesson.name}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

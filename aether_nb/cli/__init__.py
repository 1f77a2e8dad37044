"""The command line, `aether-nb`: look at runs, answer and watch them, drive them, tidy up, copy the lessons.

`app.py` lists the commands and says what became of them by exit code; each other module is about one thing that
people do. What they do is the library's: here it is put into words, or into JSON.
"""

from __future__ import annotations

from aether_nb.cli.app import main

__all__ = ["main"]

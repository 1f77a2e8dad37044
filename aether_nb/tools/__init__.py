"""The built-in dual-stage tools: each call is a node of its own, in static graphs and graph functions alike."""

from aether_nb.tools.ask import ask_approval, ask_text
from aether_nb.tools.callback import http_callback
from aether_nb.tools.choose import ask_choices
from aether_nb.tools.events import wait_for_event
from aether_nb.tools.fill_in import ask_form
from aether_nb.tools.hand_in import ask_files, ask_text_or_files
from aether_nb.tools.measure import ask_date, ask_number
from aether_nb.tools.subprocess import run_subprocess
from aether_nb.tools.time import sleep, sleep_until
from aether_nb.tools.together import wait_all, wait_any

__all__ = [
    "ask_approval",
    "ask_choices",
    "ask_date",
    "ask_files",
    "ask_form",
    "ask_number",
    "ask_text",
    "ask_text_or_files",
    "http_callback",
    "run_subprocess",
    "sleep",
    "sleep_until",
    "wait_all",
    "wait_any",
    "wait_for_event",
]

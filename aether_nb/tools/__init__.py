"""The built-in dual-stage tools: each call is a node of its own, in static graphs and graph functions alike."""

from aether_nb.tools.ask import ask_approval, ask_files, ask_text

__all__ = ["ask_approval", "ask_files", "ask_text"]

"""Agents as graphs in a notebook: they stop to ask a person, survive a restart, and go on.

Start with `notebooks/01_hello_agent.ipynb`. The names below are the public ones; `aether_nb.tools` has the
built-in dual-stage tools, `aether_nb.testing` what helps to test agents.
"""

from aether_nb.answering import Answer
from aether_nb.api import (
    answer,
    compare,
    configure,
    get,
    inbox,
    pause,
    paused,
    post_event,
    record,
    resume,
    resume_all,
    runs,
    store,
    unpause,
    waits,
)
from aether_nb.authoring.choice import when
from aether_nb.authoring.decorators import graph_fn, graphify, tool
from aether_nb.authoring.dualstage import DualStageTool, Wait
from aether_nb.calling import PENDING
from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.engine.context import NodeContext
from aether_nb.errors import AetherError
from aether_nb.ids import NodeId, RunId, Token
from aether_nb.prompts import FileRef, Option, Poll, Reply
from aether_nb.run import Run
from aether_nb.values import Outputs

__version__ = "0.1.0"

__all__ = [
    "PENDING",
    "AetherError",
    "Answer",
    "DualStageTool",
    "FileRef",
    "NodeContext",
    "NodeId",
    "Option",
    "Outputs",
    "Poll",
    "Reply",
    "Run",
    "RunId",
    "ScriptedChannel",
    "Token",
    "Wait",
    "answer",
    "compare",
    "configure",
    "get",
    "graph_fn",
    "graphify",
    "inbox",
    "pause",
    "paused",
    "post_event",
    "record",
    "resume",
    "resume_all",
    "runs",
    "store",
    "tool",
    "unpause",
    "waits",
    "when",
]


def load_ipython_extension(shell: object) -> None:
    """`%load_ext aether_nb`."""
    from aether_nb.jupyter.magics import load  # noqa: PLC0415 - only inside IPython

    load(shell)

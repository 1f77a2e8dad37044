from __future__ import annotations

from contextlib import contextmanager

import pytest

from aether_nb import calling
from aether_nb.calling import CALLER


class RecordingCaller:
    """Takes calls as a run would, and gives back what was asked for."""

    def __init__(self, kind):
        self.kind = kind
        self.context = f"context of a {kind}"
        self.calls = []

    def call(self, target, bound, *, key, label):
        self.calls.append((target, dict(bound), key))

        async def outputs():
            return {"called": target.name}

        return outputs()


class RecordingLauncher:
    """Takes starts as the runtime would; its runs are finished at once."""

    def __init__(self):
        self.started = []

    def start(self, graph, inputs, **options):
        self.started.append((graph, inputs, options))
        return FinishedRun(graph)

    def run_sync(self, graph, inputs, **options):
        self.started.append((graph, inputs, options))
        return {"ran": graph.name}

    def detached_context(self, name):
        return f"detached context of {name}"

    def picture(self, graph):
        return {"text/plain": f"picture of {graph.name}"}

    def drawn(self, graph, form):
        return f"{form} of {graph.name}"


class FinishedRun:
    def __init__(self, graph):
        self.graph = graph

    def __await__(self):
        yield from ()
        return {"ran": self.graph.name}


@pytest.fixture
def inside():
    """`with inside("fn") as caller`: code in it is called by a running body."""

    @contextmanager
    def enter(kind):
        caller = RecordingCaller(kind)
        token = CALLER.set(caller)
        try:
            yield caller
        finally:
            CALLER.reset(token)

    return enter


@pytest.fixture
def launcher(monkeypatch):
    made = RecordingLauncher()
    monkeypatch.setattr(calling, "_launcher", [made])
    return made

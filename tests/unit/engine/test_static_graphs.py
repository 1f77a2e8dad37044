"""Any static graph of tools, maps, choices and graphs in graphs comes to what a few lines of Python say it should.

Live in any order of completion, killed after any event, and with failures of every kind.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from functools import cache
from hashlib import blake2b
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lives import Life, cut, log

from aether_nb import graphify, tool, when
from aether_nb.display.view import RunView
from aether_nb.engine.records import DONE
from aether_nb.engine.specs import find_spec
from aether_nb.errors import NodeFailed
from aether_nb.store.memory import MemoryStore

ran: list[str] = []


def made(name: str, on_failure: str | None = None) -> Any:
    """A tool that adds up, after some turns of the loop; with `on_failure` it fails for odd sums."""

    @tool(name=name, outputs=["n"], on_failure=on_failure or "fail")
    async def step(xs, turns, *, context):
        ran.append(context.node_id)
        for _ in range(turns):
            await asyncio.sleep(0)
        n = total(xs)
        if on_failure is not None and n % 2:
            raise ValueError(n)
        return {"n": n}

    return step


def total(xs):
    return sum(x or 0 for x in (xs if isinstance(xs, list) else [xs])) + 1


STEPS = {
    "ok": made("ok"),
    "fails": made("fails", "fail"),
    "skips": made("skips", "skip"),
    "goes": made("goes", "continue"),
}

# A program is a list of steps; a step takes its values by number, counted back from the last: the inputs of the
# program, then what each step gave.
numbers = st.lists(st.integers(0, 3), min_size=1, max_size=2)
kinds = st.sampled_from(["ok", "ok", "ok", "fails", "skips", "goes"])
turns = st.integers(0, 3)
limits = st.sampled_from([None, 1, 2])
leaves = st.tuples(st.just("call"), kinds, numbers, turns) | st.tuples(
    st.just("map"), kinds, st.lists(st.integers(0, 3), max_size=3), turns, limits
)
programs = st.recursive(
    st.lists(leaves, min_size=1, max_size=3),
    lambda inner: st.lists(
        leaves
        | st.tuples(st.just("when"), st.integers(0, 3), inner, inner | st.none())
        | st.tuples(st.just("graph"), st.integers(0, 3), inner),
        min_size=1,
        max_size=4,
    ),
    max_leaves=8,
)


# -- as a graph ----------------------------------------------------------------------------------


def draw(program: list[Any], values: list[Any]) -> Any:
    """Draw a program in the builder around; the handle of what it gives."""
    values = list(values)
    for kind, *rest in program:
        if kind == "call":
            name, args, turns = rest
            values.append(STEPS[name]([back(values, i) for i in args], turns=turns).n)
        elif kind == "map":
            name, args, turns, limit = rest
            items = [back(values, i) for i in args]
            lists = STEPS[name].map(items, turns=turns, max_concurrency=limit)
            values.append(STEPS["ok"](lists.n, turns=0).n)
        elif kind == "when":
            condition, then, otherwise = rest
            values.append(
                when(
                    odd(back(values, condition)),
                    then=lambda then=then: {"n": draw(then, values)},
                    otherwise=None if otherwise is None else lambda o=otherwise: {"n": draw(o, values)},
                ).n
            )
        else:
            arg, inner = rest
            values.append(graph_of(inner)(back(values, arg)).n)
    return values[-1]


@tool(outputs=["is_odd"])
async def odd(x):
    return {"is_odd": bool((x or 0) % 2)}


def graph_of(program: list[Any]) -> Any:
    """The graph of a program; the same for the same, as a name means one graph."""
    return _graph_of(json.dumps(program))


@cache
def _graph_of(program: str) -> Any:
    @graphify(name="g" + blake2b(program.encode(), digest_size=8).hexdigest(), outputs=["n"])
    def graph(x):
        return {"n": draw(json.loads(program), [x])}

    return graph


def back(values: list[Any], i: int) -> Any:
    return values[-1 - i % len(values)]


# -- as Python -----------------------------------------------------------------------------------


class Nothing:
    """What a step gives that did not pass: whatever needs it is skipped."""


NOTHING = Nothing()


class Told:
    """What a program comes to: how its steps end, and whether it fails."""

    def __init__(self) -> None:
        self.ends: Counter[tuple[str, str]] = Counter()
        self.failed = False

    def run(self, program: list[Any], values: list[Any]) -> Any:
        values = list(values)
        for kind, *rest in program:
            values.append(getattr(self, kind)(values, *rest))
        return values[-1]

    def call(self, values, name, args, _turns):
        return self.step(name, [back(values, i) for i in args])

    def step(self, name, xs, *, part_of_map=False):
        if any(x is NOTHING for x in xs):
            return self.end(name, "skipped", NOTHING)
        n = total(xs)
        if name == "ok" or n % 2 == 0:
            return self.end(name, "succeeded", n)
        self.end(name, "failed", None)
        if name == "fails":
            self.failed = True
            return NOTHING
        return None if name == "goes" or part_of_map else NOTHING

    def map(self, values, name, args, _turns, _limit):
        items = [back(values, i) for i in args]
        if any(item is NOTHING for item in items):
            lists = self.end(name, "skipped", NOTHING)
        else:
            lists = [self.step(name, [item], part_of_map=True) for item in items]
            failed = any(n is NOTHING for n in lists)
            self.end(name, "failed" if failed else "succeeded", None)
            lists = NOTHING if failed else lists
        if lists is NOTHING:
            return self.end("ok", "skipped", NOTHING)
        return self.step("ok", lists)

    def when(self, values, condition, then, otherwise):
        x = back(values, condition)
        if x is NOTHING:
            self.end("odd", "skipped", None)
            self.skip(then)
            self.skip(otherwise or [])
            return self.end("when", "skipped", NOTHING)
        self.end("odd", "succeeded", None)
        taken, other = (then, otherwise) if (x or 0) % 2 else (otherwise, then)
        self.skip(other or [])
        n = None if taken is None else self.run(taken, values)
        return self.end("when", "skipped" if n is NOTHING else "succeeded", n)

    def graph(self, values, arg, inner):
        x = back(values, arg)
        if x is NOTHING:
            return self.end("graph", "skipped", NOTHING)
        told = Told()
        n = told.run(inner, [x])
        self.ends += told.ends
        if told.failed:
            self.failed = True
            return self.end("graph", "failed", NOTHING)
        return self.end("graph", "succeeded", None if n is NOTHING else n)

    def skip(self, program):
        """A branch that is not taken."""
        for kind, *rest in program:
            if kind == "when":
                self.end("odd", "skipped", None)
                self.skip(rest[1])
                self.skip(rest[2] or [])
            if kind == "map":
                self.end("ok", "skipped", None)
            self.end(rest[0] if kind in {"call", "map"} else kind, "skipped", None)

    def end(self, name, status, value):
        self.ends[name, status] += 1
        return value


# -- the one and the other -----------------------------------------------------------------------


async def lived(store: MemoryStore, graph: Any = None, x: int = 0) -> tuple[Any, Any, list[str]]:
    """One life that runs to the end: what came of it, how its nodes ended, and which bodies it ran."""
    ran.clear()
    life = Life(store)
    run = life.resume() if graph is None else life.start(graph, x=x)
    try:
        out = (await run).n
    except NodeFailed:
        out = NOTHING
    assert {node.status for node in run.nodes.values()} <= DONE
    view = RunView("r", None, lambda key: find_spec(store, key))
    for event in log(store):
        view.apply(event)
    shown = {node["id"]: node["status"] for node in view.peek()["nodes"]}
    nodes = dict(run.nodes)  # a graph that was skipped was never opened
    assert shown == {n: nodes[n].status if n in nodes else "skipped" for n in shown}
    assert {n for n in nodes if "[" not in nodes[n].label} <= shown.keys()
    ends = Counter(("graph" if n.kind == "graph" else n.name, n.status) for n in run.nodes.values())
    await life.end()
    return out, ends, list(ran)


async def holds(program: list[Any], x: int, cuts: list[int]) -> None:
    told = Told()
    n = told.run(program, [x])
    expected = (NOTHING if told.failed else None if n is NOTHING else n, told.ends)
    store = MemoryStore()
    *came, _ = await lived(store, graph_of(program), x)
    assert tuple(came) == expected
    length = len(log(store))
    for at in cuts:
        left = cut(store, 1 + at % (length - 1))
        done = {e.node for e in log(left) if e.type in {"NodeFinished", "NodeFailed"}}
        *came, bodies = await lived(left)
        assert tuple(came) == expected
        assert not done & set(bodies), "a node whose outcome was committed ran again"
        left.close()
    store.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(program=programs, x=st.integers(0, 1), cuts=st.lists(st.integers(0, 10_000), max_size=4))
def test_a_static_graph_comes_to_what_its_program_says_and_so_it_does_killed_anywhere(program, x, cuts):
    asyncio.run(holds(program, x, cuts))

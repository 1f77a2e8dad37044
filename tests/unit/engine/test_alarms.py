"""One timer for all alarms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.engine.alarms import Alarms
from aether_nb.ids import RunId
from aether_nb.testing import FakeClock

RUN = RunId("r")


class Counting(FakeClock):
    """A fake clock that knows how many alarms are set on it."""

    def __init__(self) -> None:
        super().__init__(0)
        self.set = 0

    def call_at(self, at_us: int, ring: Callable[[], None]) -> Callable[[], None]:
        self.set += 1
        off = super().call_at(at_us, ring)

        def call_off() -> None:
            self.set -= 1
            off()

        return call_off


def test_a_thousand_alarms_are_one_timer() -> None:
    clock = Counting()
    alarms = Alarms(clock)
    for n in range(1000, 0, -1):
        alarms.at(n, lambda: None, owner=RunId(f"r{n}"))
    assert (len(alarms), clock.set) == (1000, 1)
    alarms.close()
    assert (len(alarms), clock.set) == (0, 0)


def test_alarms_ring_in_the_order_of_their_times_each_at_its_own() -> None:
    clock = FakeClock(0)
    alarms = Alarms(clock)
    rang: list[tuple[int, int]] = []
    for at in (30, 10, 20, 10):
        alarms.at(at, lambda at=at: rang.append((at, clock.now_us())), owner=RUN)  # type: ignore[misc]
    clock.advance(15e-6)
    assert rang == [(10, 10), (10, 10)]
    clock.advance(1)
    assert rang == [(10, 10), (10, 10), (20, 20), (30, 30)]


def test_an_alarm_that_was_called_off_does_not_ring() -> None:
    clock = FakeClock(0)
    alarms = Alarms(clock)
    rang: list[str] = []
    off = alarms.at(10, lambda: rang.append("off"), owner=RUN)
    alarms.at(10, lambda: rang.append("on"), owner=RUN)
    off()
    off()
    clock.advance(1)
    off()
    assert (rang, len(alarms)) == (["on"], 0)


def test_a_run_that_is_let_go_takes_its_alarms_along_and_says_when_the_first_is_due() -> None:
    clock = FakeClock(0)
    alarms = Alarms(clock)
    rang: list[str] = []
    alarms.at(20, lambda: rang.append("a20"), owner=RunId("a"))
    alarms.at(10, lambda: rang.append("a10"), owner=RunId("a"))
    alarms.at(15, lambda: rang.append("b"), owner=RunId("b"))
    assert alarms.take_from(RunId("a")) == 10
    assert alarms.take_from(RunId("a")) is None
    clock.advance(1)
    assert rang == ["b"]


async def test_an_alarm_that_fails_harms_no_other() -> None:
    clock = FakeClock(0)
    alarms = Alarms(clock)
    rang: list[str] = []
    alarms.at(10, lambda: rang.remove("nothing"), owner=RUN)
    alarms.at(10, lambda: rang.append("next"), owner=RUN)
    with pytest.raises(ValueError, match="remove"):
        clock.advance(1)
    await asyncio.sleep(0)
    assert rang == ["next"]


async def test_an_alarm_whose_time_is_past_rings_after_the_call_that_sets_it() -> None:
    clock = FakeClock(100)
    alarms = Alarms(clock)
    rang: list[str] = []
    alarms.at(5, lambda: rang.append("past"), owner=RUN)
    assert not rang
    await asyncio.sleep(0)
    assert rang == ["past"]


def test_alarms_that_are_called_off_long_before_their_time_are_not_kept() -> None:
    alarms = Alarms(FakeClock(0))
    for _ in range(10_000):
        alarms.at(10**9, lambda: None, owner=RUN)()
    assert len(alarms._heap) < 200


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans(), st.integers(1, 20)), max_size=60))
def test_whatever_is_set_and_called_off_rings_once_and_never_early(
    plan: list[tuple[int, bool, int]],
) -> None:
    clock = FakeClock(0)
    alarms = Alarms(clock)
    rang: list[tuple[int, int]] = []
    wanted = []
    for number, (ahead, keep, step) in enumerate(plan):
        at = clock.now_us() + ahead + 1
        off = alarms.at(at, lambda n=number: rang.append((n, clock.now_us())), owner=RUN)  # type: ignore[misc]
        if keep:
            wanted.append((number, at))
        else:
            off()
        clock.advance(step / 1e6)
    clock.advance(1)
    assert sorted(rang) == sorted(wanted)

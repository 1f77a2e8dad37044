from __future__ import annotations

from aether_nb.testing import FakeClock


def test_what_is_due_rings_on_the_way_each_at_its_own_time():
    clock, rang = FakeClock(0), []
    for at in (30, 10, 20):
        clock.call_at(at * 1_000_000, lambda: rang.append(clock.now_us() // 1_000_000))
    clock.call_at(15_000_000, lambda: rang.append("off"))()
    clock.advance(25)
    assert (rang, clock.now_us()) == ([10, 20], 25_000_000)
    clock.advance(minutes=1)
    assert (rang, clock.now_us()) == ([10, 20, 30], 85_000_000)


def test_what_comes_in_a_rhythm_does_not_count_a_year_through():
    clock, looks, rang = FakeClock(0), [], []

    def look():
        looks.append(clock.now_us())
        clock.call_at(clock.now_us() + 200_000, look)

    look()
    clock.call_at(100 * 86_400_000_000, lambda: rang.append(clock.now_us()))
    clock.advance(days=365)
    assert rang == [100 * 86_400_000_000]
    assert len(looks) < 200
    assert looks[-1] == clock.now_us()
    clock.advance(1)
    assert looks[-1] == clock.now_us()

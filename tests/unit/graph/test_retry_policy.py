from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.graph.model import RetryPolicy


def test_pauses_double_up_to_the_most():
    policy = RetryPolicy(backoff=1, max_backoff=5, jitter=0)
    assert [policy.pause(n, 0.5) for n in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]


@given(chance=st.floats(0, 1), attempt=st.integers(1, 10_000))
def test_chance_moves_a_pause_by_no_more_than_the_jitter(chance, attempt):
    policy = RetryPolicy(backoff=2, max_backoff=60, jitter=0.25)
    middle = min(2 * 2 ** (attempt - 1), 60)
    assert middle * 0.75 <= policy.pause(attempt, chance) <= middle * 1.25


def test_a_policy_refuses_negative_numbers():
    with pytest.raises(ValueError):
        RetryPolicy(retries=-1)

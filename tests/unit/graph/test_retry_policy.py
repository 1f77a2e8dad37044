from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.graph.retry_policy import RetryPolicy


def test_pauses_double_up_to_the_most():
    policy = RetryPolicy(backoff=1.0, max_backoff=5.0, jitter=False)
    assert [policy.pause(n, 0.5) for n in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]


@given(chance=st.floats(0, 1), failures=st.integers(1, 10_000))
def test_with_jitter_a_pause_is_any_part_of_its_length(chance, failures):
    policy = RetryPolicy(backoff=2, max_backoff=60)
    assert policy.pause(failures, chance) == chance * min(2 * 2 ** (failures - 1), 60)


@pytest.mark.parametrize(
    "wrong",
    [
        {"retries": -1}, {"retries": 1.5}, {"retries": "3"}, {"retries": True}, {"backoff": -1},
        {"max_backoff": float("inf")}, {"timeout": 0}, {"timeout": float("nan")}, {"jitter": 0.1},
        {"retry_on": (BaseException,)}, {"retry_on": (3,)},
    ],
)  # fmt: skip
def test_a_policy_takes_only_what_means_something(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetryPolicy(**wrong)

"""Points at which a process is killed, as text."""

from __future__ import annotations

import pytest

from aether_nb.errors import CrashKitError
from aether_nb.testing import crash_at
from aether_nb.testing.points import Point


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("after:commit:NodeFinished:train", Point("after", "commit", "NodeFinished", "train")),
        ("before:commit:WaitOpened", Point("before", "commit", "WaitOpened")),
        ("before:commit", Point("before", "commit")),
        ("after:commit::train", Point("after", "commit", "", "train")),
        ("after:commit:MessageSent#3", Point("after", "commit", "MessageSent", times=3)),
        ("after:commit:NodeStarted:a/b-aaaaaaaaaa#2", Point("after", "commit", "NodeStarted", "a/b-aaaaaaaaaa", 2)),
        ("after:commit:NodeStarted:which: a or b?", Point("after", "commit", "NodeStarted", "which: a or b?")),
        ("after:commit:NodeStarted:item #x", Point("after", "commit", "NodeStarted", "item #x")),
        ("after:answer", Point("after", "answer")),
        ("before:expire:ask_text", Point("before", "expire", node="ask_text")),
        ("after:claim#2", Point("after", "claim", times=2)),
    ],
)  # fmt: skip
def test_a_point_is_read_from_text_and_written_as_it_was(text, point):
    assert Point.parse(text) == point
    assert str(point) == text


@pytest.mark.parametrize(
    "text", ["", "commit", "during:commit", "after:comit:NodeFinished", "after", "after:commit:#0"]
)
def test_what_is_no_point_is_refused_with_an_example(text):
    with pytest.raises(CrashKitError, match=r"after:commit:NodeFinished:train|there is no event"):
        crash_at(text)


def test_an_event_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(CrashKitError, match=r"no event 'NodeFinish'; there is: .*NodeFinished"):
        crash_at("after:commit:NodeFinish:train")

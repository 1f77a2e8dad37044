"""The pytest plug-in: fixtures `aether`, `scripted`, `fake_clock`. There as soon as aether_nb is installed.

Installed as a module of its own, `pytest_aether_nb`, beside the package: pytest imports it in every project, also in
those that have nothing to do with us, and `import aether_nb` would cost each of them a quarter of a second. So
nothing of ours is imported here before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aether_nb.channels.scripted import ScriptedChannel
    from aether_nb.testing.clock import FakeClock
    from aether_nb.testing.stage import Stage


@pytest.fixture
def aether(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A store in the test's `tmp_path`, so that runs of one test are not seen by another; afterwards all is as before.

    A question waits until the test answers it, `run.answer("Ada")`, or a script does, `scripted({...})`.
    `aether.configure(services={"llm": FakeModel()})` sets it up otherwise; `aether.restart()` is the next life of the
    kernel, in which `ae.resume("run-id")` goes on with a run.
    """
    from aether_nb.testing.stage import Stage  # noqa: PLC0415 - see above

    for name in ("AETHER_NB_ANSWERS", "AETHER_NB_STORE", "AETHER_NB_CALLBACK_URL"):
        monkeypatch.delenv(name, raising=False)
    with Stage(tmp_path) as stage:
        yield stage


@pytest.fixture
def scripted(aether: Stage) -> Callable[[Any], ScriptedChannel]:
    """`scripted({"Name?": "Ada"})` answers the questions of this test, as `ScriptedChannel` does; or `"answers.yaml"`.

    Returns the channel, whose `asked` and `said` have the texts.
    """
    return aether.answer


@pytest.fixture
def fake_clock(aether: Stage) -> FakeClock:
    """A clock that stands until the test moves it: `fake_clock.advance(days=3)`.

    Deadlines, sleeps, pauses before another attempt, and polls come when it gets there. For `async` tests.
    """
    from aether_nb.testing.clock import FakeClock  # noqa: PLC0415

    clock = FakeClock()
    aether.configure(clock=clock)
    return clock

"""What the pytest fixtures stand on: a runtime on a temporary store, and the one before it back in its place.

Used by `pytest_aether_nb.py`; who tests with something else than pytest may use it, too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from aether_nb import api
from aether_nb.channels.scripted import ScriptedChannel
from aether_nb.channels.widget import WidgetChannel
from aether_nb.runtime import Runtime
from aether_nb.values import secrets


class Stage(AbstractContextManager["Stage"]):
    """A runtime on a store of its own, for as long as it is entered; afterwards the one before is back.

    Nobody is asked, not even in a notebook or by AETHER_NB_ANSWERS: a question waits for `run.answer(...)`, until
    `answer` gives a script.

    Args:
        folder: where the store goes; None is one that goes with the stage.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._own = Path(tempfile.mkdtemp(prefix="aether-stage-")) if folder is None else None
        store = (folder or self._own or Path()) / "runs.db"
        self._options: dict[str, Any] = {"store": store, "channel": WidgetChannel()}
        self._before: list[Runtime] = []
        self._secrets: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._secrets = dict(secrets._held)  # a runtime that closes forgets those of all
        self._before = api._current[:]  # not closed: its runs go on afterwards
        api._current.clear()
        api._made.append(self._runtime)
        return self

    def __exit__(self, *_: object) -> None:
        api.close()
        api._made.remove(self._runtime)
        api._current[:] = self._before
        secrets._held.update(self._secrets)
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _runtime(self, **options: Any) -> Runtime:
        return Runtime(**{**self._options, **options})

    def configure(self, **options: Any) -> Runtime:
        """Set the runtime up with these options, and those that were given before.

        Args:
            options: as for `ae.configure`, such as `services={"llm": FakeModel()}`, and `clock`.
        """
        self._options.update(options)
        return self.restart()

    def restart(self, **options: Any) -> Runtime:
        """Begin the next life of the kernel: runs are asleep until they are started again or resumed.

        Args:
            options: as for `configure`, for this life alone.
        """
        api.use(self._runtime(**options))
        return api.current()

    def answer(self, answers: Mapping[str, Any] | Iterable[Any] | Path | str) -> ScriptedChannel:
        """Have questions answered by a script, in a new life of the kernel.

        Args:
            answers: as for `ScriptedChannel`; a text or path is a YAML file.

        Returns:
            The channel: `asked` and `said` have the texts.
        """
        make = ScriptedChannel.from_file if isinstance(answers, (str, Path)) else ScriptedChannel
        channel: ScriptedChannel = make(answers)  # type: ignore[arg-type] # each takes its own
        self.configure(channel=channel)
        return channel

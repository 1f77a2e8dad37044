"""The crash kit: a script that drives a run is killed at a commit and run again until it ends.

    # trip.py: any script that starts runs by a run_id and waits for them
    ledger = Ledger()

    @ae.tool(outputs=["ticket"], effects=True)
    async def train(to: str, *, context):
        ledger.note("train", context.idempotency_key)
        return {"ticket": to}

    ...
    if __name__ == "__main__":
        trip.run_sync(run_id="trip", to="Oslo")

    # test_trip.py
    def test_the_trip_survives_a_kill_at_any_commit():
        with CrashKit("trip.py", answers={"First class?": "No"}) as kit:
            kit.crash_everywhere()

    def test_the_ticket_is_bought_once():
        with CrashKit("trip.py", answers={"First class?": "No"}) as kit:
            report = kit.crash_at("after:commit:NodeFinished:train")
        assert [note.what for note in report.end.ledger] == ["train"]

Every life is a real process and every death a real `SIGKILL`. How points are written is told in
`points.py`, what must hold afterwards in `invariants.py`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from aether_nb.errors import CrashKitError
from aether_nb.events import AnyEvent, ReplyTaken, WaitExpired
from aether_nb.testing.invariants import check_invariants
from aether_nb.testing.ledger import LEDGER, LIFE
from aether_nb.testing.points import KILLED, Point
from aether_nb.testing.process import Lives
from aether_nb.testing.report import Report, Snapshot


class CrashKit:
    """Kills one script in every way that matters, each time on a fresh store.

    The script uses the default store and channel, that is, it calls no `ae.configure(store=...)` or
    `ae.configure(channel=...)`; it starts its runs by a `run_id=`, so that its next life finds them again;
    and it exits with 0 when they have ended.

    Args:
        script: the Python file; run as `python script.py`, in the present working directory.
        arguments: its command line.
        answers: as for `ScriptedChannel`, in JSON: by prompt, or a list in order.
        folder: where stores and ledgers go, a folder for each crash; None is one that `close` removes.
        timeout_s: a life that takes longer is ended, with a `CrashKitError` that says where it stood.
    """

    def __init__(
        self, script: str | os.PathLike[str], *arguments: str, answers: Mapping[str, Any] | Sequence[Any] = (),
        folder: str | os.PathLike[str] | None = None, timeout_s: float = 60,
    ) -> None:  # fmt: skip
        self._script = Path(script).absolute()
        if not self._script.is_file():
            raise CrashKitError(
                f"There is no script {str(script)!r} in {Path.cwd()}; give the path of a file."
            )
        self._answers = answers
        self._own = None
        if folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="aether-crash-")
            folder = self._own.name
        self._folder = Path(folder).absolute()
        self._stories = 0
        self._timeout_s = timeout_s
        self._lives = Lives(self._script, arguments, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that forks the lives, and remove a folder that is the kit's own. Idempotent."""
        self._lives.close()
        if self._own is not None:
            self._own.cleanup()

    @cached_property
    def calm(self) -> Report:
        """The script that nobody disturbed; what the others are compared with.

        Raises:
            CrashKitError: it fails by itself, takes too long, or makes no run in the store that it should use.
        """
        report = self._story(())
        if report.code != 0:
            raise CrashKitError(
                f"{self._script.name} fails without being killed (exit code {report.code}):\n{report.said}"
            )
        if not report.end.logs:
            raise CrashKitError(
                f"{self._script.name} made no run in the default store. It must not choose a store of its own, "
                "and it must wait for its runs to end."
            )
        return report

    @cached_property
    def boundaries(self) -> tuple[str, ...]:
        """Every point of the script that nobody disturbed: before and after each event, reply and expiry."""
        seen: Counter[Point] = Counter()
        points = []
        for log in self.calm.end.logs.values():
            for point in (p for event in log for p in _points(event)):
                seen[point] += 1
                which = Point(point.when, point.step, point.event, point.node, seen[point])
                points.append(str(which))
        return tuple(points)

    def crash_at(self, *points: str) -> Report:
        """Kill the script at a point, then run it until it ends.

        Args:
            points: one for each life that is killed, such as `"after:commit:NodeFinished:train"`; the life
                after the last one is left in peace.

        Returns:
            What became of it; `check_invariants(report, kit.calm)` judges that.

        Raises:
            CrashKitError: a life ended without coming to its point, or took too long; or it is no point.
        """
        return self._story(tuple(str(Point.parse(point)) for point in points))

    def crash_everywhere(self) -> list[Report]:
        """Kill the script at each of its `boundaries` in turn, and check what must hold after each.

        Raises:
            InvariantBroken: something did not; it names the point.
            CrashKitError: a life took too long; it names the point too.
        """
        reports = []
        for point in self.boundaries:
            report = self.crash_at(point)
            check_invariants(report, self.calm)
            reports.append(report)
        return reports

    def _story(self, points: tuple[str, ...]) -> Report:
        self._stories += 1
        folder = self._folder / f"{self._stories}"
        folder.mkdir(parents=True)
        store, ledger, said = folder / "runs.db", folder / "ledger.jsonl", folder / "said.txt"
        env = {"AETHER_NB_STORE": str(store), LEDGER: str(ledger)}
        deaths: list[Snapshot] = []
        for life, point in enumerate((*points, ""), 1):
            if self._answers:
                answers = folder / "answers.json"  # JSON is YAML
                answers.write_text(json.dumps(_left(self._answers, deaths[-1:])), "utf-8")
                env["AETHER_NB_ANSWERS"] = str(answers)
            code = self._lives.live({**env, LIFE: str(life)}, said, point)
            if self._lives.stood:
                raise self._too_slow(points[: life - 1], point, Snapshot.of(store, ledger), said)
            if point and code != KILLED:
                raise CrashKitError(
                    f"{self._script.name} ended (exit code {code}) without coming to {point!r}. What it comes "
                    f"to is in kit.boundaries. It said:\n{said.read_text('utf-8', 'replace')}"
                )
            seen = Snapshot.of(store, ledger)
            if point:
                deaths.append(seen)
        return Report(points, tuple(deaths), seen, code, said.read_text("utf-8", "replace"), store)

    def _too_slow(self, killed: Sequence[str], point: str, seen: Snapshot, said: Path) -> CrashKitError:
        """What a life was at when its time was up."""
        before = f", after it was killed {', then '.join(map(repr, killed))}," if killed else ""
        aim = f" and did not come to {point!r}" if point else ""
        return CrashKitError(
            f"Life {len(killed) + 1} of {self._script.name}{before} took longer than {self._timeout_s:g} s{aim}, and "
            f"was ended. On disk: {seen.summary}. If it only needs more time, give CrashKit(..., timeout_s=...); else "
            f"see where it stood:\n{self._lives.stood}It said:\n{said.read_text('utf-8', 'replace') or '(nothing)'}"
        )


def _points(event: AnyEvent) -> Iterator[Point]:
    """What a process does about an event that a kill may come before or after."""
    node = getattr(event, "node", "")
    if isinstance(event, ReplyTaken) and event.reply.door != "mailbox":  # which the wait is opened with
        yield from (Point("before", "answer", node=node), Point("after", "answer", node=node))
    if isinstance(event, WaitExpired):
        yield from (Point("before", "expire", node=node), Point("after", "expire", node=node))
    yield Point("before", "commit", event.type, node)
    yield Point("after", "commit", event.type, node)


def _left(answers: Mapping[str, Any] | Sequence[Any], last: Sequence[Snapshot]) -> Any:
    """The answers that the next life still needs: those in turn go on where the last life stopped."""
    given = [wait.prompt.prompt for seen in last for wait in seen.waits if wait.reply is not None]
    if not isinstance(answers, Mapping):
        return list(answers)[len(given) :]
    return {k: v[given.count(k) :] if isinstance(v, list) else v for k, v in answers.items()}

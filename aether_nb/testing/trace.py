"""Assertions on what happened in a run, read from its log.

    trace(run).asked("Proceed?").answered("Yes").by("ana").before("deploy")
    trace(run).ran_once("train").never_ran("rollback").said("Deployed.")

Each assertion gives the trace back, so that they make a chain, or raises an AssertionError that says in one sentence
what was expected and, below, what did happen. Nothing is looked at but the committed log: a run of an earlier life, of
another process, or a fork is traced like one that has just ended.

A node is called as the picture calls it: by its label, or by the name of its tool or graph, or by its id. The items of
a map have the name of what is mapped; a question is also called by its text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Never, Self

from aether_nb import api
from aether_nb.errors import BadInputs, ReplyInvalid
from aether_nb.prompts import TakesFiles, check_reply, headline, is_secret
from aether_nb.run import Run
from aether_nb.testing.story import Question, Span, Story
from aether_nb.values import show

__tracebackhide__ = True  # a failed assertion points at the line of the test

_ANY: Any = object()
_NAMED = 10  # in a sentence


def trace(run: Run | str) -> Trace:
    """What happened in a run, to be asserted on; printed, it is the history of the run.

    Args:
        run: the run, or its id in the current store. It need not be over: what is committed counts.

    Raises:
        BadInputs: it is neither.
        UnknownRun: there is no such run.
    """
    if isinstance(run, str):
        run = api.get(run)
    if not isinstance(run, Run):
        raise BadInputs(f"trace({show(run)}): give a run, as start() returns it, or the id of one.")
    return Trace(Story(run))


class Trace:
    """What happened in one run. Made by `trace`."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __repr__(self) -> str:
        return self._story.history()

    # -- questions -------------------------------------------------------------------------------

    def asked(self, question: str) -> Asked:
        """The question was asked; what follows in the chain may say more about it.

        Args:
            question: its text, the first line of that, or the label of its node.
        """
        found = self._story.asked(question)
        if not found:
            texts = _listed({headline(one.opened.prompt.prompt) for one in self._story.questions})
            self._fail(f"{question!r} was never asked; asked was: {texts}.")
        return Asked(self._story, question, tuple(found))

    def never_asked(self, question: str) -> Self:
        """The question was not asked, as far as the run has come."""
        found = self._story.asked(question)
        return self._expect(not found, f"{question!r} was asked {_times(len(found))}, and should never be.")

    # -- nodes -----------------------------------------------------------------------------------

    def ran(self, node: str, *, times: int | None = None) -> Self:
        """A node of this name ran and succeeded.

        Args:
            node: its name.
            times: how many nodes of this name did: calls of a tool, items of a map. An attempt that was tried again
                is no time of its own. None is once or more.
        """
        spans = self._story.spans(node)
        n = sum(span.succeeded for span in spans)
        if times is None:
            return self._expect(n > 0, f"{node!r} did not run{self._instead(node, spans)}.")
        more = self._instead(node, spans) if n < len(spans) or not spans else ""
        return self._expect(
            n == times, f"{node!r} ran {_times(n)}, and should have run {_times(times)}{more}."
        )

    def ran_once(self, node: str) -> Self:
        """Exactly one node of this name succeeded, and the log knows of one beginning of it only.

        Attempts after a failure (`retries=`, `run.retry`) do not count: they were wished for. But a node in which the
        kernel died is begun again (at least once, that is the promise), and may have done its effect twice: then
        this fails and says so. A node whose success was committed never begins again. What a kernel did in its last
        milliseconds, before it could write that it had begun, no log knows: let an effect write to a
        `Ledger`, or carry `context.idempotency_key`, where that matters.
        """
        self.ran(node, times=1)
        again = sum(span.again for span in self._story.spans(node))
        return self._expect(
            again == 0,
            f"{node!r} began {_times(again + 1)}: the kernel died in it, and the next one ran it again.",
        )

    def never_ran(self, node: str) -> Self:
        """No node of this name has so much as begun."""
        n = len(self._story.spans(node))
        return self._expect(n == 0, f"{node!r} began {_times(n)}, and should never have.")

    def failed(self, node: str) -> Self:
        """A node of this name failed for good, after all of its attempts; the run may have gone on without it."""
        spans = self._story.spans(node)
        return self._expect(
            any(s.state.status == "failed" for s in spans),
            f"{node!r} did not fail{self._instead(node, spans)}.",
        )

    def skipped(self, node: str) -> Self:
        """A node of a static graph was passed over: its branch was not taken, or what it needs failed."""
        nodes = self._story.named(node)
        return self._expect(
            any(n.status == "skipped" for n in nodes),
            f"{node!r} was not skipped{self._instead(node, self._story.spans(node))}.",
        )

    def path(self, *nodes: str) -> Self:
        """These ran one after the other: each began when the one before it was done. Others may lie between.

        Args:
            nodes: names of nodes; a name may come again, as in a loop. A node that failed is done, too.
        """
        at, before = 0, ""
        for name in nodes:
            done = [s for s in self._story.spans(name) if s.begun > at and s.ended is not None]
            if not done:
                after = f" after {before!r} was done" if before else ""
                other = "" if self._story.named(name) else self._instead(name, [])
                self._fail(f"The run did not go {' -> '.join(nodes)}: {name!r} did not run{after}{other}.")
            at, before = min(s.ended or 0 for s in done), name
        return self

    # -- the rest --------------------------------------------------------------------------------

    def said(self, text: str) -> Self:
        """A message was sent in which this text stands."""
        return self._expect(
            any(text in message for message in self._story.messages), f"{text!r} was never said."
        )

    def resumed_after_crash(self) -> Self:
        """A kernel went on with the run that another one had left unfinished.

        That one was killed, or ended in good order while the run waited: the log is the same.
        """
        return self._expect(
            self._story.resumed, "The run was never taken up again: one kernel drove all of it."
        )

    # -- saying it -------------------------------------------------------------------------------

    def _expect(self, holds: bool, sentence: str) -> Self:
        if not holds:
            self._fail(sentence)
        return self

    def _fail(self, sentence: str) -> Never:
        raise AssertionError(f"{sentence}\n\n{self._story.history()}")

    def _instead(self, name: str, spans: Sequence[Span]) -> str:
        """What did become of the nodes of a name, when it is not what was expected."""
        states = self._story.named(name)
        if not states:
            return f"; there is no such node, there is: {_listed(n.label for n in self._story.nodes)}"
        if not spans or all(span.succeeded for span in spans):
            return f"; it is {_listed({n.status for n in states})}" if len(states) == 1 else ""
        return f"; of that name are {_listed({f'{n.label} ({n.status})' for n in states})}"


class Asked(Trace):
    """A question that was asked. Everything that a trace can say may follow, too.

    `answered` and `by` narrow it: what follows is about those times only.
    """

    def __init__(self, story: Story, question: str, times: tuple[Question, ...], how: str = "asked") -> None:
        super().__init__(story)
        self._question = question
        self._times = times
        self._how = how

    def answered(self, value: Any = _ANY) -> Asked:
        """It was answered with this value, given as one answers it; without a value, answered at all.

        A default that was used since nobody answered in time is no answer. Of files the names are compared.
        """
        if value is not _ANY and any(is_secret(one.opened.prompt) for one in self._times):
            self._fail(
                f"What was answered to {self._question!r} is a secret, which no log has; say answered()."
            )
        how = "answered" if value is _ANY else f"answered {value!r}"
        return self._narrow(lambda one: _answers(one, value), how)

    def by(self, who: str) -> Asked:
        """This person answered it."""
        return self._narrow(lambda one: one.reply is not None and one.reply.by == who, f"answered by {who!r}")

    def once(self) -> Asked:
        """That was so exactly once."""
        n = len(self._times)
        self._expect(n == 1, f"{self._question!r} was {self._how} {_times(n)}, and should be once.")
        return self

    def before(self, node: str) -> Asked:
        """It was over, answered or not, each time before the first node of this name began."""
        begun = min((span.begun for span in self._other(node)), default=0)
        late = [one for one in self._times if one.closed is None or one.closed > begun]
        still = "still open" if any(one.opened.seq < begun for one in late) else "not asked yet"
        self._expect(not late, f"{node!r} began when {self._question!r} was {still}.")
        return self

    def after(self, node: str) -> Asked:
        """It was asked, each time, when every node of this name was done."""
        spans = self._other(node)
        first = min(one.opened.seq for one in self._times)
        self._expect(
            all(span.ended is not None and span.ended < first for span in spans),
            f"{self._question!r} was asked before {node!r} was done.",
        )
        return self

    def _other(self, node: str) -> list[Span]:
        spans = self._story.spans(node)
        if not spans:
            self._fail(f"{node!r} did not run{self._instead(node, spans)}.")
        return spans

    def _narrow(self, fits: Callable[[Question], bool], how: str) -> Asked:
        times = tuple(filter(fits, self._times))
        if not times:
            came = ", and ".join(dict.fromkeys(one.outcome for one in self._times))
            self._fail(f"{self._question!r} was not {how}; it was {came}.")
        return Asked(self._story, self._question, times, how)


def _answers(one: Question, value: Any) -> bool:
    """Whether it was answered so."""
    if one.reply is None:
        return False
    if value is _ANY:
        return True
    prompt, kept = one.opened.prompt, one.reply.value
    try:
        wanted = check_reply(prompt, value)
    except ReplyInvalid:
        return False  # nobody can have answered so
    if isinstance(prompt, TakesFiles):
        kept, wanted = (
            {**given, "files": [_name(file) for file in given["files"]]} for given in (kept, wanted)
        )
    return bool(kept == wanted)


def _name(file: Any) -> str:
    return str(file.get("name") or Path(file["path"]).name)


def _times(n: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(n, f"{n} times")


def _listed(names: Iterable[str]) -> str:
    """Names for a sentence, each once, not too many of them."""
    shown = [repr(name) for name in dict.fromkeys(names)]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + more or "nothing"

from __future__ import annotations

import pytest

from aether_nb.authoring.dualstage import PENDING, DualStageTool, Poll, Wait
from aether_nb.authoring.graphs import NotStarted
from aether_nb.calling import MISSING
from aether_nb.errors import BadInputs, GraphError, GraphProblems


class AskName(DualStageTool):
    """Ask for a name."""

    outputs = ["text"]  # noqa: RUF012 - as users write it
    asks = True
    pure_setup = True

    async def setup(self, prompt: str, *, timeout=None, default=MISSING):
        return Wait(kind="text", prompt=prompt, timeout=timeout, default=default)

    async def on_resume(self, reply, wait):
        return {"text": reply.value}


class SubmitHTTPJob(DualStageTool):
    def __init__(self, cluster):
        self.cluster = cluster

    async def setup(self, *, script: str, context) -> Wait:
        return Wait(
            kind="job", correlator=script, poll=Poll(every=5, backoff=2, max=60), state={"c": self.cluster}
        )

    async def on_resume(self, reply, wait, *, context):
        return reply.value


ask_name = AskName()
submit = SubmitHTTPJob("alpha")


def test_a_class_says_what_its_instances_are():
    assert (ask_name.name, ask_name.kind, ask_name.outputs, ask_name.single) == (
        "ask_name",
        "ask",
        ("text",),
        False,
    )
    assert (submit.name, submit.kind, submit.outputs, submit.single) == (
        "submit_http_job",
        "wait",
        ("result",),
        True,
    )
    assert [p.name for p in submit.params] == ["script"]
    assert submit.wants_context
    assert not ask_name.wants_context
    assert submit.pack({"any": 1}) == {"result": {"any": 1}}


def test_the_stages_that_ask_for_context_are_known():
    assert ask_name.with_context == {"poll", "on_cancel"}
    assert submit.with_context == {"setup", "on_resume", "poll", "on_cancel"}


def test_a_subclass_has_a_name_of_its_own():
    class AskNickname(AskName): ...

    class AskPetName(AskName):
        name = "pet"

    assert AskNickname().name == "ask_nickname"
    assert AskNickname().outputs == ("text",)
    assert AskPetName().name == "pet"


def test_a_base_without_setup_is_fine_until_it_is_instantiated():
    class Base(DualStageTool):
        outputs = ("x",)

        async def on_resume(self, reply, wait):
            return {"x": 1}

    class Whole(Base):
        async def setup(self):
            return Wait()

    assert Whole().outputs == ("x",)
    with pytest.raises(GraphError, match="Base has no `setup`"):
        Base()


def test_everything_wrong_with_a_class_is_told_at_once():
    with pytest.raises(GraphProblems) as e:

        class Bad(DualStageTool):
            outputs = ("keys",)

            def setup(self, *args): ...

            async def on_resume(self, reply, wait): ...

    assert len(e.value.problems) == 3


def test_inputs_given_to_the_class_are_sent_to_the_call():
    with pytest.raises(GraphError, match=r"AskName\(\) takes nothing; inputs go to the call"):
        AskName("Your name?")


def test_an_edited_method_changes_the_fingerprint():
    class One(DualStageTool):
        async def setup(self):
            return Wait(kind="a")

        async def on_resume(self, reply, wait): ...

    first = One

    class One(DualStageTool):
        async def setup(self):
            return Wait(kind="b")

        async def on_resume(self, reply, wait): ...

    assert first.fingerprint
    assert first.fingerprint != One.fingerprint
    assert 'kind="b"' in One.source


def test_in_a_graph_function_it_is_a_durable_call(inside):
    with inside("fn") as caller:
        ask_name("Who?", key="k").close()
    ((target, bound, key),) = caller.calls
    assert (target, key) == (ask_name, "k")
    assert bound == {"prompt": "Who?", "timeout": None, "default": MISSING}


def test_in_a_tools_body_it_is_refused_with_the_remedy(inside):
    with inside("tool"):
        with pytest.raises(GraphError, match=r"ask with `await context.channel\(\)"):
            ask_name("Who?")
        with pytest.raises(GraphError, match="body; call it in the graph"):
            submit(script="x")


async def test_at_the_top_level_awaiting_it_starts_a_run_of_one_node(launcher):
    asked = ask_name("Who?", timeout=5)
    assert isinstance(asked, NotStarted)
    assert launcher.started == []
    assert repr(asked) == "ask_name: not started - await it, or .start()"
    assert await asked == {"ran": "ask_name"}
    ((graph, inputs, _options),) = launcher.started
    assert inputs == {"prompt": "Who?", "timeout": 5}
    (node,) = graph.spec.nodes
    assert (node.kind, node.outputs, set(node.inputs)) == ("ask", ("text",), {"prompt", "timeout"})
    assert graph.spec.outputs == ("text",)
    assert graph.callables == {"ask_name": ask_name}
    assert graph.spec.doc == "Ask for a name."


def test_at_the_top_level_wrong_inputs_are_told_at_the_call(launcher):
    with pytest.raises(BadInputs, match="`prompt` is missing"):
        ask_name()
    with pytest.raises(BadInputs, match="`prompt` should be `str`, not 5"):
        ask_name(5)


def test_polls_slow_down_up_to_the_most():
    poll = Poll(every=5, backoff=2, max=60)
    assert [poll.pause(n) for n in (1, 2, 3, 4, 5, 9999)] == [5, 10, 20, 40, 60, 60]
    assert Poll(every=3).pause(100) == 3


@pytest.mark.parametrize("poll", [{"every": 0}, {"every": 1, "backoff": 0.5}, {"every": 1, "max": 0}])
def test_a_poll_without_a_pause_is_refused(poll):
    with pytest.raises(GraphError, match="seconds must be more than 0"):
        Poll(**poll)


async def test_without_a_poll_of_its_own_a_tool_never_has_a_reply():
    assert await submit.poll(Wait(), context=None) is PENDING


def test_a_stage_that_could_not_be_called_is_refused_when_the_class_is_defined():
    with pytest.raises(GraphProblems) as refused:

        class Wrong(DualStageTool):
            async def setup(self):
                return Wait()

            async def on_resume(self, reply):
                return reply

            async def poll(self):
                return None

            async def on_cancel(self, wait, why):
                pass

    said = str(refused.value)
    assert "`on_resume` cannot be called" in said
    assert "write `async def on_resume(self, reply, wait)`" in said
    assert "write `async def poll(self, wait)`" in said
    assert "write `async def on_cancel(self, wait)`" in said


def test_a_stage_may_be_a_static_method_and_take_more_with_a_default():
    class Fine(DualStageTool):
        async def setup(self):
            return Wait()

        @staticmethod
        async def on_resume(reply, wait, *, context):
            return reply

        async def poll(self, wait, *, eager=False):
            return None

    assert Fine().own == {"setup", "on_resume", "poll"}

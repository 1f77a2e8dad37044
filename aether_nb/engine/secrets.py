"""Secrets that a run asks for: the reply's text on its way to Stage B, and the question put again when it is gone.

Part of a driver. A secret is in the memory of the process that drives the run and nowhere else (`values/secrets.py`),
so that after a restart whoever needs one waits here until its node was answered anew. What the node came to stands:
the log gets another question of it, its reply, and the same outcome once more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aether_nb.engine.records import DONE, NodeState
from aether_nb.engine.scheduler import Slot
from aether_nb.errors import SecretGone
from aether_nb.events import NodeFinished
from aether_nb.facts import replace
from aether_nb.ids import NodeId, Token, new_token
from aether_nb.prompts import Reply, is_secret
from aether_nb.values import secrets

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver


class Secrets:
    """See the module.

    Args:
        driver: the run.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._waiting: dict[NodeId, list[asyncio.Future[None]]] = {}
        self._put: set[Token] = set()

    def unsealed(self, node: NodeState, reply: Reply) -> Reply:
        """A node's reply with the secret itself in the place of its mark.

        Raises:
            SecretGone: it is not in memory any more.
        """
        if node.wait is None or not is_secret(node.wait.opened.prompt):
            return reply
        return reply.model_copy(update={"value": self._driver.decoded(reply.value)})

    def ask(self, node: NodeState) -> None:
        """Put the question of a node again. It has no deadline: the first time it was answered in time."""
        driver, wait = self._driver, node.wait
        assert wait is not None
        token = new_token()
        self._put.add(token)
        again = node.outputs is not None
        driver.emit(
            replace(
                wait.opened, **driver.head(), token=token, deadline_ms=None, has_default=False, again=again
            )
        )
        driver.spawn(node.id, self._show(node))

    async def _show(self, node: NodeState) -> None:
        await self._driver.barrier(full=True)
        self._driver.questions.opened(node, told=False)

    async def regained(self, gone: SecretGone, slot: Slot | None) -> None:
        """Wait until a secret that is gone was typed again.

        Raises:
            SecretGone: no node of this run can ask for it.
        """
        node = self._driver.state.nodes.get(NodeId(gone.node))
        if (
            node is None
            or node.wait is None
            or node.outputs is None
            or not is_secret(node.wait.opened.prompt)
        ):
            raise gone
        if node.status == "succeeded":
            self.ask(node)
        elif node.status in DONE:
            raise gone
        await self.again(node, slot)

    async def again(self, node: NodeState, slot: Slot | None) -> None:
        """Wait until the secret is there that a node asks for again."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(node.id, []).append(future)
        assert node.wait is not None
        token = node.wait.opened.token
        if node.spec is None and token not in self._put:  # an earlier life of the kernel put the question
            self._put.add(token)
            self._driver.performing.do(self._driver.state.next_attempt(node))
        await self._driver.bodies.stand(future, slot)

    def take(self, node: NodeState) -> None:
        """A node that asked again was answered: what stands for the older secret stands for this one, too."""
        driver, wait = self._driver, node.wait
        assert wait is not None
        found = None if wait.reply is None else next(secrets.marks(wait.reply.value), None)
        if found is None or secrets.find(*found) is None:  # the kernel died once more, right after the reply
            self.ask(node)
            return
        for old, _ in secrets.marks(node.outputs):
            secrets.share(found[0], old)
        driver.emit(NodeFinished(**driver.head(), node=node.id, outputs=node.outputs))

    def settled(self, node: NodeId) -> None:
        """A node has its outcome: who waits for its secret looks again."""
        for future in self._waiting.pop(node, ()):
            if not future.done():
                future.set_result(None)

    def give_up(self) -> bool:
        """The run ends: what is still asked for again is not needed. Whether there was such a thing."""
        driver = self._driver
        left = [n for n in driver.state.nodes.values() if n.asked_again and n.status not in DONE]
        for node in left:
            driver.questions.withdraw(node)
            driver.emit(NodeFinished(**driver.head(), node=node.id, outputs=node.outputs))
        return bool(left)

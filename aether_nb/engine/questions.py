"""The open waits of one run in this kernel: shown, answered, expired, withdrawn.

Part of a driver. What a wait is stands in the log and in the store; here is only what lives with the
kernel: the alarms of deadlines, and replies that came before the body that asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aether_nb.engine.alarms import AGAIN_US
from aether_nb.engine.ports import WaitRow
from aether_nb.engine.records import NodeState
from aether_nb.errors import NotRestorable, StoreError, WaitTimeout
from aether_nb.events import ReplyTaken, WaitExpired, WaitWithdrawn
from aether_nb.ids import ROOT, NodeId, Token
from aether_nb.prompts import FormPrompt, Reply

if TYPE_CHECKING:
    from aether_nb.engine.driver import Driver

from aether_nb.engine.waits import spoken_deadline


class Questions:
    """See the module.

    Args:
        driver: the run.

    Attributes:
        early: replies to questions that no body in this life of the run has asked yet.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.early: dict[Token, Reply] = {}
        self._attached: dict[Token, None] = {}
        self._alarms: dict[Token, Callable[[], None]] = {}

    def opened(self, node: NodeState, *, told: bool) -> None:
        """A node's question was committed just now: take the mail that it was answered with, or attach it.

        Args:
            node: the node.
            told: whether the world may have had the token before.
        """
        wait = node.wait
        if wait is not None and wait.status == "open" and (told or wait.opened.correlator is not None):
            self._look_for_early(wait.opened.token)
        self.attach(node)

    def _look_for_early(self, token: Token) -> None:
        try:
            row = self._driver.engine.store.wait(token)
        except StoreError as error:  # the next look at the store finds it
            self._driver.engine.in_trouble(error)
            return
        if row is not None and row.status == "answered" and row.reply is not None:
            self.early[token] = row.reply

    @property
    def settled(self) -> bool:
        """Whether every open question stands here as it should, so that only a reply or a deadline is missing."""
        return not self.early and len(self._attached) == self._driver.state.open_waits

    def attach(self, node: NodeState) -> None:
        """Show a node's committed question here and set its alarm, or take the reply that came before."""
        wait = node.wait
        if wait is None or wait.status != "open" or self._driver.halted:
            return  # answered, or withdrawn, while it was being committed
        token, deadline_ms = wait.opened.token, wait.opened.deadline_ms
        early = self.early.pop(token, None)
        if early is not None:
            self.take(token, early)
            return
        self._call_off(token)
        self._attached[token] = None
        if deadline_ms is not None:
            self._ring_at(deadline_ms * 1000, node, token)
        if wait.opened.poll is not None:
            self._driver.polls.attach(node)
        if token in self._driver.shown:
            del self._driver.shown[token]
        else:
            self._driver.engine.audience.show(self._driver, node)

    def take(self, token: Token, reply: Reply) -> None:
        """An accepted reply is in the store: record it and go on. Told twice, it is taken once."""
        driver = self._driver
        wait = driver.state.waits.get(token)
        if wait is None or wait.status != "open" or driver.halted:
            return
        node = driver.state.nodes[wait.opened.node]
        if node.id in driver.cancelling.given_up:
            return  # it came too late to count
        if not (node.asked_again or self._is_back(node)):
            self.early[token] = reply
            return
        self._call_off(token)
        driver.emit(ReplyTaken(**driver.head(), node=node.id, token=token, reply=reply))
        driver.engine.audience.closed(driver, node)

    def _is_back(self, node: NodeState) -> bool:
        """Whether the body that made this call, or the graph around it, has come back to it in this life."""
        while node.spec is not None:
            if node.parent == ROOT:
                return True
            if self._driver.state.nodes[node.parent].kind == "map" and node.parent not in self._driver.maps:
                return False
            node = self._driver.state.nodes[node.parent]
        return node.id in self._driver.targets

    def check(self, row: WaitRow, value: Any) -> None:
        """Have the tool that asked look at a reply before it is accepted: ours may know more than the question says.

        From any thread. What cannot be looked at here is looked at before Stage B.

        Raises:
            ReplyInvalid: it does not fit.
        """
        node, asks = self._driver.state.nodes.get(row.node_id), self._driver.engine.asks
        if node is None or not isinstance(row.prompt, FormPrompt):
            return
        tool: Any = asks.get(node.name)
        if tool is None or self._driver.targets.get(node.id, tool) is not tool:
            return
        try:
            inputs = self._driver.inputs_of(node)
        except NotRestorable:
            return
        tool.filled(row.prompt, inputs, value)

    def fail(self, at: NodeId, error: BaseException) -> None:
        """The question of a node cannot be answered: withdraw it and fail the node."""
        node = self._driver.state.nodes[at]
        if node.wait is not None and node.wait.status == "open" and not self._driver.halted:
            self._driver.fail(at, error, self._driver.inputs_of(node, strict=False))

    def withdraw(self, node: NodeState) -> bool:
        """Take a node's question back, if it is open; whether it was. Telling the channel is for the caller."""
        if node.wait is None or node.wait.status != "open":
            return False
        driver, token = self._driver, node.wait.opened.token
        self._call_off(token)
        driver.emit(WaitWithdrawn(**driver.head(), node=node.id, token=token))
        return True

    def time_out(self, node: NodeState) -> None:
        """A question expired and has no default: its node fails."""
        assert node.wait is not None
        asked = node.wait.opened
        error = WaitTimeout(
            f"Nobody answered {asked.prompt.prompt!r} by {spoken_deadline(asked.deadline_ms)}; "
            "give timeout= more time, or default= an answer."
        )
        self._driver.fail(node.id, error, self._driver.inputs_of(node, strict=False))

    def call_off_all(self) -> None:
        """Call every alarm off: the run is over here."""
        for alarm in self._alarms.values():
            alarm()
        self._alarms.clear()
        if "polls" in self._driver.made:
            self._driver.polls.call_off_all()

    def _expire(self, node: NodeState, token: Token) -> None:
        """The alarm of a deadline rang."""
        driver = self._driver
        self._alarms.pop(token, None)
        self._attached.pop(token, None)
        over = driver.halted or node.id in driver.cancelling.given_up
        if over or node.wait is None or node.wait.status != "open":
            return
        engine = driver.engine
        now_us = engine.clock.now_us()
        try:
            expired = engine.store.expire(token, now_us // 1000)
            if not expired:  # a reply was quicker, or an earlier kernel died right after this
                row = engine.store.wait(token)
                expired = row is not None and row.status == "expired"
        except StoreError as error:
            engine.in_trouble(error)
            self._ring_at(now_us + AGAIN_US, node, token)
            return
        if expired:
            driver.polls.call_off(token)
            driver.emit(WaitExpired(**driver.head(), node=node.id, token=token))
            engine.audience.closed(driver, node)

    def _ring_at(self, at_us: int, node: NodeState, token: Token) -> None:
        self._alarm_off(token)
        driver = self._driver
        ring = partial(self._expire, node, token)
        self._alarms[token] = driver.engine.alarms.at(at_us, ring, owner=driver.run_id)

    def _call_off(self, token: Token) -> None:
        self._attached.pop(token, None)
        if "polls" in self._driver.made:
            self._driver.polls.call_off(token)
        self._alarm_off(token)

    def _alarm_off(self, token: Token) -> None:
        alarm = self._alarms.pop(token, None)
        if alarm is not None:
            alarm()

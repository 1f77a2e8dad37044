"""What a running body says: messages at once, bars and streams as they go on. Part of an `Activation`."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from aether_nb.calling import user_line
from aether_nb.engine.journal import SCOPE
from aether_nb.engine.telling import Source, Teller
from aether_nb.events import MessageSent
from aether_nb.messages import Message
from aether_nb.values import digest, encode

if TYPE_CHECKING:
    from aether_nb.engine.activation import Activation


class Speaks:
    """The speech of an `Activation`, which is the only one to be it; see `context.Body`.

    Attributes:
        telling: the bars and streams that it is telling.
        untold: those that were left or cut off, which the log does not know of yet.
    """

    telling: tuple[Teller, ...] = ()
    untold: tuple[Teller, ...] = ()

    async def send(
        self, name: str, inputs: Mapping[str, Any], message: Message | Callable[[], Awaitable[Message]]
    ) -> None:
        """Say something, once in the life of the run; see `context.Body`."""
        me = cast("Activation", self)
        scope = me._enter_call()
        me._flush_cancelled()
        if isinstance(message, Message):
            encode(message.said())  # a text that cannot be stored is refused here, not in the log
        call, entry = me._journal.identify(scope.path, name, digest(inputs), None, user_line())
        if entry is not None:
            if not me._journal.replay.turn_nowait(entry):
                await me._journal.replay.turn(entry)
            return
        me._check_new(call, inputs)
        if not isinstance(message, Message):
            message = await message()
            encode(message.said())
        me._driver.emit(MessageSent(**me._driver.head(), node=me._node, call=call, message=message))

    def tell(self, name: str, inputs: Mapping[str, Any], source: Source, *, awaited: bool = False) -> Teller:
        """Begin to tell something that takes its time; from any thread of the body. See `context.Body`."""
        me = cast("Activation", self)
        return Teller(me, SCOPE.get() or me._scope, name, inputs, user_line(), source, awaited=awaited)

    @contextlib.contextmanager
    def hushed(self) -> Iterator[None]:
        """Around a body in a thread: nothing that it began to tell goes on after it."""
        try:
            yield
        except BaseException as error:
            self._hush(error)
            raise
        self._hush()

    def _hush(self, error: BaseException | None = None) -> None:
        for teller in self.telling:
            if error is None:
                teller.check()
            teller.end(error)

"""Bounds the memory that reports take: bodies that are being read and written, by account and in all."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final
from uuid import UUID

from waypost.actions.rooms import Room
from waypost.api.bodies import LARGEST_BODY

OF_ONE: Final = 2 * LARGEST_BODY
"""Bytes of one account's bodies, from before the first is read until their updates are written."""
OF_ALL: Final = 4 * LARGEST_BODY
"""Bytes of all large bodies that have arrived and are not written yet: as objects they take ten times as much."""
LARGE: Final = 1 << 16
MOST_WAITING: Final = 64
"""So many calls of one account may wait until others of it are done."""


class BodiesInHand:
    """Where reports wait for those before them: unread, so that they cost a connection and no memory."""

    def __init__(self) -> None:
        self._arriving = Room(of_one=OF_ONE, most_waiting=MOST_WAITING)
        self._large = Room(of_all=OF_ALL)

    def arriving(self, account: UUID, size: int) -> AbstractAsyncContextManager[None]:
        """Hold room for a body until it is written. A slow client holds up its own account only."""
        return self._arriving.hold(account, size)

    def arrived(self, account: UUID, size: int) -> AbstractAsyncContextManager[None]:
        """Hold room for what a body that is there becomes, until that is written; small ones need none."""
        return self._large.hold(account, size) if size > LARGE else nullcontext()

"""Limits the memory for reports: bodies that are being read and written, per account and in total."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final
from uuid import UUID

from waypost.actions.rooms import Room
from waypost.api.bodies import LARGEST_BODY

OF_ONE: Final = 2 * LARGEST_BODY
"""The maximum bytes of one account's bodies, from before they are read until their updates are written."""
OF_ALL: Final = 4 * LARGEST_BODY
"""The maximum bytes of all large bodies that are not written yet: as objects they take ten times as much."""
LARGE: Final = 1 << 16
MOST_WAITING: Final = 64
"""The maximum calls of one account that can wait for its other calls."""


class BodiesInHand:
    """Where reports wait for earlier ones: unread, so that they cost a connection but no memory."""

    def __init__(self) -> None:
        self._arriving = Room(of_one=OF_ONE, most_waiting=MOST_WAITING)
        self._large = Room(of_all=OF_ALL)

    def arriving(self, account: UUID, size: int) -> AbstractAsyncContextManager[None]:
        """Reserve memory for a body until it is written. A slow client delays only its own account."""
        return self._arriving.hold(account, size)

    def arrived(self, account: UUID, size: int) -> AbstractAsyncContextManager[None]:
        """Reserve memory for the objects of a body that has arrived, until they are written; small ones need none."""
        return self._large.hold(account, size) if size > LARGE else nullcontext()

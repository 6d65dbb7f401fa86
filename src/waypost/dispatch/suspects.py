"""Claims deliveries that were in hand at several crashes of the sending process, as ``domain.suspicion`` says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from waypost.domain import ids, suspicion
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.suspicion import MOST_DEATHS
from waypost.store import queue
from waypost.store.rows import Claimed, Finished
from waypost.store.statements import Session

_LOG: Final = structlog.get_logger()


class Suspects:
    """The suspects that this process tries. ``clock`` returns seconds; the process's life starts with this object.

    With ``leave_to_others`` it tries none, but calls that when there are some: this process does more than sending.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        timeout_seconds: float,
        lease: timedelta,
        leave_to_others: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._born = clock()
        self._timeout_seconds = timeout_seconds
        self._lease = lease
        self._leave_to_others = leave_to_others
        self.known = 0
        """How many were due, or in hand here, at the last look."""

    async def claim(self, session: Session, dispatcher: int, mine: Callable[[UUID], bool]) -> list[Claimed]:
        """Lease the suspects whose turn it is, of endpoints that are ``mine``: a few, one, or none."""
        known = [one for one in await queue.suspects(session, dispatcher) if mine(one.endpoint)]
        self.known = len(known)
        if known and self._leave_to_others is not None:
            self._leave_to_others()
            return []
        lived = self._clock() - self._born
        chosen = suspicion.next_to_try(known, lived_seconds=lived, timeout_seconds=self._timeout_seconds)
        if not chosen:
            return []
        claimed = await queue.claim_suspects(session, chosen, dispatcher=dispatcher, lease=self._lease)
        for one in claimed:
            _LOG.warning("suspect_claimed", delivery=ids.to_text(ids.DELIVERY, one.id), deaths=one.deaths)
        return claimed


def given_up(claimed: Claimed) -> Finished | None:
    """Return the end of a delivery that crashed the process too often, None if it is tried again."""
    if claimed.deaths < MOST_DEATHS:
        return None
    _LOG.error("delivery_abandoned", delivery=ids.to_text(ids.DELIVERY, claimed.id), deaths=claimed.deaths)
    return Finished(claimed, None, Settled.FAILED, Reason.FATAL)

"""Endpoints with what waits for them, those that need attention first, as the overview and the list show them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from waypost.actions.context import Context
from waypost.actions.endpoint_stats import PROMPT
from waypost.actions.endpoints import Endpoint, show
from waypost.domain.endpoints import DisabledReason
from waypost.store import backlogs
from waypost.store.backlogs import WaitingDeliveries
from waypost.store.endpoints import EndpointRow
from waypost.store.statements import Session

_RANKS: Final = {DisabledReason.FAILING: 1, DisabledReason.GONE: 2, DisabledReason.USER: 3}


class EndpointSummary(msgspec.Struct, frozen=True):
    """An endpoint and what waits for it, as counted in ``store.backlogs``.

    ``overdue`` deliveries have waited for more than five minutes. ``paused_until`` is when a failing endpoint's next
    probe is, None if it is not paused; ``next_at`` is when the next delivery is sent, None if nothing is ready.
    """

    endpoint: Endpoint
    waiting: int
    overdue: int
    oldest_at: datetime | None
    paused_until: datetime | None
    next_at: datetime | None

    @property
    def is_failing(self) -> bool:
        """Whether every attempt fails at present."""
        return self.endpoint.enabled and self.endpoint.failing_since is not None

    @property
    def needs_attention(self) -> bool:
        """Whether webhooks do not arrive: the endpoint fails, or is disabled."""
        return self.is_failing or not self.endpoint.enabled

    @property
    def rank(self) -> int:
        """The place of its kind in a list: failing, disabled, the others."""
        if self.is_failing:
            return 0
        reason = self.endpoint.disabled_reason
        return len(_RANKS) + 1 if reason is None else _RANKS[DisabledReason(reason)]


async def summaries(context: Context, session: Session, rows: Sequence[EndpointRow]) -> list[EndpointSummary]:
    """Return endpoints with what waits for them: failing ones first, then disabled ones, otherwise as given."""
    now = datetime.now(UTC)
    waiting = await backlogs.of_endpoints(session, [row.id for row in rows], before=now - PROMPT)
    found = [_summary(context, row, waiting[row.id], now) for row in rows]
    return sorted(found, key=lambda one: one.rank)


def _summary(context: Context, row: EndpointRow, backlog: WaitingDeliveries, now: datetime) -> EndpointSummary:
    is_paused = row.enabled and row.paused_until is not None and row.paused_until > now
    paused_until = row.paused_until if is_paused else None
    times = [at for at in (backlog.next_at, paused_until) if at is not None]
    return EndpointSummary(
        endpoint=show(context, row),
        waiting=backlog.waiting,
        overdue=backlog.overdue,
        oldest_at=backlog.oldest_at,
        paused_until=paused_until,
        next_at=max(times) if backlog.next_at is not None else None,
    )

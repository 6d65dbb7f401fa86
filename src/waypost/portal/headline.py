"""The first line of the overview: what is wrong, in one sentence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from waypost.actions.endpoint_summaries import EndpointSummary
from waypost.domain.endpoints import DisabledReason
from waypost.portal.wording import number, plural
from waypost.store.backlogs import MOST_COUNTED

WEBHOOKS: Final = "/developer/webhooks"
SOURCES: Final = "/sources"
INCIDENTS: Final = "/incidents"
HISTORY: Final = WEBHOOKS + "/history"


class Remark(msgspec.Struct, frozen=True):
    """A part of the headline, and the page that shows more; ``since`` is the time of the oldest thing counted."""

    text: str
    href: str
    since: datetime | None = None


class Headline(msgspec.Struct, frozen=True):
    """What is wrong, most urgent first, or that nothing is."""

    remarks: list[Remark]
    is_well: bool


def headline(endpoints: Sequence[EndpointSummary], *, connections: int, incidents: int) -> Headline | None:
    """Return what is wrong with an account's endpoints and connections; None if that is nothing and none is enabled.

    ``incidents`` counts the open ones that are about something else.
    """
    enabled = [one for one in endpoints if one.endpoint.enabled]
    remarks = [*_failing(enabled), *_disabled(endpoints), *_waiting(enabled)]
    if connections:
        remarks.append(Remark(f"{plural(connections, 'connection')} not working", SOURCES))
    if incidents:
        remarks.append(Remark(plural(incidents, "other incident"), INCIDENTS))
    if remarks:
        return Headline(remarks, is_well=False)
    if not enabled:
        return None
    every = "The endpoint is" if len(enabled) == 1 else f"All {len(enabled)} endpoints are"
    return Headline([Remark(f"{every} accepting webhooks", WEBHOOKS)], is_well=True)


def _failing(enabled: Sequence[EndpointSummary]) -> list[Remark]:
    failing = [one for one in enabled if one.is_failing]
    if not failing:
        return []
    verb = "is" if len(failing) == 1 else "are"
    count = f"{len(failing)} of {plural(len(enabled), 'endpoint')}" if len(enabled) > 1 else "The endpoint"
    return [Remark(f"{count} {verb} failing", _place(failing))]


def _disabled(endpoints: Sequence[EndpointSummary]) -> list[Remark]:
    reasons = {
        DisabledReason.FAILING: "disabled because every attempt failed",
        DisabledReason.GONE: "disabled because of a 410 response",
        DisabledReason.USER: "disabled",
    }
    remarks = []
    for reason, words in reasons.items():
        found = [one for one in endpoints if one.endpoint.disabled_reason == reason]
        if found:
            remarks.append(Remark(f"{plural(len(found), 'endpoint')} {words}", _place(found)))
    return remarks


def _waiting(enabled: Sequence[EndpointSummary]) -> list[Remark]:
    """Return what waits if some of it has waited for long, or if an endpoint is failing."""
    waiting = sum(one.waiting for one in enabled)
    if not waiting or not any(one.overdue or one.is_failing for one in enabled):
        return []
    oldest = min(one.oldest_at for one in enabled if one.oldest_at is not None)
    more = " or more" if any(one.waiting >= MOST_COUNTED for one in enabled) else ""
    noun = "webhook" if waiting == 1 else "webhooks"
    return [Remark(f"{number(waiting)}{more} {noun} waiting", HISTORY, oldest)]


def _place(found: Sequence[EndpointSummary]) -> str:
    return f"{WEBHOOKS}/{found[0].endpoint.id}" if len(found) == 1 else WEBHOOKS

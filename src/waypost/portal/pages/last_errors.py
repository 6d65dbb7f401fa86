"""The last errors on an endpoint's page, in groups, each with one remedy."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from waypost.actions import endpoints as changes
from waypost.actions import remedies
from waypost.actions.endpoint_settings import EndpointChange
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain import ids
from waypost.domain.attempts import CAUSES, Outcome
from waypost.domain.errors import InvalidInput
from waypost.domain.targets import ForbiddenPort
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.receivers_words import receivers_words
from waypost.portal.rendering import go_to
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store import deliveries
from waypost.store.deliveries import MOST_FAILED, FailedAttempt
from waypost.store.endpoints import EndpointRow

MOST_GROUPS: Final = 10

Check = Callable[[str], None]
"""Raises InvalidInput for a URL to which nothing may be sent."""


class ErrorGroup(msgspec.Struct, frozen=True):
    """Attempts that failed in the same way: their number, the times of the first and the last one, and its delivery.

    ``said`` is the beginning of the newest response that had a body.

    ``why`` is the cause in a sentence, if known. ``successor`` is the URL that a button can give the endpoint: the
    target of a redirect within the same place.
    """

    outcome: Outcome
    why: str | None
    status_code: int | None
    count: int
    first_at: datetime
    last_at: datetime
    said: str | None
    delivery: str
    remedy: str
    successor: str | None


class LastErrors(msgspec.Struct, frozen=True):
    """Groups, newest first. ``bounded`` means that there may be more errors than were read or are shown."""

    groups: list[ErrorGroup]
    bounded: bool


@post(PATH + "/{endpoint_id:str}/use-url")
async def use_url(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Change the endpoint's URL to a redirect's target, if that is the same place."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    successor = remedies.same_place(row.url, str((await request.form()).get("url", "")))
    if successor is None:
        notify(request, "URL not changed: it may differ from the current one only by https or a final slash.")
        return go_to(f"{PATH}/{endpoint_id}")
    try:
        await changes.change(pages.context, actor_of(request, visitor), row.id, EndpointChange(url=successor))
    except (Invalid, Conflict) as refusal:
        notify(request, refusal.sentence)
        return go_to(f"{PATH}/{endpoint_id}")
    notify(request, "URL updated. Waiting webhooks will be sent there.")
    return go_to(f"{PATH}/{endpoint_id}")


async def shown(pages: Pages, row: EndpointRow) -> LastErrors:
    """Return the errors of the last 24 hours at the endpoint's current URL, so that errors of a former URL are gone."""
    async with pages.context.database.serving.acquire() as session:
        failed = await deliveries.failed_attempts(session, row.id, row.url)
    groups = grouped(row.url, failed, pages.context.check_url)
    return LastErrors(groups[:MOST_GROUPS], bounded=len(failed) == MOST_FAILED or len(groups) > MOST_GROUPS)


def grouped(url: str, failed: Sequence[FailedAttempt], check: Check) -> list[ErrorGroup]:
    """Group attempts, given newest first, by outcome, reason, status code and redirect target."""
    alike: dict[tuple[str, str | None, int | None, str | None], list[FailedAttempt]] = {}
    for one in failed:
        target = remedies.redirect_target(url, one.location)
        alike.setdefault((one.outcome, one.reason, one.status_code, target), []).append(one)
    return [_group(url, target, attempts, check) for (*_, target), attempts in alike.items()]


def _group(url: str, target: str | None, attempts: Sequence[FailedAttempt], check: Check) -> ErrorGroup:
    last = attempts[0]
    outcome = Outcome(last.outcome)
    refused = _refused(url, check) if outcome is Outcome.ADDRESS_FORBIDDEN else None
    return ErrorGroup(
        outcome=outcome,
        why=CAUSES.get(last.reason or ""),
        status_code=last.status_code,
        count=len(attempts),
        first_at=attempts[-1].started_at,
        last_at=last.started_at,
        said=next((words for one in attempts if (words := receivers_words(one.body))), None),
        delivery=ids.to_text(ids.DELIVERY, last.delivery),
        remedy=refused or remedies.remedy(outcome, last.status_code, target, last.reason) or "",
        successor=None if target is None else _successor(url, target, check),
    )


def _successor(url: str, target: str, check: Check) -> str | None:
    successor = remedies.same_place(url, target)
    try:
        check(successor or url)
    except InvalidInput:
        return None
    return successor


def _refused(url: str, check: Check) -> str:
    """Return the remedy for a forbidden URL: its port or, if the check passes, the address its name resolves to."""
    try:
        check(url)
    except ForbiddenPort:
        return remedies.PORT_REFUSED
    except InvalidInput:
        pass
    return remedies.ADDRESS_REFUSED


ROUTES: Final = (use_url,)

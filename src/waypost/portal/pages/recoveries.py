"""Recoveries on an endpoint's page: count first, then start, watch and stop."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import endpoints as endpoint_changes
from waypost.actions import incidents
from waypost.actions import recoveries as changes
from waypost.actions.actor import Actor
from waypost.actions.recoveries import Recovery, RecoveryRequest, show
from waypost.actions.refusals import Conflict, Invalid, NotFound
from waypost.domain import ids
from waypost.domain.incidents import Kind, State
from waypost.domain.recoveries import WAITED_BEFORE, Only, RecoveryState
from waypost.domain.times import read_rfc3339
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import absolute_time, go_to, part, zone_for
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store import recoveries
from waypost.store.endpoints import EndpointRow
from waypost.store.recoveries import RecoveryRow

SHOWN: Final = 5
OFFERED_FOR: Final = timedelta(days=7)
"""How long an endpoint's page offers to recover what it missed while it was disabled."""

ENABLED_BEFORE: Final = timedelta(minutes=1)
"""The keeper closes an incident some seconds after a person has enabled the endpoint, and perhaps recovered."""


@post(PATH + "/{endpoint_id:str}/recover")
async def recover(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: count the deliveries that a recovery would send, or start one that was counted."""
    visitor = await enter(request, pages)
    actor, given = actor_of(request, visitor), await request.form()
    try:
        asked = await _asked(request, pages, actor, endpoint_id, given)
        row = await changes.start(pages.context, actor, asked)
    except (Invalid, Conflict) as refusal:
        notify(request, refusal.sentence)
        return go_to(f"{PATH}/{endpoint_id}?do=recover")
    if row.dry_run:
        return _to_count(endpoint_id, row.id)
    notify(request, "Recovery started. Progress is shown below.")
    return go_to(f"{PATH}/{endpoint_id}#recoveries")


async def _asked(
    request: PageRequest, pages: Pages, actor: Actor, endpoint: str, given: Mapping[str, Any]
) -> RecoveryRequest:
    """Return the count that a form asks for, or the recovery of exactly what was counted."""
    if "counted" not in given:
        since = absolute_time(request, str(given.get("since", "")))
        return RecoveryRequest(endpoint, since, str(given.get("only", "")), dry_run=True)
    row = await changes.find(pages.context, actor, str(given["counted"]))
    counted = show(row)
    if not row.dry_run or counted.endpoint_id != endpoint:
        raise NotFound
    if row.state == RecoveryState.RUNNING:
        raise Conflict("still_counting", "The events are still being counted. Wait until all are.")
    return RecoveryRequest(endpoint, counted.since, counted.only, until=counted.until)


@post(PATH + "/{endpoint_id:str}/recoveries/{recovery_id:str}/stop")
async def stop(
    request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str], recovery_id: FromPath[str]
) -> Response[bytes]:
    """Stop a recovery, which queues nothing more, and go back to the endpoint's page."""
    visitor = await enter(request, pages)
    await endpoint_changes.find(pages.context, actor_of(request, visitor), endpoint_changes.read_id(endpoint_id))
    try:
        await changes.stop(pages.context, actor_of(request, visitor), recovery_id)
    except Conflict as refusal:
        notify(request, refusal.sentence)
    return go_to(f"{PATH}/{endpoint_id}#recoveries")


async def offer_missed(pages: Pages, actor: Actor, was: EndpointRow) -> Response[bytes]:
    """Offer to recover what a newly enabled endpoint missed; ``was`` is its row before it was enabled."""
    since = (was.off_since or was.updated_at) - WAITED_BEFORE
    endpoint = ids.to_text(ids.ENDPOINT, was.id)
    try:
        row = await changes.start(
            pages.context, actor, RecoveryRequest(endpoint, since.isoformat(), Only.MISSED, dry_run=True)
        )
    except Conflict:
        return go_to(f"{PATH}/{endpoint}#recoveries")  # another count of this endpoint is already running
    return _to_count(endpoint, row.id) if row.matched else go_to(f"{PATH}/{endpoint}")


@get(PATH + "/{endpoint_id:str}/recoveries")
async def progress(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Return the progress of an endpoint's recoveries as a fragment of its page, for the script."""
    visitor = await enter(request, pages)
    row = await endpoint_changes.find(pages.context, actor_of(request, visitor), endpoint_changes.read_id(endpoint_id))
    rows = await _rows(pages, visitor.account, row.id)
    here = f"{PATH}/{ids.to_text(ids.ENDPOINT, row.id)}"
    return part(request, "recoveries.html", here=here, recoveries=_listed(rows))


async def shown(
    request: PageRequest, pages: Pages, account: UUID, endpoint: EndpointRow, counted: str | None
) -> dict[str, Any]:
    """Return what the endpoint's page shows: its last recoveries, the result of the latest count, and an offer."""
    rows = await _rows(pages, account, endpoint.id)
    count = next((show(row) for row in rows if ids.to_text(ids.RECOVERY, row.id) == counted), None)
    since = datetime.now(UTC) - timedelta(days=1) if count is None else datetime.fromisoformat(count.since)
    off = await _disabled_lately(pages, account, endpoint, rows)
    return {
        "recoveries": _listed(rows),
        "counted": count,
        "recover_since": _local(request, since),
        "recover_only": Only.FAILED if count is None else count.only,
        "was_off": off,
        "missed_since": None if off is None else _local(request, off[0] - WAITED_BEFORE),
    }


def _local(request: PageRequest, at: datetime) -> str:
    """Return a time as a browser's field for times takes it."""
    return at.astimezone(zone_for(request)).strftime("%Y-%m-%dT%H:%M")


async def _disabled_lately(
    pages: Pages, account: UUID, endpoint: EndpointRow, known: Sequence[RecoveryRow]
) -> tuple[datetime, datetime] | None:
    """Return from when to when Waypost had disabled an endpoint that is enabled again now.

    None if that is long ago, or if somebody has recovered what it missed, or has counted that it missed nothing.
    """
    if not endpoint.enabled:
        return None
    place = ids.to_text(ids.ENDPOINT, endpoint.id)
    for one in await incidents.newest(pages.context, account, state=State.CLOSED):
        if one.subject == place and one.kind == Kind.ENDPOINT_DISABLED and one.closed_at is not None:
            disabled_at = read_rfc3339(one.details.get("disabled_at") or one.opened_at)
            ended = datetime.fromisoformat(one.closed_at)
            since = [row for row in known if row.created_at >= ended - ENABLED_BEFORE and row.only_what != Only.FAILED]
            is_done = any((row.state == RecoveryState.DONE and not row.matched) or not row.dry_run for row in since)
            if disabled_at is None or is_done or datetime.now(UTC) - ended > OFFERED_FOR:
                return None
            return disabled_at, ended
    return None


async def _rows(pages: Pages, account: UUID, endpoint: UUID) -> list[RecoveryRow]:
    async with pages.context.database.serving.acquire() as session:
        return await recoveries.of_account(session, account, endpoint=endpoint, limit=SHOWN * 2)


def _listed(rows: Sequence[RecoveryRow]) -> list[Recovery]:
    """Return the recoveries to show; a dry run only while it is counting, when it can be stopped."""
    return [show(row) for row in rows if not row.dry_run or row.state == RecoveryState.RUNNING][:SHOWN]


def _to_count(endpoint: str, recovery: UUID) -> Response[bytes]:
    return go_to(f"{PATH}/{endpoint}?do=recover&counted={ids.to_text(ids.RECOVERY, recovery)}")


ROUTES: Final = (recover, progress, stop)

"""Recovering, from an endpoint's page: count first, then begin, watch and stop."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Response, post
from litestar.params import FromPath

from waypost.api.problems import Problem
from waypost.api.v1 import endpoint_changes
from waypost.api.v1 import recovery_changes as changes
from waypost.api.v1.recoveries import show
from waypost.api.v1.recovery_changes import Asked
from waypost.domain import ids
from waypost.domain.recoveries import Only
from waypost.portal.pages import GivenPages, Pages
from waypost.portal.rendering import go_to
from waypost.portal.visits import PageRequest, enter, notify
from waypost.portal.webhooks import PATH
from waypost.store import recoveries
from waypost.store.endpoints import EndpointRow

SHOWN: Final = 5
WAITED_BEFORE: Final = timedelta(days=7)
"""What was cancelled when an endpoint was turned off may have been tried for so long."""
_COUNT: Final = "count"


@post(PATH + "/{endpoint_id:str}/recover")
async def recover(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Count what would be sent, or send it."""
    visitor = await enter(request, pages)
    given = await request.form()
    since = str(given.get("since", "")) + ":00Z"
    asked = Asked(endpoint_id, since, str(given.get("only", "")), dry_run=given.get("act") == _COUNT)
    try:
        row = await changes.start(pages.parts, visitor.account, asked)
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            raise
        notify(request, "; ".join(f"{one.field} {one.message}" for one in problem.errors) or problem.detail)
        return go_to(f"{PATH}/{endpoint_id}?do=recover")
    if row.dry_run:
        return _to_count(endpoint_id, row.id)
    notify(request, "It began: see how far it is under Recoveries.")
    return go_to(f"{PATH}/{endpoint_id}#recoveries")


@post(PATH + "/{endpoint_id:str}/recoveries/{recovery_id:str}/stop")
async def stop(
    request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str], recovery_id: FromPath[str]
) -> Response[bytes]:
    """Queue no more of a recovery."""
    visitor = await enter(request, pages)
    await endpoint_changes.find(pages.parts, visitor.account, endpoint_changes.read_id(endpoint_id))
    try:
        await changes.stop(pages.parts, visitor.account, recovery_id)
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            raise
        notify(request, problem.detail)
    return go_to(f"{PATH}/{endpoint_id}#recoveries")


async def offer_missed(pages: Pages, account: UUID, was: EndpointRow) -> Response[bytes]:
    """Offer to recover what an endpoint missed that has just been enabled; ``was`` is how it was before."""
    since = (was.off_since or was.updated_at) - WAITED_BEFORE
    endpoint = ids.to_text(ids.ENDPOINT, was.id)
    row = await changes.start(pages.parts, account, Asked(endpoint, since.isoformat(), Only.MISSED, dry_run=True))
    return _to_count(endpoint, row.id) if row.matched else go_to(f"{PATH}/{endpoint}")


async def shown(pages: Pages, account: UUID, endpoint: UUID, counted: str | None) -> dict[str, Any]:
    """Give what the endpoint's page shows: its last recoveries, and the one that was counted just now."""
    async with pages.parts.database.serving.acquire() as session:
        rows = await recoveries.of_account(session, account, endpoint=endpoint, limit=SHOWN * 2)
    count = next((show(row) for row in rows if ids.to_text(ids.RECOVERY, row.id) == counted), None)
    since = datetime.now(UTC) - timedelta(days=1) if count is None else datetime.fromisoformat(count.since)
    return {
        "recoveries": [show(row) for row in rows if not row.dry_run][:SHOWN],
        "counted": count,
        "recover_since": since.strftime("%Y-%m-%dT%H:%M"),
        "recover_only": Only.FAILED if count is None else count.only,
    }


def _to_count(endpoint: str, recovery: UUID) -> Response[bytes]:
    return go_to(f"{PATH}/{endpoint}?do=recover&counted={ids.to_text(ids.RECOVERY, recovery)}")


ROUTES: Final = (recover, stop)

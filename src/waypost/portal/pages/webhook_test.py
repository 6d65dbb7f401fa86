"""``/developer/webhooks/{id}/test``: an endpoint's tests, and the dialog that sends one on its first tab."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import deliveries as delivery_actions
from waypost.actions import endpoint_tests
from waypost.actions import endpoints as changes
from waypost.domain import ids
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, Status
from waypost.portal import showing
from waypost.portal.pages.webhook_head import head, summary_of
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page, part
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.store import deliveries
from waypost.store.accounts import Visitor
from waypost.store.deliveries import Wanted
from waypost.store.endpoints import EndpointRow

TEST: Final = "test"
NEWEST: Final = 25


@get(PATH + "/{endpoint_id:str}/test")
async def show(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Show the tab with the newest tests."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    wanted = msgspec.structs.replace(Wanted.of_endpoint(row.id), tests=True)
    async with pages.context.database.serving.acquire() as session:
        tests = await deliveries.newest(session, visitor.account, wanted, NEWEST)
    return page(
        request,
        "webhook_test.html",
        visitor,
        recent=[delivery_actions.show(one) for one in tests],
        **head(await summary_of(pages, row), "/test"),
    )


@post(PATH + "/{endpoint_id:str}/test")
async def test(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Send a test and show its result on the endpoint's page."""
    visitor = await enter(request, pages)
    status = str((await request.form()).get("status", ""))
    row = await endpoint_tests.send_test(
        pages.context, actor_of(request, visitor), changes.read_id(endpoint_id), status
    )
    return go_to(f"{PATH}/{endpoint_id}?do=test&status={status}&result={ids.to_text(ids.DELIVERY, row.id)}")


@get(PATH + "/{endpoint_id:str}/sample")
async def sample(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Return the sample of a status as a fragment of the page, for the script."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    return part(request, "sample.html", sample=showing.sample(Version(row.version), status_of(request)))


async def dialog(
    request: PageRequest, pages: Pages, visitor: Visitor, row: EndpointRow, *, opened: bool
) -> dict[str, Any]:
    """Return what the dialog shows: the sample of the chosen status and, if it is open, the response to a test."""
    status = status_of(request)
    return {
        "test_status": status,
        "sample": showing.sample(Version(row.version), status),
        "result": await _result(pages, visitor, request.query_params.get("result")) if opened else None,
    }


async def _result(pages: Pages, visitor: Visitor, delivery_id: str | None) -> Any:
    delivery = ids.from_text(ids.DELIVERY, delivery_id or "")
    if delivery is None:
        return None
    async with pages.context.database.serving.acquire() as session:
        row = await deliveries.find(session, visitor.account, delivery)
    if row is None:
        return None
    return showing.delivery(await delivery_actions.show_with_attempts(pages.context, row))


def status_of(request: PageRequest) -> Status:
    """Return the status selected for a test."""
    asked = request.query_params.get("status")
    return Status(asked) if asked is not None and asked in list(SELECTABLE) else Status.DELIVERED


ROUTES: Final = (show, test, sample)

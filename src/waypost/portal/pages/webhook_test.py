"""``/developer/webhooks/{id}/test``: an endpoint's tests, and the dialog that sends one on its first tab."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import deliveries as delivery_actions
from waypost.actions import endpoint_tests
from waypost.actions import endpoints as changes
from waypost.actions.actor import Actor
from waypost.actions.endpoint_tests import RequestedTest
from waypost.actions.refusals import Fault, Invalid, NotFound, checking
from waypost.domain import ids
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, Status
from waypost.domain.tracking_numbers import normalise_number
from waypost.portal import showing
from waypost.portal.pages.webhook_head import head, summary_of
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page, part
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, keep_form, notify
from waypost.portal.wording import sentence
from waypost.store import deliveries, trackings
from waypost.store.accounts import Visitor
from waypost.store.deliveries import Wanted
from waypost.store.endpoints import EndpointRow
from waypost.store.trackings import Filter

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
    actor = actor_of(request, visitor)
    endpoint = (await changes.find(pages.context, actor, changes.read_id(endpoint_id))).id
    form, here = await request.form(), f"{PATH}/{ids.to_text(ids.ENDPOINT, endpoint)}?do=test"
    try:
        asked = await _asked(pages, actor, form)
        row = await endpoint_tests.send_test(pages.context, actor, endpoint, asked)
    except (Invalid, NotFound) as refusal:
        notify(request, f"Nothing was sent. {sentence(refusal.sentence)}")
        keep_form(request, pages, visitor, here, form)
        return go_to(here)
    keep_form(request, pages, visitor, here, form)
    query = urlencode({"status": asked.status or "", "result": ids.to_text(ids.DELIVERY, row.id)})
    return go_to(f"{here}&{query}")


async def _asked(pages: Pages, actor: Actor, form: Mapping[str, Any]) -> RequestedTest:
    """Return what the form wants to be sent. Raise Invalid or NotFound."""
    match str(form.get("what", "sample")):
        case "parcel":
            with checking():
                number = normalise_number(str(form.get("parcel", "")))
            async with pages.context.database.serving.acquire() as session:
                found = await trackings.page(session, actor.account, Filter(numbers=(number,)), limit=1)
            if not found:
                raise Invalid([Fault("parcel", f"{number} is not among your parcels")])
            return RequestedTest(tracking_id=found[0].id.hex)
        case "body":
            try:
                given = json.loads(str(form.get("body", "")))
            except (ValueError, RecursionError) as error:
                raise Invalid([Fault("payload", f"is not valid JSON: {error}")]) from None
            if not isinstance(given, dict):
                raise Invalid([Fault("payload", "must be a JSON object")])
            return RequestedTest(body=given)
        case _:
            return RequestedTest(status=str(form.get("status", "")))


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
        "payload_text": showing.pretty_sample(Version(row.version), status),
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

"""``/incidents``: what is wrong now, and what was wrong lately."""

from typing import Final

from litestar import Response, get

from waypost.actions import incidents
from waypost.actions.incidents import Incident
from waypost.domain.incidents import PLACES, State
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter

PATH: Final = "/incidents"


@get(PATH)
async def show(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of incidents: the open ones, then the newest of those that are over."""
    visitor = await enter(request, pages)
    found = await incidents.newest(pages.context, visitor.account)
    return page(
        request,
        "incidents.html",
        visitor,
        open=[(one, place_of(one)) for one in found if one.state == State.OPEN],
        closed=[(one, place_of(one)) for one in found if one.state == State.CLOSED],
    )


def place_of(incident: Incident) -> str:
    """Return the page on which an incident can be repaired."""
    return PLACES[incident.kind].format(subject=incident.subject)


ROUTES: Final = (show,)

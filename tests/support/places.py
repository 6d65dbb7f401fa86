"""Every page of the running portal, by its route: the addresses at which the tests and the pictures look at it.

A page without an address here fails ``tests/pages/test_everybody.py``, so none is forgotten.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from tests.support.portal import EMPTY, FILLED, Portal
from tests.support.seeding import CSV_EXPORT
from waypost.portal.application import ROUTES
from waypost.portal.track import page as track

HOME: Final = "/developer/webhooks"
ONE: Final = HOME + "/{endpoint_id:str}"
HISTORY: Final = HOME + "/history"
CONNECTION: Final = "/sources/{connection_id:str}"

PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "/": ("/", "/?span=week"),
    "/incidents": ("/incidents",),
    "/trackings": ("/trackings", "/trackings?do=add", "/trackings?status=x", "/trackings?search=nothing"),
    "/trackings/{tracking_id:str}": ("/trackings/{parcel}", "/trackings/{parcel}?do=delete", "/trackings/{large}"),
    "/trackings/import": ("/trackings/import",),
    "/trackings/import/columns": ("/trackings/import/columns",),
    HOME: (HOME,),
    ONE: (
        *(f"{HOME}/{{healthy}}", f"{HOME}/{{failing}}", f"{HOME}/{{long}}", f"{HOME}/{{off}}?do=enable"),
        *(f"{HOME}/{{healthy}}?do={name}" for name in ("update", "test", "disable", "delete", "rotate", "recover")),
        *(f"{HOME}/{{healthy}}?do=test&result={{tested}}", f"{HOME}/{{failing}}?do=test&result={{broken}}"),
    ),
    f"{ONE}/deliveries": (f"{HOME}/{{failing}}/deliveries", f"{HOME}/{{off}}/deliveries"),
    f"{ONE}/test": (f"{HOME}/{{failing}}/test",),
    f"{ONE}/set-up": (f"{HOME}/{{failing}}/set-up", f"{HOME}/{{healthy}}/set-up?do=secret"),
    f"{ONE}/settings": (f"{HOME}/{{failing}}/settings",),
    HISTORY: (
        *(HISTORY, f"{HISTORY}?state=delivered", f"{HISTORY}?state=lost", f"{HISTORY}?search=nothing"),
        f"{HISTORY}?{{bulk}}",
    ),
    f"{HISTORY}/{{delivery_id:str}}": (
        *(f"{HISTORY}/{{retrying}}", f"{HISTORY}/{{succeeded}}?do=curl", f"{HISTORY}/{{large_delivery}}"),
    ),
    "/developer/specifications": ("/developer/specifications?version=V3&status=transit",),
    "/developer/outgoing-ips": ("/developer/outgoing-ips",),
    "/developer/debugger": ("/developer/debugger", "/developer/debugger?delivery={retrying}&attempt=1"),
    "/developer/apikeys": ("/developer/apikeys", "/developer/apikeys?do=add", "/developer/apikeys?revoke={key}"),
    "/sources": ("/sources",),
    "/sources/unread": ("/sources/unread", "/sources/unread?do=clear"),
    "/sources/connect": ("/sources/connect", "/sources/connect?search=nobody"),
    "/sources/connect/{source:str}": ("/sources/connect/ups",),
    "/sources/connect-push/{source:str}": ("/sources/connect-push/woocommerce", "/sources/connect-push/order-shipped"),
    CONNECTION: (
        *("/sources/{connection}", "/sources/{working}"),
        *(f"/sources/{{connection}}?do={name}" for name in ("update", "credentials", "disable", "delete")),
    ),
    "/settings": ("/settings", "/settings?do=add"),
    "/settings/audit": ("/settings/audit",),
    "/settings/alerts": ("/settings/alerts", "/settings/alerts?service=telegram"),
    "/settings/alerts/{channel_id:str}": ("/settings/alerts/{channel}", "/settings/alerts/{channel}?do=delete"),
    "/help": ("/help", "/help?q=retry"),
    "/help/index": ("/help/index",),
    "/help/{chapter:str}/{name:str}": ("/help/webhooks/retry", "/help/how-to/verify", "/help/reference/settings"),
    "/docs": ("/docs",),
    "/docs/{name:str}": ("/docs/api-v4-trackings",),
}
"""The addresses of a signed-in user's pages. One without an id is also looked at in an empty account."""

PUBLIC: Final[Mapping[str, tuple[str, ...]]] = {
    "/login": ("/login",),
    "/login/{token:str}": ("/login/x",),
    "/password/lost": ("/password/lost",),
    "/password/{token:str}": ("/password/x",),
    "/address/{token:str}": ("/address/x",),
    "/docs/{name:str}": ("/docs/api-v1-endpoints",),
    "/track/{token:str}": ("{moving}?lang=de", "{moving}?embed=1&lang=zh", "{arrived}", "/track/nothing"),
}
"""The addresses of pages that are public or have another look to visitors who are not signed in."""

NOT_PAGES: Final = frozenset(
    {
        *("/favicon.ico", "/help/images/{name:str}", "/track/colours/{colour:str}/theme.css"),
        *(f"{ONE}/sample", f"{ONE}/recoveries", f"{HISTORY}/new", f"{HISTORY}/matching"),
        *(f"{HISTORY}/export.csv", "/trackings/export.csv", "/trackings/import/example.csv"),
    }
)
"""Routes that answer with something else: files, and fragments for the script."""

LOST: Final = "/nothing-here"
ADD: Final = f"{HOME}?do=add"
"""A page with all endpoints in use has no form to add one."""

EVERYWHERE: Final = (
    *((FILLED, path) for paths in PLACES.values() for path in paths),
    *((EMPTY, path) for route in PLACES if "{" not in route for path in (route, *({HOME: (ADD,)}.get(route, ())))),
    *((None, path) for paths in PUBLIC.values() for path in paths),
    (FILLED, LOST),
)
"""Every page as (user, address)."""

SAMPLE: Final = (
    *((FILLED, path) for paths in PLACES.values() for path in dict.fromkeys((paths[0], paths[-1]))),
    *((EMPTY, path) for path in ("/", "/trackings", "/sources", HOME, ADD, HISTORY, "/incidents")),
    *((None, path) for paths in PUBLIC.values() for path in paths),
    (FILLED, LOST),
)
"""One or two addresses of every page."""


def routes() -> set[str]:
    """Return the paths of all routes that a browser can open."""
    handlers = (*ROUTES, *track.ROUTES)
    return {path for one in handlers if "GET" in one.http_methods for path in one.paths}


def find_places(portal: Portal) -> dict[str, str]:
    """Return the ids in the addresses, after making what the seed has not made."""
    unread = {"checkpoint_date": "2026-07-02T10:00:00", "tracking_detail": "Quux frobnicated"}
    parcel = {"tracking_number": "UNREAD1", "courier_code": "dhl", "create": True, "checkpoints": [unread]}
    portal.seeded.post("/v1/updates", {"updates": [parcel]})
    healthy, failing, long, off = portal.endpoints
    api = portal.seeded

    def first(query: str) -> str:
        return str(api.get(f"/v1/deliveries?{query}")["items"][0]["id"])

    target = {"url": f"{portal.hooks.url}/ok/alerts"}
    channel = api.post("/v1/alert-channels", {"service": "slack", "name": "On call", "target": target})
    return {
        "healthy": healthy,
        "failing": failing,
        "long": long,
        "off": off,
        "connection": portal.connections[0],
        "working": portal.connections[1],
        "channel": str(channel["id"]),
        "retrying": first("state=retrying"),
        "succeeded": first("state=delivered"),
        "large_delivery": first("tracking_number=SEED0003"),
        "tested": first(f"test=true&endpoint={healthy}"),
        "broken": first(f"test=true&endpoint={failing}"),
        "parcel": portal.tracking(FILLED, "SEED0001"),
        "large": portal.tracking(FILLED, "SEED0003"),
        "moving": portal.track_path(FILLED, "SEED0004"),
        "arrived": portal.track_path(FILLED, "SEED0003"),
        **_made_in_the_browser(portal),
    }


def _made_in_the_browser(portal: Portal) -> dict[str, str]:
    """Return the ids that only pages give, of a key and of a count, and upload a file whose columns must be matched."""
    context = portal.context(FILLED)
    page = context.new_page()
    page.goto("/developer/apikeys")
    key = (page.get_by_role("link", name="Revoke").first.get_attribute("href") or "").partition("=")[2]
    page.goto("/trackings/import")
    page.get_by_label("Or paste rows").fill(CSV_EXPORT)
    page.get_by_role("button", name="Import").click()
    page.goto(f"{HISTORY}?{urlencode({'search': 'SEED'})}")
    page.get_by_role("button", name="Resend all that match").click()
    bulk = page.url.partition("?")[2]
    context.close()
    return {"key": quote(key), "bulk": bulk}

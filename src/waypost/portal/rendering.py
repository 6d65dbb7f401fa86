"""Render templates into responses, with the headers of every page."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as JinjaContext
from litestar import Response

from waypost.domain.attempts import ERRORS
from waypost.domain.endpoint_health import TRIES_BEFORE_WARNING
from waypost.domain.endpoints import Trigger, Version
from waypost.domain.incidents import TITLES
from waypost.domain.statuses import SELECTABLE, Status
from waypost.domain.texts import without_overrides
from waypost.domain.times import from_ms, read_rfc3339
from waypost.portal import wording
from waypost.portal.csrf import form_token
from waypost.portal.drafts import Draft
from waypost.portal.form_filling import fill_form
from waypost.portal.requests import PageRequest
from waypost.portal.visits import AGAIN, DRAFT, NOTICE, TIME_ZONE, VISITOR
from waypost.store.accounts import Visitor
from waypost.store.backlogs import MOST_COUNTED
from waypost.turns import Turn

STATIC: Final = files(__package__) / "static"
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
_TIME_LENGTH: Final = len("2026-03-04T13:20")
HSTS: Final = "max-age=31536000"
NAVIGATION: Final = (
    (
        "Parcels",
        (("/", "Overview"), ("/incidents", "Incidents"), ("/trackings", "Parcels"), ("/sources", "Sources")),
    ),
    (
        "Developer",
        (
            ("/developer/webhooks", "Webhooks"),
            ("/developer/webhooks/history", "Webhook history"),
            ("/developer/specifications", "Specifications"),
            ("/developer/apikeys", "API keys"),
            ("/developer/debugger", "Signature debugger"),
            ("/developer/outgoing-ips", "Outgoing IPs"),
        ),
    ),
    ("More", (("/settings", "Settings"), ("/docs", "API reference"), ("/help", "Help"))),
)
ALWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        # Not no-referrer: with that, a browser sends "Origin: null" with our own forms.
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
)

RESTORED: Final = "Your entries are back in the form, except passwords and secrets. Nothing was changed: send it again."
NOT_RESTORED: Final = "You were signed out before this was done. Nothing was changed: do it again."
UNCOMPRESSED: Final[Mapping[str, str]] = MappingProxyType({"cache-control": "no-store, no-transform"})


def page(
    request: PageRequest,
    template: str,
    visitor: Visitor | None = None,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] = MappingProxyType({}),
    shows_secret: bool = False,
    **values: object,
) -> Response[bytes]:
    """Return a rendered page, with the notice left by the previous request.

    A page that ``shows_secret`` is never compressed.
    """
    kept = UNCOMPRESSED if shows_secret else {}
    text = _with_draft(request, template, values | _of_page(request, visitor))
    return html(text, status=status, headers={**headers, **kept})


async def page_in_turns(
    request: PageRequest, template: str, visitor: Visitor, *, status: int = HTTPStatus.OK, **values: object
) -> Response[bytes]:
    """Return a page as ``page`` does; a large one yields to other work between its rows."""
    shown = values | _of_page(request, visitor)
    if request.scope["state"].get(DRAFT) is not None:
        text = _with_draft(request, template, shown)
    else:
        text = await fill_in_turns(template, Turn(visitor.account), **shown)
    return html(text, status=status, headers={})


def _with_draft(request: PageRequest, template: str, values: dict[str, Any]) -> str:
    """Return the rendered page; what was typed before signing in again is in its form."""
    draft: Draft | None = request.scope["state"].get(DRAFT)
    if draft is None:
        return fill(template, **values)
    if request.scope["state"].get(AGAIN):
        text = fill(template, **values)
        return fill_form(text, draft.action, draft.fields) or text
    filled = fill_form(fill(template, **values | {"notice": RESTORED}), draft.action, draft.fields)
    return fill(template, **values | {"notice": NOT_RESTORED}) if filled is None else filled


def part(request: PageRequest, template: str, **values: object) -> Response[bytes]:
    """Return a rendered fragment of a page, for the script. A notice stays for the next page."""
    return html(fill(template, **values | _of_request(request)), status=HTTPStatus.OK, headers={})


def zone_for(request: PageRequest) -> tzinfo:
    """Return the time zone in which the pages of a request show times."""
    return wording.zone_of(request.scope["state"].get(TIME_ZONE, "UTC"))


def _of_page(request: PageRequest, visitor: Visitor | None) -> dict[str, object]:
    """Return what every page shows. The notice of the previous request is shown once."""
    session = request.scope.get("session") or {}
    notice = session.pop(NOTICE, None) if isinstance(session, dict) else None
    return _of_request(request) | {"visitor": visitor, "notice": notice}


def absolute_time(request: PageRequest, text: str) -> str:
    """Return a browser's ``2026-03-04T13:20``, which is in the visitor's time zone, as a time of RFC 3339.

    Any other text is returned as it is.
    """
    if len(text) != _TIME_LENGTH or read_rfc3339(text + ":00Z") is None:
        return text
    return datetime.fromisoformat(text).replace(tzinfo=zone_for(request)).isoformat()


def _of_request(request: PageRequest) -> dict[str, object]:
    zone, visitor = zone_for(request), request.scope["state"].get(VISITOR)
    return {
        "path": request.scope["path"],
        "account_id": None if visitor is None else visitor.account.hex,
        "form_token": form_token(request.scope),
        "now": datetime.now(UTC),
        "shown_zone": zone,
        "zone_name": str(zone),
    }


def fill(template: str, **values: object) -> str:
    """Return a template rendered with these values."""
    return _ENVIRONMENT.get_template(template).render(values)


async def fill_in_turns(template: str, turn: Turn, **values: object) -> str:
    """Return a template rendered with these values, in slices."""
    pieces = []
    for piece in _ENVIRONMENT.get_template(template).generate(values):
        pieces.append(piece)
        if turn.is_over():
            await turn.begin()
    return "".join(pieces)


def compile_templates() -> None:
    """Compile every template: up to 20 ms for the first page of a kind, which would block the event loop."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)


def html(text: str, *, status: int, headers: Mapping[str, str]) -> Response[bytes]:
    """Return the response with a page's HTML."""
    return Response(text.encode(), status_code=status, media_type="text/html", headers={**ALWAYS, **headers})


def json(value: object) -> Response[bytes]:
    """Return a JSON response for our script."""
    return Response(msgspec.json.encode(value), media_type="application/json", headers=dict(ALWAYS))


def go_to(path: str) -> Response[bytes]:
    """Return a redirect to another of our pages, by GET."""
    return Response(b"", status_code=HTTPStatus.SEE_OTHER, headers={**ALWAYS, "location": path})


def current(path: str) -> str:
    """Return the navigation link that a page belongs to: the longest one that is a prefix of its path."""
    links = [href for _, links in NAVIGATION for href, _ in links if path == href or path.startswith(f"{href}/")]
    return max(links, key=len, default="")


@lru_cache
def asset_path(name: str) -> str:
    """Return the path of a static file, which contains its digest, so that it can be cached for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]
    return f"/assets/{digest}/{name}"


def plain_environment() -> Environment:
    """Return an environment with the templates only, as the static documentation uses it."""
    return Environment(
        loader=PackageLoader("waypost.portal"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _environment() -> Environment:
    environment = plain_environment()
    environment.filters.update(
        ago=wording.ago,
        exactly=_exactly,
        clock_time=_clock_time,
        hour=_hour,
        number=wording.number,
        duration=wording.duration,
        plural=wording.plural,
        sentence=wording.sentence,
        percent=wording.percent,
        moment=from_ms,
        status_label=_label,
        action_words=wording.action_words,
        courier_name=wording.courier_name,
        without_overrides=without_overrides,
    )
    environment.globals.update(_constants())
    return environment


def _constants() -> dict[str, Any]:
    """Return what every template can use."""
    return {
        "asset": asset_path,
        "SELECTABLE": SELECTABLE,
        "VERSIONS": tuple(reversed(Version)),
        "TRIGGERS": tuple(Trigger),
        "STATES": wording.STATES,
        "RESULTS": wording.RESULTS,
        "REASONS": wording.REASONS,
        "skip_reason": wording.skip_reason,
        "ERRORS": ERRORS,
        "ASKED": wording.ASKED,
        "INCIDENTS": TITLES,
        "CONNECTION_STATES": wording.CONNECTION_STATES,
        "PUSHED": wording.PUSHED,
        "PARCEL_SIGNS": wording.PARCEL_SIGNS,
        "ORDERINGS": wording.ORDERINGS,
        "RECOVERED": wording.RECOVERED,
        "MOST_COUNTED": MOST_COUNTED,
        "TRIES_BEFORE_WARNING": TRIES_BEFORE_WARNING,
        "RECOVERY_STATES": wording.RECOVERY_STATES,
        "NAVIGATION": NAVIGATION,
        "current": current,
    }


@pass_context
def _exactly(context: JinjaContext, at: datetime | str | None) -> str:
    """Return a time in the zone of the page's visitor."""
    return wording.exactly(at, context["shown_zone"])


@pass_context
def _hour(context: JinjaContext, at: str) -> str:
    """Return the start of an hour in the zone of the page's visitor."""
    return wording.exactly(at, context["shown_zone"])[: len("2026-03-04 13:20")]


@pass_context
def _clock_time(context: JinjaContext, at: datetime | str) -> str:
    """Return a time in the zone of the page's visitor, without the date if it is today's."""
    return wording.clock_time(at, context["now"], context["shown_zone"])


def _label(status: str | None) -> str:
    return "" if status is None else Status(status).label


_ENVIRONMENT: Final = _environment()

"""``/track/{token}``: the public tracking page of one parcel, without sign-in, script or cookie."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import structlog
from litestar import Response, get
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from waypost.actions.refusals import NotFound
from waypost.portal import colours
from waypost.portal.assets import FOR_EVER
from waypost.portal.networks import TooMany
from waypost.portal.page_error import PageError
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import ALWAYS, fill, fill_in_turns, html
from waypost.portal.requests import PageRequest
from waypost.portal.track.parcel_view import parcel_view_in_turns
from waypost.portal.track.texts import LANGUAGES, choose
from waypost.store import track_pages
from waypost.turns import NOBODY, Turn

EMBED: Final = "1"
_LOG: Final = structlog.get_logger()
_SECONDS: Final = 60
"""How long browsers can cache the page: it is read often and rarely changes."""

A_MINUTE_FROM_AN_ADDRESS: Final = 300
"""Many shoppers can share one address of a mobile network or an office."""

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors "
)


@get("/track/{token:str}")
async def track(request: PageRequest, pages: GivenPages, token: FromPath[str]) -> Response[bytes]:
    """Show a parcel to anyone with its link; ``?embed=1`` allows framing by the sites that the account lists."""
    if wait := pages.track_reads.take(request.address):
        raise TooMany(wait)
    tracking = pages.context.track_links.tracking_of(token)
    if tracking is None:
        raise NotFound
    async with pages.context.database.serving.acquire() as session:
        found = await track_pages.find(session, tracking)
    if found is None:
        raise NotFound
    language, embedded = _language(request), _is_embedded(request)
    accent = (found.accent or colours.DEFAULT).removeprefix("#")
    key = (found.digest, language, embedded, found.shop, accent)
    text = pages.track_pages.get(key)
    if text is None:
        turn = Turn(NOBODY)
        shown = await parcel_view_in_turns(found.state(), LANGUAGES[language], turn)
        values = _shared(language, embedded=embedded)
        text = await fill_in_turns("track.html", turn, shop=found.shop, accent=accent, shown=shown, **values)
        pages.track_pages.keep(key, text)
    headers = {"cache-control": f"private, max-age={_SECONDS}"}
    return _answer(text, language, headers=headers, framed_by=found.embed_origins if embedded else ())


@get("/track/colours/{colour:str}/theme.css")
async def theme(colour: FromPath[str]) -> Response[bytes]:
    """Return the style sheet for a colour, which does not reveal whose colour it is."""
    chosen = f"#{colour}"
    if not colours.is_colour(chosen):
        raise NotFound
    headers = {**ALWAYS, "cache-control": FOR_EVER}
    return Response(colours.theme(chosen).encode(), media_type="text/css", headers=headers)


def explain(request: PageRequest, error: Exception) -> Response[bytes]:
    """Return an error page in the shopper's language."""
    headers = {"cache-control": "no-store"}
    status: int
    match error:
        case TooMany():
            what, status = "failed", HTTPStatus.TOO_MANY_REQUESTS
            headers["retry-after"] = str(math.ceil(error.seconds))
        case NotFound():
            what, status = "missing", HTTPStatus.NOT_FOUND
        case PageError(status=status) | HTTPException(status_code=status) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            what = "missing"
        case _:
            # Not the path: it is as good as a password.
            _LOG.error("track_page_failed", exc_info=error)
            what, status = "failed", HTTPStatus.INTERNAL_SERVER_ERROR
    language, accent = _language(request), colours.DEFAULT[1:]
    text = fill("track_problem.html", what=what, accent=accent, **_shared(language, embedded=_is_embedded(request)))
    return _answer(text, language, status=status, headers=headers)


def _shared(language: str, *, embedded: bool) -> dict[str, object]:
    """Return what every page of this kind shows."""
    return {
        "texts": LANGUAGES[language],
        "embedded": embedded,
        "switch": [(name, texts, _switch(name, embedded=embedded)) for name, texts in LANGUAGES.items()],
        "language": language,
    }


def _answer(
    text: str, language: str, *, status: int = HTTPStatus.OK, headers: dict[str, str], framed_by: Sequence[str] = ()
) -> Response[bytes]:
    public = {
        "content-security-policy": _POLICY + (" ".join(framed_by) or "'none'"),
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, nofollow",
        "content-language": LANGUAGES[language].tag,
        "vary": "accept-language",
    }
    if framed_by:  # else the frame of a page that isolates itself stays empty
        public["cross-origin-resource-policy"] = "cross-origin"
    return html(text, status=status, headers=public | headers)


def _switch(language: str, *, embedded: bool) -> str:
    return "?" + urlencode({"lang": language} | ({"embed": EMBED} if embedded else {}))


def _is_embedded(request: PageRequest) -> bool:
    return _asked(request, "embed") == EMBED


def _language(request: PageRequest) -> str:
    return choose(_asked(request, "lang"), request.headers.get("accept-language", ""))


def _asked(request: PageRequest, name: str) -> str | None:
    """Return a parameter of the query; None for one that can't be read, which is no reason to show a shopper less."""
    try:
        asked: str | None = request.query_params.get(name)
    except PageError:
        return None
    return asked


ROUTES: Final = (track, theme)

"""``/v4/trackings/create`` and ``/v4/trackings/get``, as TrackingMore's clients call them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post

from waypost.api import tracking_changes
from waypost.api.parts import Given
from waypost.api.tracking_changes import NewTracking
from waypost.api.v4.envelope import (
    ALREADY_EXISTS,
    INVALID_COURIER,
    INVALID_FORMAT,
    INVALID_NUMBER,
    NUMBER_REQUIRED,
    TOO_MANY_NUMBERS,
    Refused,
    answer_success,
)
from waypost.domain.errors import InvalidInput
from waypost.domain.facts import LONGEST, SHOP_FACTS
from waypost.domain.tracking_numbers import check_courier_code, normalise_number
from waypost.payloads.v4 import tracking_object
from waypost.store import trackings
from waypost.store.trackings import Filter

MOST_NUMBERS: Final = 40
PAGE_SIZE: Final = 100
LARGEST_PAGE: Final = 200
LAST_PAGE: Final = 1_000_000
MOST_PARAMETERS: Final = 100
SHOWN_CHARACTERS: Final = 100

# The request says *_iso2 where the object that is answered does not.
_GIVEN: Final = {name: name for name in SHOP_FACTS} | {
    "origin_country_iso2": "origin_country",
    "destination_country_iso2": "destination_country",
}
_CREATE: Final = frozenset(_GIVEN) | {"tracking_number", "courier_code"}
_LATER: Final = frozenset({"auto_correct"})
_GET: Final = frozenset({"tracking_numbers", "courier_code", "items_amount", "pages_amount"})
_GET_LATER: Final = frozenset(
    {
        *("delivery_status", "archived_status", "lang"),
        *("created_date_min", "created_date_max", "updated_date_min", "updated_date_max"),
    }
)
_OFF: Final = ("0", "false")


@post("/v4/trackings/create", status_code=HTTPStatus.OK)
async def create(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Register a parcel; its carrier is asked soon after, not before this is answered."""
    caller = await parts.keys.caller(request.headers, scope="write")
    texts = _texts(await request.body())
    for name in _LATER & texts.keys():
        if texts[name].lower() not in _OFF:
            raise Refused(INVALID_FORMAT, f"{name} is not available yet.")
    if unknown := sorted(texts.keys() - _CREATE - _LATER):
        raise Refused(INVALID_FORMAT, f"{_shown(unknown[0])} is no parameter of this call.")
    number, courier = _parcel(texts)
    given = {_GIVEN[name]: text for name, text in texts.items() if name in _GIVEN}
    (state,) = await tracking_changes.create(parts, caller.account, [NewTracking(number, courier, given)])
    if state is None:
        raise Refused(ALREADY_EXISTS, "Tracking No. already exists.")
    return answer_success(tracking_object(state))


@get("/v4/trackings/get")
async def find(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List trackings, newest first: those of the given numbers, or page by page."""
    caller = await parts.keys.caller(request.headers, scope="read")
    query = _query(request.scope["query_string"])
    if query.keys() & _GET_LATER:
        raise Refused(INVALID_FORMAT, f"{min(query.keys() & _GET_LATER)} is not available yet.")
    if unknown := sorted(query.keys() - _GET):
        raise Refused(INVALID_FORMAT, f"{_shown(unknown[0])} is no parameter of this call.")
    limit = _number(query, "items_amount", PAGE_SIZE, LARGEST_PAGE)
    skipped = (_number(query, "pages_amount", 1, LAST_PAGE) - 1) * limit
    courier = _courier(query["courier_code"]) if "courier_code" in query else None
    numbers = tuple(_numbers(query["tracking_numbers"])) if "tracking_numbers" in query else None
    wanted = Filter(courier=courier, numbers=numbers)
    async with parts.database.serving.acquire() as session:
        found = await trackings.page(session, caller.account, wanted, limit=limit, skipped=skipped)
    return answer_success([tracking_object(row.state) for row in found])


def _texts(body: bytes) -> dict[str, str]:
    """Read the fields that are set: null and an empty text count as absent."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "The body is not JSON in UTF-8.") from None
    if not isinstance(fields, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "The body must be an object.")
    texts = {}
    for name, value in fields.items():
        # Some clients send numbers and truth values where the documentation says text.
        text = msgspec.json.encode(value).decode() if isinstance(value, bool | int | float) else value
        if text is None or text == "":
            continue
        if not isinstance(text, str):
            raise Refused(INVALID_FORMAT, f"{_shown(name)} must be text.")
        if len(text) > LONGEST or "\0" in text:
            raise Refused(INVALID_FORMAT, f"{_shown(name)} has {LONGEST} characters at most, and none of them is NUL.")
        texts[name] = text
    return texts


def _parcel(texts: Mapping[str, str]) -> tuple[str, str]:
    if not texts.get("tracking_number", "").strip():
        raise Refused(NUMBER_REQUIRED, "The value of tracking_number is required.")
    try:
        number = normalise_number(texts["tracking_number"])
    except InvalidInput as error:
        raise Refused(INVALID_NUMBER, f"The value of tracking_number is invalid: it {error.message}.") from None
    return number, _courier(texts.get("courier_code", "").strip())


def _courier(text: str) -> str:
    try:
        return check_courier_code(text)
    except InvalidInput as error:
        raise Refused(INVALID_COURIER, f"The value of courier_code is invalid: it {error.message}.") from None


def _shown(name: str) -> str:
    """Give a name that the caller chose as an answer may repeat it: ASCII, and not its whole length."""
    return ascii(name[:SHOWN_CHARACTERS])[1:-1]


def _query(raw: bytes) -> dict[str, str]:
    """Read the parameters that are set, each once."""
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Refused(INVALID_FORMAT, f"Max. {MOST_PARAMETERS} parameters in one call.") from None
    query: dict[str, str] = {}
    for name, text in pairs:
        if name in query:
            raise Refused(INVALID_FORMAT, f"{_shown(name)} is given twice.")
        if text.strip():
            query[name] = text.strip()
    return query


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):  # noqa: PLR2004
        raise Refused(INVALID_FORMAT, f"{name} must be a whole number from 1 to {most}.")
    return int(text)


def _numbers(text: str) -> list[str]:
    parts = [part for part in text.split(",") if part.strip()]
    if len(parts) > MOST_NUMBERS:
        raise Refused(TOO_MANY_NUMBERS, f"Max. {MOST_NUMBERS} tracking numbers in one call.")
    try:
        return sorted({normalise_number(part) for part in parts})
    except InvalidInput as error:
        raise Refused(INVALID_NUMBER, f"A value of tracking_numbers is invalid: it {error.message}.") from None


ROUTES: Final = (create, find)

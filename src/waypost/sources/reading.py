"""What carriers' answers have in common: texts, times, places, weights and days, converted to Waypost's values.

Pure. Functions here take what a stranger sent and return a valid value or None; only ``decode`` raises.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import iso3166
import msgspec

from waypost.domain.carriers import CarrierUnreadable
from waypost.domain.checkpoints import WALL_TIME
from waypost.domain.facts import LONGEST, WINDOW

LONGEST_SAMPLE: Final = 1_000
_DEEPEST: Final = 6

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,100}>")
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_BY_THREE_LETTERS: Final = {country.alpha3: country.alpha2 for country in iso3166.countries}
_OFFSET: Final = re.compile(r"([+-])(\d{1,2})[:.]?(\d\d)?", re.ASCII)
_LONGEST_OFFSET_MINUTES: Final = 14 * 60
_YEARS: Final = range(1970, 2101)
_HEAVIEST: Final = 1_000_000
_KILOGRAMS: Final = {
    "kg": 1.0,
    "kgs": 1.0,
    "g": 0.001,
    "lb": 0.453_592_37,
    "lbs": 0.453_592_37,
    "oz": 0.028_349_523,
    "ozs": 0.028_349_523,
}
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,]\d{1,9})?)?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)

_SAID_IN_XML: Final = re.compile(r"<(?:description|message|faultstring)>([^<]{1,1000})</")

_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPED: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
"""Two escapes that are one character, half of such a character, and any other escape."""

_Read = TypeVar("_Read")


class When(msgspec.Struct, frozen=True):
    """A local wall time (``YYYY-MM-DDTHH:MM:SS``) and its offset from UTC in minutes, None if none was given."""

    wall_time: str
    offset_minutes: int | None = None


class Where(msgspec.Struct, frozen=True):
    """A place, as far as a carrier names it; ``place`` builds it."""

    location: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country_iso2: str | None = None


NOWHERE: Final = Where()


def decode(body: bytes, kind: type[_Read]) -> _Read:
    """Return a JSON body as the type. Raise CarrierUnreadable; a byte order mark and half an emoji are tolerated."""
    text = _mend(body)
    try:
        return msgspec.json.decode(text, type=kind, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        raise unreadable(text, reason) from None


def unreadable(answer: bytes | str, reason: str) -> CarrierUnreadable:
    """Return the error for an answer of a shape that is not the carrier's, with that shape for whoever repairs it."""
    text = answer if isinstance(answer, str) else _mend(answer)
    return CarrierUnreadable(f"the response cannot be read: {reason}", sample=shape(text))


def _mend(body: bytes) -> str:
    """Return a body's text without a byte order mark, with U+FFFD for bytes that are not UTF-8 and half characters."""
    text = body.decode("utf-8-sig", "replace")
    return _ESCAPED.sub(_whole, text) if _HALF.search(text) else text


def _whole(escaped: re.Match[str]) -> str:
    return "\\ufffd" if escaped["half"] else escaped[0]


def each(raw: Iterable[msgspec.Raw] | None, kind: type[_Read]) -> Iterator[_Read]:
    """Yield the elements that have the type: one odd scan must not affect the others.

    Declare a list as ``tuple[msgspec.Raw, ...]`` and read it with this.
    """
    for one in raw or ():
        try:
            yield msgspec.json.decode(one, type=kind, strict=False)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue


def clean(text: object, *, most: int = LONGEST) -> str | None:
    """Return a text on one line, without control characters and at most as long as a fact; None if empty.

    UPS writes the text ``null`` for unknown values.
    """
    if not isinstance(text, str):
        return None
    visible = "".join(character if character.isprintable() else " " for character in text[: 4 * most])
    cleaned = " ".join(visible.split())[:most].strip()
    return None if cleaned in ("", "null") else cleaned


def clean_html(text: object) -> str | None:
    """Return a text without tags and with its character references resolved, as ``clean`` does."""
    return clean(unescape(_TAG.sub("", text[: 8 * LONGEST]))) if isinstance(text, str) else None


def country(text: object) -> str | None:
    """Return a country's two letters in capitals, also given its three letters; None for anything else."""
    code = text.strip().upper() if isinstance(text, str) else ""
    return code if _COUNTRY.fullmatch(code) else _BY_THREE_LETTERS.get(code)


def place(*, city: object = None, state: object = None, zip: object = None, country_code: object = None) -> Where:  # noqa: A002 - the field's name on the wire
    """Return a place; its location reads like an address: ``Charlotte, NC, US``."""
    town, region, land = clean(city), clean(state), country(country_code)
    parts = [part for part in (town, region, land) if part]
    return Where(", ".join(parts)[:LONGEST] or None, town, region, clean(zip), land)


def iso_time(text: object) -> When | None:
    """Read ``2026-07-05T10:44:39+02:00`` and variants: a space for the T, no seconds, no time, no offset or ``Z``."""
    found = _ISO.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    day, minute, second, zone = found.groups()
    return when(f"{day}T{minute or '00:00'}{second or ':00'}", WALL_TIME, zone)


def when(text: str, form: str, zone: object = None) -> When | None:
    """Read a wall time in a ``strptime`` form and an offset such as ``+02:00``, ``-0500``, ``-05.00`` or ``Z``."""
    try:
        read = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - wall time, its offset is beside it
    except ValueError:
        return None
    return When(read.strftime(WALL_TIME), offset(zone)) if read.year in _YEARS else None


def offset(text: object) -> int | None:
    """Return an offset from UTC in minutes; None for none, and for one that no place on Earth has."""
    if not isinstance(text, str):
        return None
    if text.strip() in ("Z", "z"):
        return 0
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    total = 60 * int(hours) + int(minutes or 0)
    return int(f"{sign}1") * total if total <= _LONGEST_OFFSET_MINUTES else None


def offset_between(local: When, utc: When | None) -> When:
    """Return the local time with the offset derived from the UTC time beside it; one of them may lack seconds."""
    if utc is None or local.offset_minutes is not None:
        return local
    apart = (_moment(local) - _moment(utc)) / timedelta(minutes=1)
    minutes = 15 * round(apart / 15)  # as every offset on Earth today
    is_one = abs(apart - minutes) <= 1 and abs(minutes) <= _LONGEST_OFFSET_MINUTES
    return When(local.wall_time, minutes) if is_one else local


def in_zone(local: When, zone: ZoneInfo) -> When:
    """Return the local time with the offset of its zone.

    In an hour that the clocks repeat or skip, nobody can tell which offset was meant, so there is none.
    """
    at = _moment(local)
    offsets = {at.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    if local.offset_minutes is not None or len(offsets) > 1:
        return local
    (distance,) = offsets
    return When(local.wall_time, None if distance is None else distance // timedelta(minutes=1))


def day(text: object) -> str | None:
    """Return the day of an estimate: its minutes change with every poll, and each change would be an event."""
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text.strip()[:10]).isoformat()
    except ValueError:
        return None


def window(begins: When | None, ends: When | None) -> dict[str, str]:
    """Return the facts of a delivery's window; none unless both ends are known, in order."""
    if begins is None or ends is None or begins.wall_time >= ends.wall_time:
        return {}
    return dict(zip(WINDOW, (begins.wall_time, ends.wall_time), strict=True))


def weight(value: object, unit: object) -> dict[str, str]:
    """Return the facts ``weight`` and, for a known unit, ``weight_kg``."""
    try:
        amount = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return {}
    if not 0 < amount < _HEAVIEST:
        return {}
    name = (clean(unit) or "").casefold()
    kilograms = _KILOGRAMS.get(name)
    told = {"weight": f"{_number(amount)} {name}".strip()}
    return told if kilograms is None else told | {"weight_kg": _number(amount * kilograms)}


def link(text: object) -> str | None:
    """Return a link that a page may show: complete, with http or https."""
    if not isinstance(text, str) or len(text) > LONGEST or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def known(facts: dict[str, str | None]) -> dict[str, str]:
    """Return the facts in a carrier's answer that are not empty."""
    return {name: text for name, text in facts.items() if text}


def shape(text: str) -> str:
    """Return the shape of an answer without any of its texts: its keys and types, or the tags of a page.

    It is shown to whoever repairs a connection, and answers contain names and addresses.
    """
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        tags = re.findall(r"</?[A-Za-z][A-Za-z0-9:-]{0,40}", text[:10_000])
        return f"{len(text):,} characters: {' '.join(tags) or 'no JSON and no tags'}"[:LONGEST_SAMPLE]
    return _shape(decoded, 0)[:LONGEST_SAMPLE]


def _shape(value: Any, depth: int) -> str:
    match value:
        case dict() if depth < _DEEPEST:
            inner = ", ".join(f"{_key(key)}: {_shape(one, depth + 1)}" for key, one in list(value.items())[:40])
            return "{" + inner + "}"
        case list() if depth < _DEEPEST:
            return f"[{len(value)} of {_shape(value[0], depth + 1)}]" if value else "[]"
        case dict() | list():
            return "…"
        case _:
            return "null" if value is None else type(value).__name__


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}", key) else "(another key)"


def own_words(body: bytes) -> str | None:
    """Return a carrier's own message in an answer that rejects, in JSON or XML: the first text named like one."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        found = _SAID_IN_XML.search(body.decode("utf-8", "replace"))
        return None if found is None else clean(unescape(found[1]), most=200)
    return next(_messages(decoded), None)


_MESSAGES: Final = (
    "message",
    "error_description",
    "errorMessage",
    "detail",
    "description",
    "moreInformation",
    "title",
    "error",
)


def _messages(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name in _MESSAGES:
            text = clean(value.get(name), most=200)
            if text is not None:
                yield text
        for inner in value.values():
            yield from _messages(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _messages(inner)


def _moment(time: When) -> datetime:
    return datetime.strptime(time.wall_time, WALL_TIME)  # noqa: DTZ007 - two wall times are compared


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")

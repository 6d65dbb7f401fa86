"""Australia Post's answer as Updates: pure, tolerant of unknown parts, strict about what changes a parcel."""

import re
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading, is_unread, read
from waypost.domain.statuses import Status
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import answers, codes, reading, scans
from waypost.sources.reading import clean

_OK: Final = 200
_UNKNOWN: Final = "ESB-10001"

_TABLES: Final = codes.load(__package__)
_IN_AUSTRALIA: Final = re.compile(r"(.+?),? (ACT|NSW|NT|QLD|SA|TAS|VIC|WA)", re.ASCII)
_ABROAD: Final = re.compile(r"(?:(.+) \()?([A-Z]{2})\)?", re.ASCII)


class _Event(msgspec.Struct, frozen=True):
    date: str | None = None
    location: str | None = None
    description: str | None = None


class _Item(msgspec.Struct, frozen=True):
    """An article, or a consignment with its articles in ``items``."""

    article_id: str | None = None
    product_type: str | None = None
    status: str | None = None
    events: tuple[msgspec.Raw, ...] = ()
    items: tuple[msgspec.Raw, ...] = ()


class _Error(msgspec.Struct, frozen=True):
    code: str | None = None


class _Result(msgspec.Struct, frozen=True):
    tracking_id: str | None = None
    errors: tuple[_Error, ...] = ()
    trackable_items: tuple[msgspec.Raw, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    tracking_results: tuple[msgspec.Raw, ...]


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what Australia Post's answer says about a number. Raise CarrierUnavailable if it can't be read."""
    return answers.only(read_answers(status, body, [tracking_number]))


def read_answers(status: int, body: bytes, numbers: Sequence[str]) -> list[Update | CarrierError]:
    """Return what Australia Post's answer says about each number, or why that is unknown.

    "No such number" counts only with Australia Post's own code. Raise CarrierUnavailable for a failure of the whole
    answer.
    """
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    results = reading.each(reading.decode(body, _Answer).tracking_results, _Result)
    by_number = {result.tracking_id: result for result in results}
    return [_read(by_number.get(number), number) for number in numbers]


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan says by the sentences known today."""
    return _interpret(kept.tracking_detail)


def _read(result: _Result | None, number: str) -> Update | CarrierError:
    if result is None:
        return CarrierUnavailable("the response leaves the parcel out")
    articles = _articles(result)
    if not articles:
        errors = [error.code for error in result.errors]
        if _UNKNOWN in errors:
            return Update(Source.POLL, unknown_number=True)
        return CarrierUnavailable(
            f"the carrier answered {clean(errors[0], most=20) if errors else 'without an article'}"
        )
    article = _choose(articles, number)
    taken = scans.take(article.events, _Event, "events", _scan)
    facts = {
        "service_code": clean(article.product_type),
        "pieces": str(len(articles)) if len(articles) > 1 else None,
    }
    return Update(
        Source.POLL,
        checkpoints=_with_status(taken.checkpoints, article.status),
        facts=reading.known(facts),
        skipped=taken.skipped,
    )


def _articles(result: _Result) -> list[_Item]:
    items = list(reading.each(result.trackable_items, _Item))
    return [article for item in items for article in (list(reading.each(item.items, _Item)) or [item])]


def _choose(articles: list[_Item], number: str) -> _Item:
    """Return the article with that number; of a consignment the first that isn't delivered, otherwise the last.

    So a consignment is delivered when its last article is.
    """
    own = next((article for article in articles if (article.article_id or "").strip().upper() == number), None)
    return own or next((article for article in articles if not _is_delivered(article)), articles[-1])


def _is_delivered(article: _Item) -> bool:
    return codes.interpret([(article.status, _TABLES["status"])], []).status is Status.DELIVERED


def _scan(event: _Event) -> Checkpoint | SkipReason:
    detail = clean(event.description)  # which contains line breaks and tabs
    return scans.scan(
        when=reading.iso_time(event.date),
        detail=detail,
        where=_place(clean(event.location)),
        says=_interpret(detail),
        raw_status=None,
    )


def _interpret(detail: str | None) -> Reading:
    """Read a text: events have no code, but some sentences are always the same."""
    return codes.interpret([(detail, _TABLES["description"])], [detail])


def _with_status(checkpoints: tuple[Checkpoint, ...], status: str | None) -> tuple[Checkpoint, ...]:
    """Return the scans; if nobody understands the newest one, it gets the status of the article.

    The status has no time of its own, and belongs to whatever happened last.
    """
    if not checkpoints or not is_unread(checkpoints[-1]):
        return checkpoints
    newest = checkpoints[-1]
    told = codes.interpret([(status, _TABLES["status"])], [])
    if told.substatus is None or status is None:
        return checkpoints
    beside = crc32(status.strip().upper().encode("utf-8", "replace"))
    return (*checkpoints[:-1], msgspec.structs.replace(read(newest, told), beside=beside))


def _place(location: str | None) -> reading.Where:
    """Return a place such as ``KEW VIC``, ``CHICAGO (US)`` or ``NZ`` with its location as it was written."""
    inland = _IN_AUSTRALIA.fullmatch(location or "")
    if inland is not None:
        return reading.Where(location, city=inland[1], state=inland[2], country_iso2="AU")
    abroad = _ABROAD.fullmatch(location or "")
    if abroad is not None:
        return reading.Where(location, city=abroad[1], country_iso2=abroad[2])
    return reading.Where(location)

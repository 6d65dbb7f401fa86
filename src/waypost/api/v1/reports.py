"""The body of ``POST /v1/updates``: JSON becomes normalised updates, or errors that name each field."""

import re
from collections.abc import Callable, Iterator, Sequence
from types import GenericAlias
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from waypost.actions.updates import NewUpdate
from waypost.api.bodies import DECODING_ERRORS, parse, parse_in_turns, problem_of_decoding, refuse_unkeepable
from waypost.api.problems import FieldError, invalid, of_input
from waypost.domain import facts
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import Status, status_of
from waypost.domain.times import read_wall_time
from waypost.domain.tracking_numbers import check_courier_code, normalise_number
from waypost.domain.trackings import Source, Update
from waypost.turns import Turn

MOST_UPDATES: Final = 1_000
MOST_CHECKPOINTS: Final = 200
LONGEST_DETAIL: Final = 1_000
LONGEST_TEXT: Final = 200
MOST_ERRORS: Final = 50
"""The maximum errors in one response; the others are reported once these are corrected."""

QUICKLY_DECODED: Final = 1 << 16
"""A larger body is decoded in a turn of its own."""
QUICKLY_CHECKED: Final = 16
"""As many scans are checked between two looks at the clock, which would cost more than checking one."""

_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_PLACES: Final = ("location", "state", "city", "zip", "raw_status")
_FACTS: Final = tuple(sorted(facts.FACTS))


class ReportedCheckpoint(msgspec.Struct, forbid_unknown_fields=True):
    """A scan as it is reported."""

    checkpoint_date: str
    tracking_detail: str
    location: str | None = None
    country_iso2: str | None = None
    state: str | None = None
    city: str | None = None
    zip: str | None = None
    raw_status: str | None = None
    checkpoint_delivery_status: str | None = None
    checkpoint_delivery_substatus: str | None = None


_SCANS_TYPE: Final[Any] = Annotated[list[ReportedCheckpoint], msgspec.Meta(max_length=MOST_CHECKPOINTS)]

_Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]


class _PlainCheckpoint(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A scan that is valid as far as the decoder can check, which it does in a fraction of the time."""

    checkpoint_date: str
    tracking_detail: Annotated[str, msgspec.Meta(max_length=LONGEST_DETAIL)]
    location: _Text | None = None
    country_iso2: Annotated[str, msgspec.Meta(pattern=rf"^(?:{_COUNTRY.pattern})?\Z")] | None = None
    state: _Text | None = None
    city: _Text | None = None
    zip: _Text | None = None
    raw_status: _Text | None = None
    checkpoint_delivery_status: Status | None = None
    checkpoint_delivery_substatus: str | None = None


class Reported(msgspec.Struct):
    """One update as it is reported; the scans and facts are added below."""

    tracking_number: str
    courier_code: str
    create: bool = False


def _body(scans: Any, none: Any) -> type[msgspec.Struct]:
    """Return the type of a body whose scans have this type."""
    fields = [("checkpoints", scans, none), *((name, str | None, None) for name in _FACTS)]
    reported = msgspec.defstruct("Reported", fields, bases=(Reported,), forbid_unknown_fields=True)
    updates: Any = Annotated[GenericAlias(list, (reported,)), msgspec.Meta(min_length=1, max_length=MOST_UPDATES)]
    return msgspec.defstruct("Updates", [("updates", updates)], forbid_unknown_fields=True)


BODY: Final = _body(_SCANS_TYPE, [])
_OUTLINE: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_body(msgspec.Raw, msgspec.Raw(b"[]")))
_SCANS: Final[msgspec.json.Decoder[list[ReportedCheckpoint]]] = msgspec.json.Decoder(_SCANS_TYPE)
_PLAIN: Final[msgspec.json.Decoder[list[_PlainCheckpoint]]] = msgspec.json.Decoder(
    Annotated[list[_PlainCheckpoint], msgspec.Meta(max_length=MOST_CHECKPOINTS)]
)

# Python 3.11 looks up a member of an enumeration fifteen times as slowly as a name of the module.
_API: Final = Source.API
_REPORTER: Final = Basis.REPORTER


async def read_reports(body: bytes, account: UUID, count: Callable[[int], None]) -> list[NewUpdate]:
    """Return the updates of an account's body, in its order. Raise Problem that names the invalid fields.

    ``count`` gets the number of scans that were read, valid or not; an update without any, or not read, counts as one.
    Scans are decoded and checked in turns with whatever else the loop does.
    """
    turn = Turn(account)
    if len(body) > QUICKLY_DECODED:
        outline, is_suspect = await parse_in_turns(body, _OUTLINE, turn)
    else:
        try:
            outline, is_suspect = parse(body, _OUTLINE)
        except DECODING_ERRORS as error:
            raise problem_of_decoding(error) from None
    errors: list[FieldError] = []
    reports, scans = [], 0
    try:
        for place, one in enumerate(outline.updates):
            if turn.is_over():
                await turn.begin()
            valid = None if is_suspect else await _plain_scans(one.checkpoints, turn)
            if valid is None:
                at = f"updates[{place}]"
                reported = _scans(one, at, errors, is_suspect=is_suspect)
                scans += max(1, len(reported))
                valid = await _check_scans(reported, f"{at}.", errors, turn)
            else:
                scans += len(valid) or 1
            reports.append(_check(one, valid, place, errors))
            if len(errors) >= MOST_ERRORS:
                break
    finally:
        count(max(scans, len(outline.updates)))
    if errors:
        raise invalid(errors[:MOST_ERRORS])
    return reports


def _scans(one: Any, at: str, errors: list[FieldError], *, is_suspect: bool) -> list[ReportedCheckpoint]:
    """Return the scans of an update, or none and add an error if they can't be decoded. Raise Problem as ``parse``."""
    try:
        scans = _SCANS.decode(one.checkpoints)
    except DECODING_ERRORS as error:
        problem = problem_of_decoding(error, f"{at}.checkpoints")
        if not problem.errors:
            raise problem from None
        errors.extend(problem.errors)
        return []
    if is_suspect:
        refuse_unkeepable({**msgspec.structs.asdict(one), "checkpoints": scans}, at)
    return scans


async def _plain_scans(encoded: msgspec.Raw, turn: Turn) -> tuple[Checkpoint, ...] | None:
    """Return the scans of an update, or None if any of them needs a closer look: most are valid as they are."""
    try:
        reported = _PLAIN.decode(encoded)
    except DECODING_ERRORS:
        return None
    scans = []
    for place, scan in enumerate(reported, 1):
        if not place % QUICKLY_CHECKED and turn.is_over():
            await turn.begin()
        at = read_wall_time(scan.checkpoint_date)
        status, substatus = scan.checkpoint_delivery_status, scan.checkpoint_delivery_substatus
        if substatus:
            of = _status_of(substatus)
            if of is None or (status is not None and status is not of):
                return None
            status = of
        if at is None or not scan.tracking_detail.strip():
            return None
        scans.append(_checkpoint(scan, at, status, substatus))
    return tuple(scans)


async def _check_scans(
    reported: Sequence[ReportedCheckpoint], below: str, errors: list[FieldError], turn: Turn
) -> tuple[Checkpoint, ...]:
    """Return the valid ones among the scans of an update, and add the errors of the others."""
    scans = []
    for place, scan in enumerate(reported):
        if turn.is_over():
            await turn.begin()
        wrong = list(_faults(scan))
        errors.extend(FieldError(f"{below}checkpoints[{place}].{name}", message) for name, message in wrong)
        if not wrong:
            substatus = scan.checkpoint_delivery_substatus
            status = _STATUSES.get(scan.checkpoint_delivery_status or "") or _status_of(substatus or "")
            scans.append(_checkpoint(scan, read_wall_time(scan.checkpoint_date) or ("", None), status, substatus))
    if turn.is_over():
        await turn.begin()
    return tuple(scans)


def _check(one: Any, scans: tuple[Checkpoint, ...], place: int, errors: list[FieldError]) -> NewUpdate:
    number = courier = ""
    try:
        number = normalise_number(one.tracking_number)
    except InvalidInput as error:
        errors.append(of_input(error, below=f"updates[{place}]."))
    try:
        courier = check_courier_code(one.courier_code)
    except InvalidInput as error:
        errors.append(of_input(error, below=f"updates[{place}]."))
    return NewUpdate(number, courier, one.create, Update(_API, scans, _facts(one, place, errors)))


def _facts(one: Any, place: int, errors: list[FieldError]) -> dict[str, str]:
    """Return the facts that are set; null and empty texts count as absent."""
    told: dict[str, str] = {}
    texts = msgspec.structs.astuple(one)[-len(_FACTS) :]
    if not any(texts):
        return told
    for name, text in zip(_FACTS, texts, strict=True):
        if not text:
            continue
        try:
            told[name] = facts.check(name, text)
        except InvalidInput as error:
            errors.append(of_input(error, below=f"updates[{place}]."))
    return told


def _faults(scan: ReportedCheckpoint) -> Iterator[tuple[str, str]]:
    """Yield the invalid fields of a scan, each with the reason."""
    if read_wall_time(scan.checkpoint_date) is None:
        yield (
            "checkpoint_date",
            "must be a time such as 2026-03-04T13:20:00, local to the place, with or without offset, or a date",
        )
    if not 1 <= len(scan.tracking_detail.strip()) <= LONGEST_DETAIL:
        yield "tracking_detail", f"must have 1 to {LONGEST_DETAIL} characters"
    if scan.country_iso2 and not _COUNTRY.fullmatch(scan.country_iso2):
        yield "country_iso2", "must be two capital letters, such as DE"
    places = (scan.location, scan.state, scan.city, scan.zip, scan.raw_status)
    if max([len(text) for text in places if text], default=0) > LONGEST_TEXT:
        for name, text in zip(_PLACES, places, strict=True):
            if text and len(text) > LONGEST_TEXT:
                yield name, f"must have at most {LONGEST_TEXT} characters"
    status, substatus = scan.checkpoint_delivery_status, scan.checkpoint_delivery_substatus
    if status and status not in _STATUSES:
        yield "checkpoint_delivery_status", f"must be one of {', '.join(Status)}"
    if substatus and ((of := _status_of(substatus)) is None or (status and _STATUSES.get(status) is not of)):
        yield "checkpoint_delivery_substatus", "must be a substatus of this status, such as transit001 for transit"


def _checkpoint(
    scan: ReportedCheckpoint | _PlainCheckpoint,
    at: tuple[str, int | None],
    status: Status | None,
    substatus: str | None,
) -> Checkpoint:
    """Return a valid scan. Without a status it is read from its text when it is merged."""
    wall_time, offset_minutes = at
    return Checkpoint(
        checkpoint_date=wall_time,
        tracking_detail=scan.tracking_detail,
        location=scan.location or None,
        country_iso2=scan.country_iso2 or None,
        state=scan.state or None,
        city=scan.city or None,
        zip=scan.zip or None,
        raw_status=scan.raw_status or None,
        checkpoint_delivery_status=status,
        checkpoint_delivery_substatus=substatus or None,
        offset_minutes=offset_minutes,
        basis=None if status is None else _REPORTER,
    )


_STATUSES: Final = {status.value: status for status in Status}


def _status_of(substatus: str) -> Status | None:
    try:
        return status_of(substatus)
    except ValueError:
        return None

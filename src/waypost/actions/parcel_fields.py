"""Validation of a parcel's fields, given as texts by name by a call, a form or a row of a file.

Each function raises Invalid with one ParcelFault, which names the field and the kind of fault.
"""

from collections.abc import Container, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from waypost.actions.refusals import Fault, Invalid
from waypost.domain.errors import InvalidInput
from waypost.domain.facts import LONGEST, SHOP_FACTS, check
from waypost.domain.tracking_numbers import check_courier_code, normalise_number
from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.couriers.table import is_known, missing_fact

# The input names end in *_iso2; those of the object in responses don't.
_COUNTRIES: Final = {"origin_country_iso2": "origin_country", "destination_country_iso2": "destination_country"}
_FACTS: Final = {name: name for name in SHOP_FACTS} | _COUNTRIES
FACT_FIELDS: Final = frozenset(_FACTS)
PARCEL_FIELDS: Final = FACT_FIELDS | {"tracking_number", "courier_code", "auto_correct"}
_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}


class ParcelFaultKind(StrEnum):
    """Why a field of a parcel is invalid."""

    NUMBER_MISSING = "number_missing"
    NUMBER_INVALID = "number_invalid"
    COURIER_INVALID = "courier_invalid"
    COURIER_UNKNOWN = "courier_unknown"
    COURIER_UNDETECTED = "courier_undetected"
    FACT_MISSING = "fact_missing"
    VALUE_INVALID = "value_invalid"


class ParcelFault(Fault, frozen=True):
    """An invalid field of a parcel. ``courier`` is the courier that requires a missing fact."""

    kind: ParcelFaultKind
    courier: str = ""


class NewTracking(msgspec.Struct, frozen=True):
    """A parcel to register: its number normalised, its courier code checked, facts by name."""

    tracking_number: str
    courier_code: str
    given: dict[str, str] = {}
    auto_correct: bool = False


def read_parcel(texts: Mapping[str, str]) -> NewTracking:
    """Return the parcel described by ``PARCEL_FIELDS``; an empty text counts as a missing field."""
    texts = {name: text for name, text in texts.items() if text}
    for name, text in texts.items():
        if len(text) > LONGEST or "\0" in text:
            message = f"must be at most {LONGEST} characters and contain no NUL"
            raise _invalid(name, message, ParcelFaultKind.VALUE_INVALID)
    number = read_number(texts)
    courier = _courier(texts, number)
    facts = read_facts(texts)
    require_facts(courier, facts)
    return NewTracking(number, courier, facts, _corrects(texts))


def read_number(texts: Mapping[str, str]) -> str:
    """Return the tracking number, normalised."""
    text = texts.get("tracking_number", "").strip()
    if not text:
        raise _invalid("tracking_number", "is required", ParcelFaultKind.NUMBER_MISSING)
    try:
        return normalise_number(text)
    except InvalidInput as error:
        raise _invalid("tracking_number", error.message, ParcelFaultKind.NUMBER_INVALID) from None


def read_courier(texts: Mapping[str, str], name: str = "courier_code") -> str:
    """Return a well-formed courier code, whether or not it is known."""
    try:
        return check_courier_code(texts.get(name, "").strip())
    except InvalidInput as error:
        raise _invalid(name, error.message, ParcelFaultKind.COURIER_INVALID) from None


def require_courier(courier: str, name: str = "courier_code") -> str:
    """Return a known courier code. A parcel with a mistyped one would wait for its first scan for ever."""
    if not is_known(courier):
        raise _invalid(name, "is an unknown courier code", ParcelFaultKind.COURIER_UNKNOWN)
    return courier


def read_facts(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the given facts by the names under which they are stored."""
    facts = {}
    for name, fact in ((name, _FACTS[name]) for name in texts if name in _FACTS):
        try:
            facts[fact] = check(fact, texts[name])
        except InvalidInput as error:
            raise _invalid(name, error.message, ParcelFaultKind.VALUE_INVALID) from None
    return facts


def require_facts(courier: str, facts: Container[str]) -> None:
    """Raise Invalid if the courier requires a fact that is not among these."""
    missing = missing_fact(courier, facts)
    if missing is not None:
        message = f"is required by the courier {courier}"
        raise Invalid([ParcelFault(missing, message, ParcelFaultKind.FACT_MISSING, courier)])


def _courier(texts: Mapping[str, str], number: str) -> str:
    """Return the courier. ``auto_correct`` replaces it if the number's format and check digit prove another one.

    Without a courier code, ``auto_correct`` picks the most likely one.
    """
    if not _corrects(texts):
        return require_courier(read_courier(texts))
    guesses = [guess for guess in detect(number) if guess.certainty > Certainty.UNLIKELY]
    if not texts.get("courier_code", "").strip():
        if not guesses:
            message = "is required: the courier can't be detected from the number"
            raise _invalid("courier_code", message, ParcelFaultKind.COURIER_UNDETECTED)
        return guesses[0].courier
    given = read_courier(texts)
    if not any(guess.courier == given for guess in guesses):
        given = next((guess.courier for guess in guesses if guess.certainty is Certainty.SURE), given)
    return require_courier(given)


def _corrects(texts: Mapping[str, str]) -> bool:
    flag = _FLAGS.get(texts.get("auto_correct", "false").strip().lower())
    if flag is None:
        raise _invalid("auto_correct", f"must be one of {', '.join(_FLAGS)}", ParcelFaultKind.VALUE_INVALID)
    return flag


def _invalid(field: str, message: str, kind: ParcelFaultKind) -> Invalid:
    return Invalid([ParcelFault(field, message, kind)])

"""What v4's create, batch and update say of a parcel, checked."""

import re
from collections.abc import Container, Mapping
from typing import Final

from waypost.actions.trackings import NewTracking
from waypost.api.v4.envelope import COURIER_UNDETECTED, FACT_REQUIRED, INVALID_COURIER, INVALID_FORMAT, Refused
from waypost.api.v4.fields import archived_of, courier_of, flag_of, number_of, read_texts
from waypost.domain.errors import InvalidInput
from waypost.domain.facts import SHOP_FACTS, check
from waypost.domain.trackings import Edit
from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.couriers.table import is_known, missing_fact

# The request says *_iso2 where the object that is answered does not.
_COUNTRIES: Final = {
    "origin_country_iso2": "origin_country",
    "destination_country_iso2": "destination_country",
}
_GIVEN: Final = {name: name for name in SHOP_FACTS} | _COUNTRIES
CREATE: Final = frozenset(_GIVEN) | {"tracking_number", "courier_code", "auto_correct"}
UPDATE: Final = frozenset(_GIVEN) | {"courier_code_new", "archived_status"}

_WORD: Final = re.compile(r"[a-z0-9_]+")


def read_parcel(fields: Mapping[str, object]) -> NewTracking:
    """Give the parcel that a body registers."""
    texts = read_texts(fields, CREATE)
    number = number_of(texts)
    courier = _known(_courier(texts, number))
    given = _facts(texts)
    require_facts(courier, given)
    return NewTracking(number, courier, given)


def field_of(refused: Refused) -> str:
    """Give the field that a refusal of ``read_parcel`` names; the one that does not is about the courier."""
    return next((word for word in _WORD.findall(refused.message) if word in CREATE), "courier_code")


def require_facts(courier: str, given: Container[str]) -> None:
    """Refuse a courier that wants a fact which is not among those given."""
    if (missing := missing_fact(courier, given)) is not None:
        raise Refused(FACT_REQUIRED, f"The courier {courier} can be asked only with {missing}.")


def read_edit(texts: Mapping[str, str]) -> Edit:
    """Give what a body corrects of a parcel."""
    courier = _known(courier_of(texts, "courier_code_new"), "courier_code_new") if "courier_code_new" in texts else None
    return Edit(_facts(texts), courier, archived_of(texts))


def _courier(texts: Mapping[str, str], number: str) -> str:
    """Give the courier; with ``auto_correct`` another one when the number's form and check digit prove it.

    Where none is given, that finds the likeliest.
    """
    if not flag_of(texts, "auto_correct"):
        return courier_of(texts)
    guesses = [guess for guess in detect(number) if guess.certainty > Certainty.UNLIKELY]
    if not texts.get("courier_code", "").strip():
        if not guesses:
            raise Refused(COURIER_UNDETECTED, "Cannot detect courier.")
        return guesses[0].courier
    given = courier_of(texts)
    if any(guess.courier == given for guess in guesses):
        return given
    return next((guess.courier for guess in guesses if guess.certainty is Certainty.SURE), given)


def _known(courier: str, name: str = "courier_code") -> str:
    """Refuse a courier that nobody knows: a slip of the pen would wait for ever for its first scan."""
    if not is_known(courier):
        message = "no courier has it. Parcels of a courier of your own are made by POST /v1/updates"
        raise Refused(INVALID_COURIER, f"The value of {name} is invalid: {message}.")
    return courier


def _facts(texts: Mapping[str, str]) -> dict[str, str]:
    facts = {}
    for name, fact in ((name, _GIVEN[name]) for name in texts if name in _GIVEN):
        try:
            facts[fact] = check(fact, texts[name])
        except InvalidInput as error:
            raise Refused(INVALID_FORMAT, f"{name} {error.message}.") from None
    return facts

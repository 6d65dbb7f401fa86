"""What the readers of shop platforms have in common: a parcel that is registered, its courier, and its customer."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from waypost.domain import facts
from waypost.domain.errors import InvalidInput
from waypost.domain.inbound import PushedParcel, ShopShipment
from waypost.domain.times import read_time
from waypost.sources.couriers.detection import detect
from waypost.sources.couriers.table import is_known
from waypost.sources.pushes.telling import number_of
from waypost.sources.reading import clean

LONGEST_SHIPMENT: Final = 100


@cache
def companies() -> Mapping[str, list[str]]:
    """Return the courier codes that may be meant by a name, in lower case."""
    return tomllib.loads((files(__package__) / "companies.toml").read_text(encoding="utf-8"))


def courier_of(name: object, number: str) -> str | None:
    """Return the courier code of a shop's name for it and a number; None if only the number can tell."""
    text = (clean(name) or "").casefold()
    codes = companies().get(text, ())
    if len(codes) > 1:
        looks_like = {guess.courier for guess in detect(number)}
        return next((code for code in codes if code in looks_like), codes[0])
    if codes:
        return codes[0]
    code = text.replace(" ", "-").replace("_", "-")
    return code if is_known(code) else None


def order(number: object, company: object, given: Mapping[str, object]) -> tuple[PushedParcel, ...]:
    """Return a parcel to register, with the facts of its order; nothing without a valid number.

    A fact that is not valid is left out: a shop must not learn of an error about content.
    """
    valid = number_of(number)
    if valid is None:
        return ()
    checked = {name: text for name, value in given.items() if (text := _fact(name, value)) is not None}
    return (PushedParcel(valid, courier_of(company, valid), None, checked, registers=True),)


def shipment(text: object, *, cancelled: bool, changed_at: str | None) -> ShopShipment | None:
    """Return a shop's shipment; None without a usable id. A time without an offset is UTC."""
    name = clean(str(text)) if isinstance(text, int | str) and not isinstance(text, bool) else None
    if name is None or len(name) > LONGEST_SHIPMENT:
        return None
    return ShopShipment(name, cancelled, None if changed_at is None else read_time(changed_at))


def _fact(name: str, value: object) -> str | None:
    text = clean(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)
    try:
        return None if text is None else facts.check(name, text)
    except InvalidInput:
        return None

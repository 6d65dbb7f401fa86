"""The table of couriers, loaded once: names, pages and the facts that each needs."""

import tomllib
from collections.abc import Container, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

_FOLDER: Final = files(__package__) / "table"

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$")]
Phone = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9 ]+$")]
Site = Annotated[str, msgspec.Meta(pattern=r"^https://[a-z0-9.-]+$")]
Page = Annotated[str, msgspec.Meta(pattern=r"^https://[a-z0-9.-]+/[!-~]*\{number\}[!-~]*$")]
Name = Annotated[str, msgspec.Meta(min_length=2, max_length=80)]


class CourierType(StrEnum):
    """The type of a courier: a country's postal operator, another mail service, or parcels and freight."""

    GLOBALPOST = "globalpost"
    POSTAL = "postal"
    EXPRESS = "express"


class RequiredFact(StrEnum):
    """A fact of a parcel that some couriers need besides its number, with its v4 name."""

    POSTAL_CODE = "tracking_postal_code"
    SHIP_DATE = "tracking_ship_date"
    ACCOUNT = "tracking_courier_account"
    ORIGIN = "tracking_origin_country"
    DESTINATION = "tracking_destination_country"
    KEY = "tracking_key"


class Courier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One courier; facts that are not certain are left out.

    ``track`` is the page of a parcel, with ``{number}`` in place of its number. ``languages`` are those that it
    supports, its own first. ``issues`` are the countries whose S10 numbers are its own. ``required`` and ``optional``
    are facts that it needs besides the number.
    """

    name: Name
    type: CourierType
    country: Country | None = None
    url: Site | None = None
    track: Page | None = None
    phone: Phone | None = None
    languages: tuple[Language, ...] = ()
    issues: tuple[Country, ...] = ()
    required: tuple[RequiredFact, ...] = ()
    optional: tuple[RequiredFact, ...] = ()


@cache
def couriers() -> Mapping[str, Courier]:
    """Return all couriers by code, in the order of the codes."""
    found: dict[str, Courier] = {}
    for file in _FOLDER.iterdir():
        region = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), dict[Code, Courier])
        if twice := sorted(found.keys() & region.keys()):
            raise ValueError(f"{file.name} names {', '.join(twice)} again.")
        found |= region
    return MappingProxyType(dict(sorted(found.items())))


@cache
def posts() -> Mapping[str, str]:
    """Return the code of the post that issues a country's S10 numbers, by country."""
    return MappingProxyType({country: code for code, courier in couriers().items() for country in courier.issues})


def is_known(code: str) -> bool:
    """Return whether the table has a courier."""
    return code in couriers()


def missing_fact(code: str, given: Container[str]) -> RequiredFact | None:
    """Return the first fact that a courier requires and that is not among those given."""
    courier = couriers().get(code)
    return None if courier is None else next((fact for fact in courier.required if fact not in given), None)


def courier_named(text: str) -> str:
    """Return the code of the courier with this name, in any case, or the text itself: it may be a code."""
    wanted = text.strip().casefold()
    return _codes().get(wanted, wanted)


@cache
def _codes() -> Mapping[str, str]:
    """Return the codes by name; of two couriers with one name, the first one's."""
    return MappingProxyType({one.name.casefold(): code for code, one in reversed(tuple(couriers().items()))})

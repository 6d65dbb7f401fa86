"""What aggregators call couriers, and the codes that Waypost has for them."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from waypost.sources.couriers.table import is_known


@cache
def _names() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads((files(__package__) / "couriers.toml").read_text(encoding="utf-8"))


@cache
def _codes(sender: str) -> Mapping[str, str]:
    """Return the codes by an aggregator's names in lower case; the first courier that has a name keeps it."""
    found: dict[str, str] = {}
    for code, names in _names().items():
        for name in names.get(sender, ()):
            found.setdefault(name.casefold(), code)
    return found


def code_of(sender: str, name: object) -> str | None:
    """Return the courier code of an aggregator's name, or of one spelled like Waypost's code; None if unknown."""
    if not isinstance(name, str | int):
        return None
    text = str(name).strip().casefold()
    code = _codes(sender).get(text, text.replace("_", "-"))
    return code if is_known(code) else None


def known_codes() -> tuple[str, ...]:
    """Return the courier codes that aggregators have names for."""
    return tuple(_names())


def name_of(sender: str, code: str) -> str | None:
    """Return what an aggregator calls a courier; None if that is not known."""
    return next(iter(_names().get(code, {}).get(sender, ())), None)

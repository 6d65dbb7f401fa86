"""The texts of tracking pages by language (``languages/*.toml``), and the choice of the language."""

import tomllib
from datetime import date
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

_MOST_WANTED: Final = 20
"""The number of languages in an Accept-Language header that are considered."""


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language. ``tag`` is its HTML language tag, ``day`` its date format."""

    name: str
    tag: str
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    day: str
    phrases: dict[str, str]
    steps: dict[str, str]
    statuses: dict[str, str]
    substatuses: dict[str, str]

    def say_day(self, day: date) -> str:
        """Return a date with its weekday."""
        return self.day.format(
            weekday=self.weekdays[day.weekday()], day=day.day, month=self.months[day.month - 1], year=day.year
        )


def _load() -> dict[str, Texts]:
    folder = files(__package__) / "languages"
    return {
        file.name.removesuffix(".toml"): msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Texts)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }


LANGUAGES: Final = MappingProxyType(_load())
"""Every language, by its short name as used in ``?lang=``."""

DEFAULT: Final = "en"


def choose(asked: str | None, accepted: str) -> str:
    """Return the language to use: the requested one, otherwise the best of Accept-Language, otherwise English."""
    if asked is not None and asked in LANGUAGES:
        return asked
    wanted = sorted(
        ((_weight(part), place, part) for place, part in enumerate(accepted.split(",")[:_MOST_WANTED])),
        key=lambda one: (-one[0], one[1]),
    )
    for weight, _, part in wanted:
        language = part.partition(";")[0].strip().lower().partition("-")[0]
        if weight > 0 and language in LANGUAGES:
            return language
    return DEFAULT


def _weight(part: str) -> float:
    """Return the ``q`` value of a part; 0 if it is malformed."""
    _, _, parameter = part.partition(";")
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0

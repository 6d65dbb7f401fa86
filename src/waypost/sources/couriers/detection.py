"""Which couriers a tracking number may belong to, the best match first."""

import re
import tomllib
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

from waypost.sources.couriers.check_digits import CHECKS, s10
from waypost.sources.couriers.table import Code, posts

MOST_GUESSES: Final = 5
_S10: Final = re.compile(r"(?P<service>[A-Z]{2})(?P<serial>\d{8})(?P<check>\d)(?P<country>[A-Z]{2})", re.ASCII)


class Certainty(IntEnum):
    """How well a number fits a courier."""

    UNLIKELY = 0
    """It looks like one of the courier's, but its check digit is wrong: perhaps it was mistyped."""
    GUESS = 1
    """It looks like one of the courier's, but also like many others: only its length or first letters match."""
    LIKELY = 2
    """Either its form is the courier's own or its check digit is right."""
    SURE = 3
    """Both."""


class Guess(NamedTuple):
    """A courier that a number may belong to."""

    courier: str
    certainty: Certainty


class Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of a courier's numbers, as ``formats.toml`` describes it."""

    courier: Code
    pattern: str
    example: str
    check: str | None = None
    distinctive: bool = False


@cache
def formats() -> tuple[Format, ...]:
    """Return the formats, better matches first."""
    text = (files(__package__) / "formats.toml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(tomllib.loads(text)["format"], list[Format]))


def detect(number: str) -> tuple[Guess, ...]:
    """Return the couriers that a normalised number may belong to, best match first, at most five."""
    best: dict[str, Certainty] = {}
    for guess in (*_by_format(number), *_by_country(number)):
        best[guess.courier] = max(guess.certainty, best.get(guess.courier, guess.certainty))
    # A sure match removes guesses, and any match removes those with a wrong check digit.
    surest = max(best.values(), default=Certainty.UNLIKELY)
    least = Certainty.LIKELY if surest is Certainty.SURE else min(surest, Certainty.GUESS)
    ranked = sorted(best.items(), key=lambda item: -item[1])
    return tuple(Guess(courier, certainty) for courier, certainty in ranked if certainty >= least)[:MOST_GUESSES]


@cache
def _matchers() -> tuple[tuple[Format, re.Pattern[str]], ...]:
    return tuple((one, re.compile(one.pattern, re.ASCII)) for one in formats())


def _by_format(number: str) -> list[Guess]:
    matches = ((one, pattern.fullmatch(number)) for one, pattern in _matchers())
    return [Guess(one.courier, _certainty(one, match)) for one, match in matches if match]


def _certainty(form: Format, match: re.Match[str]) -> Certainty:
    if form.check is None:
        return Certainty.LIKELY if form.distinctive else Certainty.GUESS
    if CHECKS[form.check](match["serial"]) != match["check"]:
        return Certainty.UNLIKELY
    return Certainty.SURE if form.distinctive else Certainty.LIKELY


def _by_country(number: str) -> list[Guess]:
    match = _S10.fullmatch(number)
    if match is None or match["country"] not in posts():
        return []
    right = s10(match["serial"]) == match["check"]
    return [Guess(posts()[match["country"]], Certainty.SURE if right else Certainty.UNLIKELY)]

"""How well the couriers of known numbers are recognised, for the page about it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.couriers.table import couriers

FEW: Final = 3
_NUMBERS: Final = Path(__file__).resolve().parents[2] / "tests/unit/known_numbers.toml"


class Recognition(NamedTuple):
    """How many of a courier's known numbers are recognised."""

    code: str
    name: str
    numbers: int
    first: int
    in_first_three: int
    guesses: int
    """Recognised among the first three by nothing but a length or a few letters."""

    @property
    def not_recognised(self) -> int:
        """How many do not have the courier among their first three guesses."""
        return self.numbers - self.in_first_three


@cache
def known_numbers() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the known numbers: of couriers with formats of their own, and of the posts of countries."""
    found: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(_NUMBERS.read_text(encoding="utf-8"))
    return found


def recognised(part: str) -> Iterator[Recognition]:
    """Yield how the couriers of a part of the list are recognised, by their names."""
    for code, numbers in sorted(known_numbers()[part].items(), key=lambda item: couriers()[item[0]].name.casefold()):
        ranked = [{guess.courier: (rank, guess.certainty) for rank, guess in enumerate(detect(one))} for one in numbers]
        ranks = [places[code] for places in ranked if code in places]
        yield Recognition(
            code,
            couriers()[code].name,
            len(numbers),
            sum(rank == 0 for rank, _ in ranks),
            sum(rank < FEW for rank, _ in ranks),
            sum(rank < FEW and certainty is Certainty.GUESS for rank, certainty in ranks),
        )


def total(all_of_them: Sequence[Recognition]) -> Recognition:
    """Return the sums."""
    return Recognition(
        "",
        "All",
        sum(one.numbers for one in all_of_them),
        sum(one.first for one in all_of_them),
        sum(one.in_first_three for one in all_of_them),
        sum(one.guesses for one in all_of_them),
    )

"""A carrier's codes and what they mean, from a TOML file beside its reader; and how a scan is interpreted with them.

One table for each kind of code that the carrier has, the finest first in the file:

    [status_code]
    silent = ["000"]                 # known, and says nothing of the parcel's way

    [status_code.says]
    "011" = "delivered001"

    [status_code.general]            # says little: a text may say more, across main statuses too
    "013" = "exception005"
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Final

import msgspec

from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.domain.wording import read_wording


class Meaning(msgspec.Struct, frozen=True):
    """What a code says: a substatus, or None for one that is known to say nothing; ``general`` if it says little."""

    substatus: str | None
    general: bool = False


class Interpretation(msgspec.Struct, frozen=True):
    """What a scan says, and by what: ``code``, ``general_code`` or ``text``.

    ``unknown_code`` is the code that no table has, to be counted and reported; None where all were known.
    """

    substatus: str | None
    basis: str
    unknown_code: str | None = None


class CodeTable:
    """The codes of one kind, in upper case as carriers mostly write them."""

    def __init__(self, meanings: Mapping[str, Meaning]) -> None:
        self._meanings = {code.upper(): meaning for code, meaning in meanings.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._meanings)

    def read(self, code: object) -> Meaning | None:
        """Return what the code says; None for a code that is not in the table, and for none."""
        return self._meanings.get(code.strip().upper()) if isinstance(code, str) else None


def load(package: str, file: str = "codes.toml") -> dict[str, CodeTable]:
    """Return the tables of a carrier by the kind of code. Raises ValueError for a table that is not well made."""
    tables = tomllib.loads((files(package) / file).read_text(encoding="utf-8"))
    return {kind: _table(kind, table) for kind, table in tables.items()}


def _table(kind: str, table: Mapping[str, Mapping[str, str]]) -> CodeTable:
    meanings: dict[str, Meaning] = {}
    says = [(code, Meaning(substatus)) for code, substatus in table.get("says", {}).items()]
    general = [(code, Meaning(substatus, general=True)) for code, substatus in table.get("general", {}).items()]
    silent = [(code, Meaning(None)) for code in table.get("silent", ())]
    for code, meaning in (*says, *general, *silent):
        if code in meanings or (meaning.substatus is not None and meaning.substatus not in SUBSTATUSES):
            raise ValueError(f"{kind}: {code} is there twice, or {meaning.substatus} is not a substatus")
        meanings[code] = meaning
    return CodeTable(meanings)


CODE: Final = "code"
GENERAL_CODE: Final = "general_code"
TEXT: Final = "text"


def interpret(codes: Iterable[tuple[object, CodeTable]], texts: Iterable[object]) -> Interpretation:
    """Return what a scan says; ``codes`` are its codes, the finest first, ``texts`` its texts, the most telling first.

    The finest code that is known decides. A text refines it within the same main status, and across main statuses
    where the code is a general one; but no text makes a general code a delivery. Where no code is known the texts are
    all there is.
    """
    unknown: str | None = None
    meaning: Meaning | None = None
    for code, table in codes:
        meaning = table.read(code)
        if meaning is not None:
            break
        if unknown is None and isinstance(code, str) and code.strip():
            unknown = code.strip()
    read = [reading for text in texts if isinstance(text, str) and (reading := read_wording(text))]
    if meaning is None:
        return Interpretation(next(iter(read), None), TEXT, unknown)
    if meaning.substatus is None:
        return Interpretation(None, CODE, unknown)
    if meaning.general:
        finer = next((one for one in read if status_of(one) is not Status.DELIVERED), meaning.substatus)
        # A text that says no more than the code undoes no more than the code does.
        return Interpretation(finer, GENERAL_CODE if finer == meaning.substatus else TEXT, unknown)
    same = [one for one in read if status_of(one) is status_of(meaning.substatus)]
    return Interpretation(_finer(meaning.substatus, same), CODE, unknown)


def _finer(substatus: str, readings: list[str]) -> str:
    """Return the first reading that says more than the code, which mostly is the first of its status."""
    if not substatus.endswith("001"):
        return substatus
    return next((one for one in readings if one != substatus), substatus)

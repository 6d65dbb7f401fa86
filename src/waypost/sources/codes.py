"""A carrier's codes and their meanings, from a TOML file beside its reader, and how they are used to read a scan.

One table for each kind of code that the carrier has, the finest first in the file:

    [status_code]
    silent = ["000"]                 # known, and says nothing about the parcel's journey

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

from waypost.domain.checkpoints import Basis
from waypost.domain.readings import Reading, read_text
from waypost.domain.statuses import SUBSTATUSES, Status, status_of

_RETURNED: Final = "exception010"
_RETURNING: Final = "exception011"


class Meaning(msgspec.Struct, frozen=True):
    """What a code says: a substatus, or None if it is known to say nothing; ``general`` if it says little."""

    substatus: str | None
    general: bool = False


class CodeTable:
    """The codes of one kind, in upper case as carriers mostly write them."""

    def __init__(self, meanings: Mapping[str, Meaning]) -> None:
        self._meanings = {code.upper(): meaning for code, meaning in meanings.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._meanings)

    def read(self, code: object) -> Meaning | None:
        """Return what the code says; None for an unknown or missing code."""
        return self._meanings.get(code.strip().upper()) if isinstance(code, str) else None


def load(package: str, file: str = "codes.toml") -> dict[str, CodeTable]:
    """Return the tables of a carrier by the kind of code. Raise ValueError for a table that is not valid."""
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


def interpret(codes: Iterable[tuple[object, CodeTable]], texts: Iterable[object]) -> Reading:
    """Return what a scan says; ``codes`` are its codes, finest first, ``texts`` its texts, most specific first.

    The finest known code decides. A text refines it within the same main status, and across main statuses if the code
    is a general one; but no text makes a general code a delivery, and a text about a return means that the parcel is on
    its way back. A delivery whose text names the sender is a return: carriers have one code for both. A code that is
    known to say nothing gives a reading by code without a substatus. Without a known code only the texts count.
    """
    meaning = next((found for code, table in codes if (found := table.read(code)) is not None), None)
    told = [one for text in texts if isinstance(text, str) and (one := read_text(text)).substatus is not None]
    if meaning is None:
        return told[0] if told else Reading(None, Basis.TEXT)
    if meaning.substatus is None:
        return Reading(None, Basis.CODE)
    if status_of(meaning.substatus) is Status.DELIVERED and any(one.substatus == _RETURNED for one in told):
        return Reading(_RETURNED, Basis.CODE)
    if not meaning.general:
        return Reading(_finer(meaning.substatus, told), Basis.CODE)
    finer = next((one for one in told if one.status is not Status.DELIVERED), None)
    # A text that says no more than the code overrides no more than the code does.
    if finer is None or finer.substatus == meaning.substatus:
        return Reading(meaning.substatus, Basis.GENERAL_CODE)
    return Reading(_RETURNING, finer.basis, finer.doubtful) if finer.substatus == _RETURNED else finer


def _finer(substatus: str, told: list[Reading]) -> str:
    """Return the first reading that says more than the code, usually the first of its status."""
    if not substatus.endswith("001"):
        return substatus
    same = [one.substatus for one in told if one.status is status_of(substatus) and one.substatus is not None]
    return next((one for one in same if one != substatus), substatus)

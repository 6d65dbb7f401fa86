"""Cells of a CSV file that a spreadsheet treats as text, and the texts of cells that a spreadsheet wrote.

A spreadsheet evaluates a cell that starts like a formula, which can make network requests. Quotation marks don't
prevent that: a spreadsheet that separates by semicolons finds the quotation marks of a comma-separated file in the
middle of its cells, where they have no effect, and starts a new cell after each semicolon, tab and line break. So an
apostrophe, which marks a text, precedes anything that could start a formula in these places. Imports remove it.
"""

import re
from typing import Final

_APOSTROPHE: Final = "'"
_QUOTES: Final = r"[\"' ]*"
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""Characters that start a formula in spreadsheets; the last four are their East Asian full-width forms."""

_FORMULA: Final = rf"\A{_QUOTES}[{_SIGNS}\t\r\n]|(?<=[;\t\r\n]){_QUOTES}[{_SIGNS}]"
_OPEN: Final = re.compile(rf"(?={_FORMULA})")
# The apostrophe is among the quotation marks, so guarded text still matches: no other apostrophe counts as ours.
_GUARDED: Final = re.compile(rf"(?={_FORMULA}){_APOSTROPHE}")


def guard(text: str) -> str:
    """Return a text as a cell without formulas; ``unguard`` restores it."""
    return _OPEN.sub(_APOSTROPHE, text)


_KEPT_AS_TEXT: Final = re.compile(r'="(?P<text>.*)"', re.DOTALL)
"""How people write a number so that a spreadsheet leaves it alone: a formula that gives a text."""

_EXPONENT: Final = re.compile(r"[0-9](?:[.,][0-9]+E\+?|E\+)[0-9]{1,2}", re.ASCII | re.IGNORECASE)
_FRACTION: Final = re.compile(r"[0-9]{8,}[.,]0+", re.ASCII)


def text_of(cell: str) -> str:
    """Return the text of a cell: without white space around it, and without what says to a spreadsheet that it is one.

    That is ``="…"`` around it, or the apostrophes of ``guard``.
    """
    stripped = cell.strip()
    found = _KEPT_AS_TEXT.fullmatch(stripped)
    return unguard(stripped) if found is None else found["text"].replace('""', '"').strip()


def is_rounded(text: str) -> bool:
    """Return whether a spreadsheet has made a number of a text of digits: as ``3.40434E19`` most of them are lost."""
    return _EXPONENT.fullmatch(text) is not None


def is_decimal(text: str) -> bool:
    """Return whether a spreadsheet has made a decimal number of a text of digits, such as ``340434241592066115.0``."""
    return _FRACTION.fullmatch(text) is not None


def unguard(cell: str) -> str:
    """Return the text of a cell, without the apostrophes that ``guard`` added."""
    return _GUARDED.sub("", cell)

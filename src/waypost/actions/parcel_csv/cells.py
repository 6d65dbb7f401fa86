"""Texts as cells of a CSV file that a spreadsheet opens as texts, and texts of cells that a spreadsheet wrote.

A cell that begins like a formula would be calculated, and may call out. No quotation marks prevent that: a spreadsheet
that separates by semicolons sees those of a file with commas in the middle of its cells, where they quote nothing, and
begins a cell behind each semicolon, tab and line break of a text. So an apostrophe, which says "this is a text", goes
before whatever may be taken for a formula in any of these places; it is taken away again when the file comes back.
"""

import re
from typing import Final

_APOSTROPHE: Final = "'"
_QUOTES: Final = r"[\"' ]*"
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""What spreadsheets take for the beginning of a formula; the last four are the signs' wide forms of East Asia."""

_FORMULA: Final = rf"\A{_QUOTES}[{_SIGNS}\t\r\n]|(?<=[;\t\r\n]){_QUOTES}[{_SIGNS}]"
_OPEN: Final = re.compile(rf"(?={_FORMULA})")
# An apostrophe counts among the quotation marks, so what was guarded still reads as a formula: none is taken for ours.
_GUARDED: Final = re.compile(rf"(?={_FORMULA}){_APOSTROPHE}")


def guard(text: str) -> str:
    """Give a text as a cell in which nothing is a formula; ``unguard`` gives it back."""
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
    """Give the text of a cell: without the apostrophes that say that it is one."""
    return _GUARDED.sub("", cell)

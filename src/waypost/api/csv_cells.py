"""Texts as cells of a CSV file that a spreadsheet opens as texts.

A cell that begins like a formula would be calculated, and may call out. Such a text gets an apostrophe before it, which
spreadsheets read as "this is a text", and which is taken away again when the file comes back.
"""

from typing import Final

_APOSTROPHE: Final = "'"
_BEGIN_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula; the last four are the signs' wide forms of East Asia."""

_GUARDED: Final = (*_BEGIN_FORMULAS, _APOSTROPHE)


def guard(text: str) -> str:
    """Give a text as a cell that is never a formula; ``unguard`` gives it back."""
    return _APOSTROPHE + text if text.startswith(_GUARDED) else text


def unguard(cell: str) -> str:
    """Give the text of a cell: without the apostrophe that says that it is one."""
    return cell[1:] if cell.startswith(_APOSTROPHE) and cell[1:].startswith(_GUARDED) else cell

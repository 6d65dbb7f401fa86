"""Read parcels from a CSV file row by row: the parcel, or what is wrong and where.

The first line names the columns like the fields of v4. The separator is comma, semicolon or tab, or the one named by a
preceding line ``sep=;``; a byte order mark, any line endings and line breaks within quotes are accepted. Only one row
is in memory at a time, however long the file is.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, Final, NamedTuple

import msgspec

from waypost.actions.parcel_csv.cells import is_decimal, is_rounded, text_of
from waypost.actions.parcel_fields import PARCEL_FIELDS, NewTracking, read_parcel
from waypost.actions.refusals import Invalid

SHOWN_COLUMNS: Final = (
    *("id", "delivery_status", "substatus", "archived", "created_at", "update_at"),
    *("latest_event", "latest_checkpoint_time", "transit_time"),
)
"""Columns that an export adds for people to read; an import ignores them."""

_OF_DIGITS: Final = frozenset(
    {
        *("tracking_number", "order_number", "order_id", "customer_sms", "recipient_postcode"),
        *("tracking_postal_code", "tracking_key", "tracking_courier_account"),
    }
)
"""The columns whose texts may be long numbers, which spreadsheets round."""

LONGEST_LINE: Final = 65_536
LONGEST_NAME: Final = 100
"""The length to which an unknown column's name is repeated, in ASCII, since a terminal may show it."""

_COURIER: Final = "courier_code"
"""Without one the courier is detected from the number, as in the form for a single parcel."""

_SEPARATORS: Final = ",;\t"
_NAMED_SEPARATOR: Final = re.compile(r'"?sep=(?P<sign>[^"\r\n])"?[,;\t]*\r?\n?', re.IGNORECASE)
"""The line in which a file names its separator for Excel."""

_NUMBER: Final = "tracking_number"
_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
"""The characters that replace bytes that are not UTF-8, so that one such byte fails its row and not the file."""

_TOO_LONG: Final = "field larger than"
"""The start of the csv module's error for a cell longer than 128 KiB."""

_ROUNDED: Final = "was turned into a number by a spreadsheet. Format the column as text and enter the number again"
_QUOTATION: Final = "has a misplaced or unclosed quotation mark"
_SAVE_AS: Final = "is not in UTF-8. In Excel, save the file as “CSV UTF-8” instead of “CSV”"
"""The error of a text in another encoding. None is guessed, because a wrong guess succeeds too: Windows-1252 reads a
Polish name in Windows-1250 as other letters, and the shopper would be the first to see the damaged name."""


class Mistake(msgspec.Struct, frozen=True):
    """An error in a row: its first line in the file, the column (empty for the whole row), and the reason."""

    line: int
    field: str
    reason: str


class Row(NamedTuple):
    """A parcel of a CSV file, and the first line of its row."""

    line: int
    parcel: NewTracking


class UnreadableError(Exception):
    """The rest of a CSV file can't be read."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.reason)
        self.mistake = mistake


def read_rows(file: BinaryIO) -> Iterator[Row | Mistake]:
    """Yield the rows of a file from its current position. If the rest is unreadable, the last item is the mistake."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _parcels(_records(text))
    except UnreadableError as error:
        yield error.mistake
    finally:
        text.detach()


def _records(text: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each non-empty row and its first line. Raise UnreadableError."""
    line, lines = 1, _lines(text)
    try:
        first = next(lines, "")
        if named := _NAMED_SEPARATOR.fullmatch(first):
            line, first = 2, next(lines, "")
        separator = named["sign"] if named else _separator(first)
        reader, before = csv.reader(chain([first], lines), delimiter=separator, strict=True), line
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = before + reader.line_num
    except csv.Error as error:
        is_long = str(error).startswith(_TOO_LONG)
        reason = "has a cell that is too long or an unclosed quotation mark" if is_long else _QUOTATION
        raise UnreadableError(Mistake(line, "", reason)) from None


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise csv.Error(_TOO_LONG)
        yield line


def _separator(header: str) -> str:
    """Return the separator that splits the first line into the most columns."""
    return max(_SEPARATORS, key=lambda sign: len(next(csv.reader([header], delimiter=sign), [])))


def _parcels(records: Iterator[tuple[int, list[str]]]) -> Iterator[Row | Mistake]:
    line, header = next(records, (1, []))
    columns = [re.sub(r"[ -]+", "_", text_of(cell).lower()) for cell in header]
    if (mistake := _wrong_header(line, columns)) is not None:
        yield mistake
        return
    for at, cells in records:
        yield _parcel(at, columns, cells)


def _wrong_header(line: int, columns: Sequence[str]) -> Mistake | None:
    if any(map(_NOT_UTF8.search, columns)):
        return Mistake(line, "", f"the first line {_SAVE_AS}")
    if _NUMBER not in columns:
        return Mistake(line, _NUMBER, "is missing from the first line, which must name the columns")
    for place, column in enumerate(columns):
        if column and column not in PARCEL_FIELDS and column not in SHOWN_COLUMNS:
            return Mistake(line, ascii(column[:LONGEST_NAME])[1:-1], "is an unknown field")
        if column and column in columns[:place]:
            return Mistake(line, column, "names two columns")
    return None


def _parcel(line: int, columns: Sequence[str], cells: Sequence[str]) -> Row | Mistake:
    named = list(zip(columns, cells, strict=False))
    nameless = [cell for column, cell in named if not column] + list(cells[len(columns) :])
    if any(cell.strip() for cell in nameless):
        return Mistake(line, "", "has a cell in a column without a name")
    if (strange := next((column for column, cell in named if _NOT_UTF8.search(cell)), None)) is not None:
        return Mistake(line, strange, _SAVE_AS)
    texts = {column: text_of(cell) for column, cell in named if column in PARCEL_FIELDS}
    for column, text in texts.items():
        if column in _OF_DIGITS and (is_rounded(text) or (column == _NUMBER and is_decimal(text))):
            return Mistake(line, column, _ROUNDED)
    try:
        return Row(line, read_parcel(texts if texts.get(_COURIER) else texts | {"auto_correct": "true"}))
    except Invalid as refusal:
        fault = refusal.faults[0]
        return Mistake(line, fault.field, fault.message)

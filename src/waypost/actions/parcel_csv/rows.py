"""Read parcels from a CSV file row by row: the parcel, or what is wrong and where.

The first line names the columns like the fields of v4, or a mapping says which columns are read. The separator is
comma, semicolon or tab, or the one named by a preceding line ``sep=;``; a byte order mark, any line endings and line
breaks within quotes are accepted. Only one row is in memory at a time, however long the file is.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import BinaryIO, Final, NamedTuple

import msgspec

from waypost.actions.parcel_csv.cells import is_decimal, is_rounded, text_of
from waypost.actions.parcel_csv.headings import COURIER, NUMBER, labels_of, own_name, own_names
from waypost.actions.parcel_fields import PARCEL_FIELDS, NewTracking, read_parcel
from waypost.actions.refusals import Invalid
from waypost.sources.couriers.table import courier_named

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
MOST_COLUMNS: Final = 200
LONGEST_CELL: Final = 60
"""The length to which a preview shows a cell."""

_SEPARATORS: Final = ",;\t"
_NAMED_SEPARATOR: Final = re.compile(r'"?sep=(?P<sign>[^"\r\n])"?[,;\t]*\r?\n?', re.IGNORECASE)
"""The line in which a file names its separator for Excel."""

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
    """An error in a row: its first line in the file, the column as its heading says, and the reason.

    The column is empty for the whole row, and the name of the field if the file has no column for it.
    """

    line: int
    field: str
    reason: str


_NO_NUMBER: Final = Mistake(1, NUMBER, "is missing from the first line, which must name the columns")


class Row(NamedTuple):
    """A parcel of a CSV file, and the first line of its row."""

    line: int
    parcel: NewTracking


class Preview(NamedTuple):
    """The labels of a file's headings, and the shortened texts of its first rows.

    ``is_named``: the headings name fields as v4 does, so that no mapping is needed.
    """

    labels: tuple[str, ...]
    rows: list[list[str]]
    is_named: bool


class _Columns(NamedTuple):
    """The columns that are read: the place of each field. Those without a heading must be ``empty``.

    ``is_mapped``: all others are ignored.
    """

    labels: Sequence[str]
    places: Mapping[str, int]
    empty: Collection[int]
    is_mapped: bool


class UnreadableError(Exception):
    """The rest of a CSV file can't be read."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.reason)
        self.mistake = mistake


def read_rows(file: BinaryIO, mapping: Mapping[str, str] | None = None) -> Iterator[Row | Mistake]:
    """Yield the rows of a file from its current position. If the rest is unreadable, the last item is the mistake.

    ``mapping`` has the label of the column of each field, as ``labels_of`` gives it. Without one, each column is named
    as a field is.
    """
    with _text(file) as text:
        try:
            yield from _parcels(_records(text), mapping)
        except UnreadableError as error:
            yield error.mistake


def read_preview(file: BinaryIO, *, rows: int) -> Preview:
    """Return the headings and first rows of a file from its current position, up to the first that is unreadable.

    Raise UnreadableError if the headings are.
    """
    shown: list[list[str]] = []
    with _text(file) as text:
        records = _records(text)
        line, header = next(records, (1, []))
        labels = _labels(line, header)
        with suppress(UnreadableError):  # an import says where and why
            for _, cells in islice(records, rows):
                shown.append([_excerpt(cell) for cell in cells[: len(labels)]])
    return Preview(labels, shown, not isinstance(_columns(line, header, None), Mistake))


@contextmanager
def _text(file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


def _excerpt(cell: str) -> str:
    return _NOT_UTF8.sub("\N{REPLACEMENT CHARACTER}", text_of(cell[: LONGEST_CELL * 2]))[:LONGEST_CELL]


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


def _parcels(records: Iterator[tuple[int, list[str]]], mapping: Mapping[str, str] | None) -> Iterator[Row | Mistake]:
    line, header = next(records, (1, []))
    columns = _columns(line, header, mapping)
    if isinstance(columns, Mistake):
        yield columns
        return
    for at, cells in records:
        yield _parcel(at, columns, cells)


def _labels(line: int, header: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of the first line, without empty cells at its end. Raise UnreadableError."""
    while header and not header[-1].strip():
        header = header[:-1]
    if len(header) > MOST_COLUMNS:
        raise UnreadableError(Mistake(line, "", f"the first line names more than {MOST_COLUMNS} columns"))
    if any(map(_NOT_UTF8.search, header)):
        raise UnreadableError(Mistake(line, "", f"the first line {_SAVE_AS}"))
    if not header:
        raise UnreadableError(_NO_NUMBER)
    if (strange := next((cell for cell in header if "\0" in cell), None)) is not None:
        raise UnreadableError(Mistake(line, printable(strange[:LONGEST_CELL]), "is not text"))
    return labels_of(header)


def _columns(line: int, header: Sequence[str], mapping: Mapping[str, str] | None) -> _Columns | Mistake:
    labels = _labels(line, header)
    wanted = own_names(labels) if mapping is None else mapping
    if NUMBER not in wanted:
        return msgspec.structs.replace(_NO_NUMBER, line=line)
    for field, label in wanted.items():
        if label not in labels:
            return Mistake(line, field, f"is read from the column {printable(label)}, which the first line lacks")
    if mapping is None:
        known: set[str] = set()
        for label, cell in zip(labels, header, strict=False):
            name = own_name(text_of(cell))
            if name and name not in PARCEL_FIELDS and name not in SHOWN_COLUMNS:
                return Mistake(line, printable(label), "is an unknown field")
            if name and name in known:
                return Mistake(line, printable(text_of(cell)), "names two columns")
            known.add(name)
    places = {field: labels.index(label) for field, label in wanted.items()}
    empty = [place for place, cell in enumerate(header[: len(labels)]) if mapping is None and not cell.strip()]
    return _Columns(labels, places, empty, mapping is not None)


def _parcel(line: int, columns: _Columns, cells: Sequence[str]) -> Row | Mistake:
    labels, read = columns.labels, set(columns.places.values())
    if any(cell.strip() for place, cell in enumerate(cells) if place >= len(labels) or place in columns.empty):
        return Mistake(line, "", "has a cell in a column without a name")
    for place, cell in enumerate(cells[: len(labels)]):
        if (place in read or not columns.is_mapped) and _NOT_UTF8.search(cell):
            return Mistake(line, printable(labels[place]), _SAVE_AS)
    texts = {field: text_of(cells[place]) for field, place in columns.places.items() if place < len(cells)}
    names = {field: printable(labels[place]) for field, place in columns.places.items()}
    for field, text in texts.items():
        if field in _OF_DIGITS and (is_rounded(text) or (field == NUMBER and is_decimal(text))):
            return Mistake(line, names[field], _ROUNDED)
    courier = courier_named(texts.get(COURIER, ""))
    try:
        # Without a courier it is detected from the number, as in the form for a single parcel.
        return Row(line, read_parcel(texts | ({COURIER: courier} if courier else {"auto_correct": "true"})))
    except Invalid as refusal:
        fault = refusal.faults[0]
        return Mistake(line, names.get(fault.field, fault.field), fault.message)


def printable(heading: str) -> str:
    """Return a heading as a terminal can show it."""
    return heading if heading.isprintable() else ascii(heading)[1:-1]

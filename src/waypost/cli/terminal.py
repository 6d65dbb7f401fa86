"""Words for the person at the terminal."""

import sys
from collections.abc import Iterable, Sequence


def say(line: str) -> None:
    """Print one sentence on standard error, as this program's."""
    print(f"waypost: {line}", file=sys.stderr)  # noqa: T201 - this is where people are spoken to


def printable_lines(text: str) -> str:
    """Return lines of strangers as they may be shown, with the ends of lines as a terminal wants them."""
    return "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))


def printable(text: str) -> str:
    """Return text of strangers as it may be shown: it steers no terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their titles on standard output, each on one line and never shortened.

    An id that was cut can't be given to another command, so a terminal that is too narrow wraps the lines.
    """
    shown = [[printable(str(cell)) for cell in row] for row in [titles, *rows]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(titles))]
    for row in shown:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())  # noqa: T201 - the command's answer

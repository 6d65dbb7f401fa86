"""Output for the person at the terminal."""

import sys
from collections.abc import Iterable, Sequence


def say(line: str) -> None:
    """Print a sentence on standard error, with the program's name."""
    print(f"waypost: {line}", file=sys.stderr)  # noqa: T201 - messages for people


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, whose plural takes an s: ``1 parcel``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable_lines(text: str) -> str:
    """Return untrusted lines without control characters, with a terminal's line ends."""
    return "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))


def printable(text: str) -> str:
    """Return untrusted text without characters that control a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their titles on standard output, one line each, never shortened.

    An id that was cut can't be given to another command, so a terminal that is too narrow wraps the lines.
    """
    shown = [[printable(str(cell)) for cell in row] for row in [titles, *rows]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(titles))]
    for row in shown:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())  # noqa: T201 - the command's answer

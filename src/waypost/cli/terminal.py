"""Words for the person at the terminal."""

import sys


def say(line: str) -> None:
    """Print one sentence on standard error, as this program's."""
    print(f"waypost: {line}", file=sys.stderr)  # noqa: T201 - this is where people are spoken to


def printable_lines(text: str) -> str:
    """Return lines of strangers as they may be shown, with the ends of lines as a terminal wants them."""
    return "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))


def printable(text: str) -> str:
    """Return text of strangers as it may be shown: it steers no terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)

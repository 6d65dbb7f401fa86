"""What the demo writes: lines, in colour on a terminal and plain anywhere else."""

from typing import Final

from rich.console import Console
from rich.text import Text

_COLOURS: Final = {
    "delivered": "green",
    "pickup": "cyan",
    "exception": "red",
    "undelivered": "yellow",
    "notfound": "magenta",
    "expired": "red",
}


class Screen:
    """Writes to standard output; a line is never broken to fit."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """Write a line or several."""
        self._console.print(Text(text, style), soft_wrap=True)

    def place(self, name: str, url: str) -> None:
        """Write where something is to be found."""
        self._console.print(Text.assemble((f"  {name:<12}", "bold"), url), soft_wrap=True)

    def delivery(self, *, at: float, number: str, sequence: int, status: str, endpoint: str, answer: str) -> None:
        """Write one delivery: seconds since the start, parcel, number within the parcel, status, endpoint, answer."""
        line = Text.assemble(
            (f"{at:6.1f} s  ", "dim"),
            f"{number:<22} ",
            (f"#{sequence:<3}", "dim"),
            (f"{status:<13}", _COLOURS.get(status, "")),
            (f"{endpoint}  ", "dim"),
            answer,
        )
        self._console.print(line, soft_wrap=True)

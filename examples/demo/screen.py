"""The demo's output: lines, in colour on a terminal, otherwise plain."""

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
    """Writes to standard output; long lines are not wrapped."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """Write one or more lines."""
        self._console.print(Text(text, style), soft_wrap=True)

    def place(self, name: str, url: str) -> None:
        """Write where something can be found."""
        self._console.print(Text.assemble((f"  {name:<12}", "bold"), url), soft_wrap=True)

    def delivery(self, *, at: float, number: str, sequence: int, status: str, endpoint: str, answer: str) -> None:
        """Write one delivery: seconds since the start, parcel, number within the parcel, status, endpoint, response."""
        line = Text.assemble(
            (f"{at:6.1f} s  ", "dim"),
            f"{number:<22} ",
            (f"#{sequence:<3}", "dim"),
            (f"{status:<13}", _COLOURS.get(status, "")),
            (f"{endpoint}  ", "dim"),
            answer,
        )
        self._console.print(line, soft_wrap=True)

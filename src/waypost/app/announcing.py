"""How a server tells what it is about to do."""

from typing import Protocol


class Announce(Protocol):
    """Takes a sentence for people; ``event`` and ``fields`` are what a log line says in its place."""

    def __call__(self, line: str, event: str = "progress_made", **fields: object) -> None:
        """Tell it."""

"""How a server announces what it is about to do."""

from typing import Protocol


class Announce(Protocol):
    """Takes a sentence for people; log lines have ``event`` and ``fields`` instead."""

    def __call__(self, line: str, event: str = "progress_made", **fields: object) -> None:
        """Announce a step."""

"""The roles of a server process."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a process does; `serve` does all of it."""

    WEB = "web"
    DISPATCH = "dispatch"
    POLL = "poll"
    KEEP = "keep"


EVERYTHING: Final = frozenset(Role)

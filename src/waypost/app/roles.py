"""What a process of the server does."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a process does; `serve` does all of it. Dispatch is always done by processes of its own."""

    WEB = "web"
    DISPATCH = "dispatch"
    POLL = "poll"
    KEEP = "keep"


EVERYTHING: Final = frozenset(Role)

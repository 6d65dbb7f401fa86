"""Who was not let in: one line in the log and one count each, so that guessing is seen by whoever watches either."""

from collections import Counter
from enum import StrEnum
from typing import Final

import structlog

_LOG: Final = structlog.get_logger()
DENIED: Final[Counter["Denial"]] = Counter()
"""How many this process has denied, by what was wrong."""


class Denial(StrEnum):
    """What was wrong with an attempt to come in."""

    PASSWORD = "password"  # noqa: S105 - the name of a reason
    LOGIN_LINK = "login_link"
    TOO_MANY_TRIES = "too_many_tries"
    KEY_MISSING = "key_missing"
    KEY_UNKNOWN = "key_unknown"
    KEY_SCOPE = "key_scope"


def note_denial(denial: Denial, address: str) -> None:
    """Count that somebody was not let in, and log from which address; nothing of what was given is written down."""
    DENIED[denial] += 1
    _LOG.info("access_denied", reason=denial.value, address=address)

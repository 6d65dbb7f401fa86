"""Denied access: one log line and one count each, so that guessing shows in both the log and the metrics."""

from collections import Counter
from enum import StrEnum
from typing import Final

import structlog

_LOG: Final = structlog.get_logger()
DENIED: Final[Counter["Denial"]] = Counter()
"""The number of denials by this process, by reason."""


class Denial(StrEnum):
    """Why access was denied, for the log and the metrics."""

    PASSWORD = "password"  # noqa: S105 - the name of a reason
    LOGIN_LINK = "login_link"
    TOO_MANY_TRIES = "too_many_tries"
    KEY_MISSING = "key_missing"
    KEY_UNKNOWN = "key_unknown"
    KEY_SCOPE = "key_scope"


def note_denial(denial: Denial, address: str) -> None:
    """Count and log a denial with the caller's address; the credentials given are never logged."""
    DENIED[denial] += 1
    _LOG.info("access_denied", reason=denial.value, address=address)

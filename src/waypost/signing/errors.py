"""The errors for a bad secret or signature.

InvalidSecret         the secret itself cannot be used
VerificationError     a webhook is not what it claims to be; ``check`` says which check failed
"""

from enum import StrEnum


class Check(StrEnum):
    """The checks of a verification, in the order in which they are made."""

    ID_MISSING = "id_missing"
    ID_MALFORMED = "id_malformed"
    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    TIMESTAMP_TOO_OLD = "timestamp_too_old"
    TIMESTAMP_TOO_NEW = "timestamp_too_new"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_MISMATCH = "signature_mismatch"


class InvalidSecret(ValueError):
    """A secret that cannot be used; its text is the reason and never contains the secret."""


class VerificationError(Exception):
    """A webhook that must not be trusted; ``check`` is the check that failed, its text the reason in one sentence."""

    def __init__(self, check: Check, message: str) -> None:
        super().__init__(message)
        self.check = check
        self.message = message

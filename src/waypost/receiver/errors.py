"""What can be wrong with a received webhook, and how to respond.

ReceiverError
├── UnusableSecretError        the receiver's own secret is not valid: its configuration is wrong
├── UnusableArgumentError      the receiver passed something that is not a body, headers or a time: its code is wrong
├── RefusedWebhookError        not to be trusted: 401; ``check`` names the check that failed
│   ├── MissingPartError       a header, or the signature inside a V2 or V3 body, is missing
│   ├── MalformedPartError     it is there, but is not valid
│   ├── UntimelyWebhookError   too old or too far ahead: a replay, or a clock is wrong
│   └── WrongSignatureError    made with a different secret, or the webhook was changed in transit
├── UnreadableEventError       not a tracking event, though it may be genuine: 400
└── InProgressError            the same webhook is being processed: 503, so that it is sent again
"""

from typing import Final

from waypost.signing.errors import Check, VerificationError

__all__ = ["Check"]


class ReceiverError(Exception):
    """Something is wrong with a webhook or its receiver; the text is one sentence and contains no secret."""


class UnusableSecretError(ReceiverError):
    """The secret or e-mail address that the receiver was given can't be used as a key."""


class UnusableArgumentError(ReceiverError):
    """The receiver passed something that is not a body, headers or a time; the text says what to pass."""


class RefusedWebhookError(ReceiverError):
    """A webhook that must not be trusted."""

    def __init__(self, check: Check, message: str) -> None:
        super().__init__(message)
        self.check = check


class MissingPartError(RefusedWebhookError):
    """The id, the timestamp or the signature is missing."""


class MalformedPartError(RefusedWebhookError):
    """The id, the timestamp or the signature is there, but is not valid."""


class UntimelyWebhookError(RefusedWebhookError):
    """The timestamp is too far from the receiver's clock."""


class WrongSignatureError(RefusedWebhookError):
    """No signature matches."""


class UnreadableEventError(ReceiverError):
    """The body is not that of a tracking event."""


class InProgressError(ReceiverError):
    """A webhook arrived again while it is still being processed; whether that will succeed is not known yet."""


_KINDS: Final = {
    Check.ID_MISSING: MissingPartError,
    Check.ID_MALFORMED: MalformedPartError,
    Check.TIMESTAMP_MISSING: MissingPartError,
    Check.TIMESTAMP_MALFORMED: MalformedPartError,
    Check.TIMESTAMP_TOO_OLD: UntimelyWebhookError,
    Check.TIMESTAMP_TOO_NEW: UntimelyWebhookError,
    Check.SIGNATURE_MISSING: MissingPartError,
    Check.SIGNATURE_MALFORMED: MalformedPartError,
    Check.SIGNATURE_MISMATCH: WrongSignatureError,
}


def refusal(error: VerificationError) -> RefusedWebhookError:
    """Return the error of this tree for a failed check."""
    return _KINDS[error.check](error.check, error.message)

"""What can be wrong with a webhook that arrived, and what to answer.

ReceiverError
├── UnusableSecretError        the receiver's own secret is not valid: its configuration is wrong
├── UnusableArgumentError      the receiver passed something that is no body, headers or time: its code is wrong
├── RefusedWebhookError        not to be believed: 401; ``check`` says which check failed
│   ├── MissingPartError       a header, or the signature inside a V2 or V3 body, is not there
│   ├── MalformedPartError     it is there, but is none
│   ├── UntimelyWebhookError   too old or too far ahead: sent again by somebody, or a clock is wrong
│   └── WrongSignatureError    made with another secret, or the webhook was changed on its way
├── UnreadableEventError       no tracking event, though it may be genuine: 400
└── InProgressError            the same webhook is being worked on in this moment: 503, then it comes again
"""

from typing import Final

from waypost.signing.errors import Check, VerificationError

__all__ = ["Check"]


class ReceiverError(Exception):
    """Something is wrong with a webhook or with its receiver; the text is one sentence and holds no secret."""


class UnusableSecretError(ReceiverError):
    """The secret or e-mail address that the receiver was given signs nothing."""


class UnusableArgumentError(ReceiverError):
    """The receiver passed something that is no body, no headers or no time; the text says what to pass."""


class RefusedWebhookError(ReceiverError):
    """A webhook that must not be believed."""

    def __init__(self, check: Check, message: str) -> None:
        super().__init__(message)
        self.check = check


class MissingPartError(RefusedWebhookError):
    """The id, the timestamp or the signature is not there."""


class MalformedPartError(RefusedWebhookError):
    """The id, the timestamp or the signature is there, but does not look like one."""


class UntimelyWebhookError(RefusedWebhookError):
    """The timestamp is too far from the receiver's clock."""


class WrongSignatureError(RefusedWebhookError):
    """No signature fits."""


class UnreadableEventError(ReceiverError):
    """The body is not that of a tracking event."""


class InProgressError(ReceiverError):
    """A webhook came again while it is still being worked on; whether that will succeed is not known yet."""


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
    """Return the error of this tree for a check that failed."""
    return _KINDS[error.check](error.check, error.message)

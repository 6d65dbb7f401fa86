"""The result of one attempt to send a message."""

import msgspec


class SendResult(msgspec.Struct, frozen=True):
    """``rejected`` means that the service says that the request is wrong, so that a retry will hardly help."""

    is_sent: bool
    answer: str
    rejected: bool = False

    @classmethod
    def succeeded(cls, answer: str) -> "SendResult":
        """Return the result of a message that was accepted."""
        return cls(is_sent=True, answer=answer)

    @classmethod
    def failed(cls, answer: str, *, rejected: bool = False) -> "SendResult":
        """Return the result of a message that was not accepted."""
        return cls(is_sent=False, answer=answer, rejected=rejected)

"""Interprets an endpoint's response, or the HTTP client's errors if there was none."""

from collections.abc import Sequence
from typing import Final

import msgspec

from waypost.domain.attempts import Cause, Outcome

_OF_CODE: Final = {410: Outcome.HTTP_410, 429: Outcome.HTTP_429}
_OF_CLASS: Final = {2: Outcome.SUCCEEDED, 3: Outcome.HTTP_3XX, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}


class Answer(msgspec.Struct, frozen=True):
    """An endpoint's response; ``body`` is its first 16 KiB.

    The status line has decided the outcome. ``cause`` says what was wrong with the rest, or with the status itself.
    """

    outcome: Outcome
    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    cause: Cause | None = None


class Failure(msgspec.Struct, frozen=True):
    """No response arrived, or it was not HTTP, or it was late."""

    outcome: Outcome
    cause: Cause | None = None

    @property
    def sent_nothing(self) -> bool:
        """Whether the endpoint certainly received none of the request, so that another address may be tried."""
        return self.outcome is Outcome.CONNECT_FAILED or self.cause is Cause.HANDSHAKE_TIMED_OUT


def of_status(code: int) -> tuple[Outcome, Cause | None]:
    """Return what a status code means for a delivery; those below 200 and above 599 are not final responses in HTTP."""
    outcome = _OF_CODE.get(code) or _OF_CLASS.get(code // 100)
    return (outcome, None) if outcome else (Outcome.BAD_RESPONSE, Cause.BAD_STATUS)


_CONNECTING: Final = "client error (Connect)"
_ENDED: Final = ("onnection reset", "connection closed", "end of file", "unexpected EOF", "roken pipe", "close_notify")

# The texts are those of rustls and hyper as pyreqwest passes them on; a contract test provokes each with a real
# receiver.
_OF_CONNECTIONS: Final = {
    "onnection refused": Cause.PORT_CLOSED,
    "unreachable": Cause.UNREACHABLE,
    "o route to host": Cause.UNREACHABLE,
}
_OF_CERTIFICATES: Final = {
    "UnknownIssuer": Cause.UNKNOWN_ISSUER,
    "not valid for name": Cause.WRONG_NAME,
    "certificate expired": Cause.EXPIRED,
    "not valid yet": Cause.NOT_YET_VALID,
    "CaUsedAsEndEntity": Cause.CA_CERTIFICATE,
    "": Cause.BAD_CERTIFICATE,
}
_OF_ALERTS: Final = {
    "HandshakeFailure": Cause.NO_SHARED_PROTOCOL,
    "ProtocolVersion": Cause.NO_SHARED_PROTOCOL,
    "InsufficientSecurity": Cause.NO_SHARED_PROTOCOL,
    "CertificateRequired": Cause.CLIENT_CERTIFICATE,
    "": Cause.TLS_ALERT,
}
_OF_HANDSHAKES: Final = {
    "received corrupt message": Cause.NO_TLS,
    "peer is incompatible": Cause.NO_SHARED_PROTOCOL,
    "tls handshake eof": Cause.HANDSHAKE_CLOSED,
    **dict.fromkeys(_ENDED, Cause.HANDSHAKE_CLOSED),
}
_OF_HEADS: Final = {
    "invalid HTTP version": Cause.NOT_HTTP,
    "message head is too large": Cause.TOO_MANY_HEADERS,
    "invalid HTTP header": Cause.BAD_HEADER,
    "invalid content-length": Cause.BAD_CONTENT_LENGTH,
    "invalid HTTP status-code": Cause.BAD_STATUS,
}


def failure_of(causes: Sequence[str], *, timed_out: bool) -> Failure:
    """Return what happened before the head of a response arrived.

    ``causes`` are the client's texts, from the outermost to the innermost: the names of its exceptions are misleading
    (a reset is called ConnectError). Unknown texts give an outcome without a cause.
    """
    if timed_out:
        # The client has two time limits for one connection, TCP's own and one that includes TLS, and either may fire
        # first: only that no connection was made in time is certain, and that nothing was sent.
        return Failure(Outcome.CONNECT_FAILED if _CONNECTING in causes else Outcome.TIMED_OUT)
    last = causes[-1] if causes else ""
    if (alert := last.partition("received fatal alert: ")[1:]) != ("", ""):
        return Failure(Outcome.TLS_FAILED, _known(alert[-1], _OF_ALERTS))  # TLS 1.3 sends one after the handshake, too
    if _CONNECTING in causes:
        if any(cause.startswith("tcp ") for cause in causes):  # "tcp connect error", "tcp bind local error", …
            return Failure(Outcome.CONNECT_FAILED, _known(last, _OF_CONNECTIONS))
        _, is_certificate, what = last.partition("invalid peer certificate: ")
        return Failure(Outcome.TLS_FAILED, _known(what or last, _OF_CERTIFICATES if is_certificate else _OF_HANDSHAKES))
    if any(words in cause for cause in causes for words in _ENDED):
        return Failure(Outcome.RESET)
    return Failure(Outcome.BAD_RESPONSE, _known(last, _OF_HEADS))


def cause_of_body(causes: Sequence[str]) -> Cause:
    """Return what was wrong with the body of a response whose head had arrived, other than being late."""
    ended = any(words in cause for cause in causes for words in _ENDED)
    return Cause.BODY_CUT if ended else Cause.BODY_MALFORMED


def _known(text: str, causes: dict[str, Cause]) -> Cause | None:
    return next((cause for words, cause in causes.items() if words in text), None)

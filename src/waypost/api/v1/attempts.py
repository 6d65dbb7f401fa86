"""An attempt as v1 shows it: the request as it was sent, and what was answered."""

import base64
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import msgspec

from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.domain.targets import ForbiddenUrl, Ports, parse_target
from waypost.domain.times import rfc3339
from waypost.payloads import SIGNED_INSIDE, render, sign_inside
from waypost.payloads.samples import sample_state
from waypost.store.deliveries import DeliveryRow, KeptAttempt
from waypost.store.states import unpack

_MESSAGES: Final = {
    Outcome.SUCCEEDED: "The endpoint took it.",
    Outcome.DNS_FAILED: "The host name could not be looked up.",
    Outcome.ADDRESS_FORBIDDEN: "Nothing is sent to this address.",
    Outcome.CONNECT_FAILED: "No connection could be made.",
    Outcome.TLS_FAILED: "The TLS connection failed: its certificate or version was not accepted.",
    Outcome.TIMED_OUT: "The endpoint did not answer in time.",
    Outcome.RESET: "The endpoint ended the connection before it had answered.",
    Outcome.BAD_RESPONSE: "The endpoint answered something that is not HTTP.",
}
_ANY_PORT: Final = Ports.parse("1-65535")
_REDACTED: Final = "[redacted]"
_ANSWERED: Final = "The endpoint answered {}."
_CHANGED: Final = " The body can't be shown: it would be rendered differently today."


class SentRequest(msgspec.Struct, frozen=True):
    """The request; ``body`` is null when the event is gone or would be rendered differently today."""

    url: str
    headers: list[tuple[str, str]]
    body: str | None
    body_sha256: str


class GivenResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was answered, the first 16 KiB of it; ``body_base64`` stands in for a body that is not UTF-8."""

    headers: list[tuple[str, str]]
    body: str | None
    truncated: bool
    body_base64: str | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One attempt."""

    number: int
    started_at: str
    duration_ms: int
    version: str
    outcome: str
    message: str
    status_code: int | None
    retry_after_seconds: int | None
    request: SentRequest
    response: GivenResponse | None


def show_attempt(number: int, kept: KeptAttempt, delivery: DeliveryRow) -> Attempt:
    """Give the attempt with this number, counted from 1."""
    body = _body(kept, delivery)
    request = SentRequest(kept.url, _headers(number, kept, delivery), body, kept.body_sha256.hex())
    return Attempt(
        number=number,
        started_at=rfc3339(kept.started_at),
        duration_ms=kept.duration_ms,
        version=kept.version,
        outcome=kept.outcome,
        message=_message(kept) + (_CHANGED if body is None else ""),
        status_code=kept.status_code,
        retry_after_seconds=kept.retry_after_seconds,
        request=request,
        response=_response(kept),
    )


def _message(kept: KeptAttempt) -> str:
    """Say in one sentence, from a fixed list, what the attempt came to."""
    return _MESSAGES.get(Outcome(kept.outcome)) or _ANSWERED.format(kept.status_code)


def _body(kept: KeptAttempt, delivery: DeliveryRow) -> str | None:
    """Render the body again; None when it is not the one that was sent."""
    if delivery.sample is not None:
        state = sample_state(Status(delivery.sample))
    elif delivery.packed is not None:
        state = unpack(delivery.packed)
    else:
        return None
    version = Version(kept.version)
    body = sign_inside(version, render(version, state), kept.signed_at, kept.signature)
    return body.decode() if sha256(body).digest() == kept.body_sha256 else None


def _headers(number: int, kept: KeptAttempt, delivery: DeliveryRow) -> list[tuple[str, str]]:
    """Give the header lines in the order in which they were sent."""
    inside = kept.version in SIGNED_INSIDE
    return [
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("user-agent", kept.user_agent),
        *(() if inside else (("timestamp", str(kept.signed_at)), ("signature", kept.signature))),
        ("webhook-id", ids.to_text(ids.EVENT, delivery.event)),
        ("webhook-timestamp", str(kept.signed_at)),
        ("webhook-signature", kept.webhook_signature),
        ("waypost-attempt", str(number)),
        ("waypost-sequence", str(delivery.sequence)),
        *((("waypost-test", "true"),) if delivery.sample else ()),
        *[(name, _REDACTED) for name in kept.custom_headers or ()],
        ("host", _host(kept.url)),
        ("content-length", str(kept.body_length)),
    ]


def _host(url: str) -> str:
    try:
        url = parse_target(url, ports=_ANY_PORT).url
    except ForbiddenUrl:  # nothing was sent
        return ""
    return urlsplit(url).netloc


def _response(kept: KeptAttempt) -> GivenResponse | None:
    if kept.response_headers is None:
        return None
    headers = msgspec.json.decode(kept.response_headers, type=list[tuple[str, str]])
    body, truncated = kept.response_body or b"", bool(kept.response_truncated)
    try:
        return GivenResponse(headers, body.decode(), truncated)
    except UnicodeDecodeError:
        return GivenResponse(headers, None, truncated, base64.b64encode(body).decode())

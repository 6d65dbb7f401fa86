"""An attempt as the API and the pages show it: the request as sent, and the response."""

import base64
import codecs
import zlib
from contextlib import suppress
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import msgspec

from waypost.domain import ids
from waypost.domain.attempts import CAUSES, Outcome
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.domain.targets import ForbiddenUrl, Ports, parse_target
from waypost.domain.times import rfc3339
from waypost.payloads import SIGNED_INSIDE, render, sign_inside
from waypost.payloads.samples import sample_state
from waypost.store.deliveries import DeliveryRow, KeptAttempt
from waypost.store.states import unpack

_MESSAGES: Final = {
    Outcome.SUCCEEDED: "Accepted by the endpoint.",
    Outcome.DNS_FAILED: "The host name could not be resolved.",
    Outcome.ADDRESS_FORBIDDEN: "The address is not allowed.",
    Outcome.CONNECT_FAILED: "The connection failed.",
    Outcome.TLS_FAILED: "The TLS handshake failed.",
    Outcome.TIMED_OUT: "The endpoint did not respond in time.",
    Outcome.RESET: "The endpoint closed the connection before responding.",
    Outcome.BAD_RESPONSE: "The response is not valid HTTP.",
}
LONGEST_BODY: Final = 16_384
"""The bytes of a response that are stored, and shown of a compressed one."""

_COMPRESSED: Final = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""Window bits for zlib; those for deflate accept a gzip or zlib header, whichever the endpoint sends."""

_ANY_PORT: Final = Ports.parse("1-65535")
_REDACTED: Final = "[redacted]"
_ANSWERED: Final = "The endpoint returned {}."
_CHANGED: Final = " The body can't be shown because it would be rendered differently today."


class SentRequest(msgspec.Struct, frozen=True):
    """The request; ``body`` is null if the event is gone or would be rendered differently today."""

    url: str
    headers: list[tuple[str, str]]
    body: str | None
    body_sha256: str


class GivenResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first 16 KiB of the response; ``body_base64`` replaces a body that is not UTF-8.

    A gzip or deflate body is decompressed.
    """

    headers: list[tuple[str, str]]
    body: str | None
    truncated: bool
    body_base64: str | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One attempt; ``reason`` is the cause of its outcome, or the fault of a successful response."""

    number: int
    started_at: str
    duration_ms: int
    version: str
    outcome: str
    message: str
    status_code: int | None
    reason: str | None
    retry_after_seconds: int | None
    request: SentRequest
    response: GivenResponse | None


def show_attempt(number: int, kept: KeptAttempt, delivery: DeliveryRow) -> Attempt:
    """Return the attempt with this number, counted from 1."""
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
        reason=kept.reason,
        retry_after_seconds=kept.retry_after_seconds,
        request=request,
        response=_response(kept),
    )


def _message(kept: KeptAttempt) -> str:
    """Return the attempt's outcome and cause in words, from fixed lists."""
    said = _MESSAGES.get(Outcome(kept.outcome))
    if said is None or (kept.status_code is not None and kept.outcome == Outcome.BAD_RESPONSE):
        said = _ANSWERED.format(kept.status_code)
    why = CAUSES.get(kept.reason) if kept.reason else None
    return f"{said} {why}" if why else said


def _body(kept: KeptAttempt, delivery: DeliveryRow) -> str | None:
    """Return the body, rendered again, or None if it differs from what was sent."""
    version = Version(kept.version)
    if delivery.test_body is not None:
        plain = delivery.test_body
    elif delivery.packed is not None:
        plain = render(version, unpack(delivery.packed))
    elif delivery.sample is not None:
        plain = render(version, sample_state(Status(delivery.sample)))
    else:
        return None
    body = sign_inside(version, plain, kept.signed_at, kept.signature)
    return body.decode() if sha256(body).digest() == kept.body_sha256 else None


def _headers(number: int, kept: KeptAttempt, delivery: DeliveryRow) -> list[tuple[str, str]]:
    """Return the headers in the order in which they were sent."""
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
    body, longer = _decompressed(kept.response_body or b"", headers)
    truncated = bool(kept.response_truncated) or longer
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(
            body, final=not truncated
        )  # truncation can split a character
        return GivenResponse(headers, text, truncated)
    except UnicodeDecodeError:
        return GivenResponse(headers, None, truncated, base64.b64encode(body).decode())


def _decompressed(body: bytes, headers: list[tuple[str, str]]) -> tuple[bytes, bool]:
    """Return a body decompressed, up to 16 KiB, and whether there is more; unchanged if it is damaged."""
    encoding = next((value for name, value in headers if name == "content-encoding"), "").strip().lower()
    if encoding not in _COMPRESSED:
        return body, False
    for bits in (_COMPRESSED[encoding], -15):  # some servers send deflate without a header
        reader = zlib.decompressobj(bits)
        with suppress(zlib.error):
            return reader.decompress(body, LONGEST_BODY), bool(reader.unconsumed_tail)
    return body, False

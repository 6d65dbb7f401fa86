"""An attempt as the pages show it: what happened, why, and the response in readable form."""

import base64
import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from waypost.actions.attempts import LONGEST_BODY, Attempt, GivenResponse, show_attempt
from waypost.domain.attempts import CAUSES, Cause, Outcome
from waypost.store.deliveries import DeliveryRow, KeptAttempt

KEPT: dict[str, Any] = {
    "number": 1, "started_at": datetime(2026, 7, 1, tzinfo=UTC), "duration_ms": 1, "version": "V4",
    "outcome": "succeeded", "status_code": 200, "retry_after_seconds": None, "url": "http://shop.test/", "signed_at": 1,
    "signature": "", "webhook_signature": "", "user_agent": "", "body_sha256": b"", "body_length": 0,
    "response_headers": "[]", "response_body": b"", "response_truncated": False, "reason": None,
}  # fmt: skip
LONG = ("Zürich " * 10_000).encode()


def shown(**changes: Any) -> Attempt:
    values = KEPT | changes
    kept: dict[str, Any] = {name: values.get(name) for name in KeptAttempt.__struct_fields__}
    gone: dict[str, Any] = dict.fromkeys(DeliveryRow.__struct_fields__) | {"event": uuid4(), "sequence": 1}
    return show_attempt(1, KeptAttempt(**kept), DeliveryRow(**gone))


def response(body: bytes, encoding: str | None = None, *, truncated: bool = False) -> GivenResponse:
    headers = [] if encoding is None else [["content-encoding", encoding]]
    given = shown(response_headers=json.dumps(headers), response_body=body, response_truncated=truncated).response
    assert given is not None
    return given


def raw_deflate(text: bytes) -> bytes:
    return zlib.compress(text)[2:-4]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"thanks", mtime=0)),
        ("x-gzip", gzip.compress(b"thanks", mtime=0)),
        ("GZIP ", gzip.compress(b"thanks", mtime=0)),
        ("deflate", zlib.compress(b"thanks")),
        ("deflate", raw_deflate(b"thanks")),
        (None, b"thanks"),
        ("identity", b"thanks"),
    ],
)
def test_compressed_responses_are_decoded(encoding: str | None, body: bytes) -> None:
    assert response(body, encoding) == GivenResponse(
        [] if encoding is None else [("content-encoding", encoding)], "thanks", truncated=False
    )


def test_a_compression_bomb_is_unpacked_only_as_far_as_shown() -> None:
    given = response(gzip.compress(b"x" * 10_000_000, mtime=0), "gzip")

    assert (given.body, given.truncated) == ("x" * LONGEST_BODY, True)


def test_the_received_part_of_a_truncated_compressed_response_is_shown() -> None:
    text = b"".join(b"%d " % (number * 7919 % 10_007) for number in range(4000))

    given = response(gzip.compress(text, mtime=0)[:9000], "gzip", truncated=True)

    assert given.body is not None
    assert text.startswith(given.body.encode())
    assert len(given.body) > 9000


def test_a_response_with_a_wrong_content_encoding_is_shown_raw() -> None:
    assert response(b"plain", "gzip").body == "plain"


def test_a_character_split_by_truncation_does_not_hide_the_text() -> None:
    cut = LONG[:16_378]
    assert cut[-1:] == "ü".encode()[:1]

    given = response(cut, truncated=True)

    assert given.body == cut[:-1].decode()
    assert response(cut).body_base64 == base64.b64encode(cut).decode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "Accepted by the endpoint."),
        ({"reason": "body_cut"}, f"Accepted by the endpoint. {CAUSES['body_cut']}"),
        ({"outcome": "http_5xx", "status_code": 503}, "The endpoint returned 503."),
        (
            {"outcome": "bad_response", "status_code": 999, "reason": "bad_status"},
            f"The endpoint returned 999. {CAUSES['bad_status']}",
        ),
        (
            {"outcome": "tls_failed", "status_code": None, "reason": "expired"},
            "The TLS handshake failed. The certificate has expired.",
        ),
        (
            {"outcome": "timed_out", "status_code": None, "reason": "of a later version"},
            "The endpoint did not respond in time.",
        ),
    ],
)
def test_messages_name_what_happened_and_why(changes: dict[str, Any], message: str) -> None:
    said = shown(**changes)

    assert (
        said.message.removesuffix(" The body can't be shown because it would be rendered differently today.") == message
    )
    assert said.reason == changes.get("reason")


def test_every_cause_has_one_sentence() -> None:
    assert list(CAUSES) == list(Cause)
    assert all(text.endswith(".") for text in CAUSES.values())
    assert len(set(CAUSES.values())) == len(Cause)


def test_every_outcome_has_a_message() -> None:
    messages = {shown(outcome=outcome).message for outcome in Outcome}

    assert msgspec.json.encode(sorted(messages)).isascii()

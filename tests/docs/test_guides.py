"""The guides on retries and signatures are correct: their numbers match the code, and their code works."""

import binascii
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Final

import pytest

from tests.support.documentation import code_blocks, rows, text_of
from waypost.domain.attempts import Outcome
from waypost.domain.endpoints import Version
from waypost.domain.retry import JITTER, Policy, RetryIn, decide
from waypost.domain.statuses import Status
from waypost.payloads import render
from waypost.payloads.samples import sample_state
from waypost.signing.rotation import Headers, Secrets, standard_headers
from waypost.signing.standard import make_secret, standard_secret

RETRY: Final = "webhooks/retry.md"
SECURE: Final = "webhooks/secure.md"
POLICY: Final = Policy()
WEBHOOK_ID: Final = "evt_019ca8695000700080000000000000ff"
SECRET: Final = make_secret(bytes(range(32)))
BROUGHT: Final = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
BODY: Final = render(Version.V4, sample_state(Status.DELIVERED))

Verify = Callable[[bytes, dict[str, str], str], None]


def span(seconds: int) -> str:
    """Return seconds in the table's format: ``1 d 10 h 8 min``."""
    parts = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts)


def waits(*, jitter: float) -> list[float]:
    decisions = [
        decide(POLICY, attempt=attempt, outcome=Outcome.HTTP_5XX, jitter=jitter)
        for attempt in range(1, POLICY.limit + 1)
    ]
    return [decision.seconds for decision in decisions if isinstance(decision, RetryIn)]


def test_the_table_of_retries_matches_the_schedule() -> None:
    seconds = [round(wait) for wait in waits(jitter=0)]

    shown = [row for row in rows(RETRY) if row[0].isdecimal() and len(row) == 5]

    assert shown == [
        [str(retry), str(retry + 1), f"{wait:,}", span(wait), span(total)]
        for retry, (wait, total) in enumerate(zip(seconds, accumulate(seconds), strict=True), start=1)
    ]
    assert len(shown) == POLICY.limit == 14


def test_the_times_of_the_last_retry_match_the_schedule() -> None:
    said = " ".join(text_of(RETRY).split())

    assert f"after {span(round(sum(waits(jitter=0))))} at the earliest" in said
    assert f"at its longest after {span(round(sum(waits(jitter=1))))}." in said
    assert f"up to {JITTER:.0%}" in said


@pytest.fixture(scope="module")
def verify() -> Verify:
    """Return the function in the guide on signatures."""
    [block] = code_blocks(SECURE, "python")
    shown: dict[str, Any] = {}
    exec(compile(block, "secure.md", "exec"), shown)  # noqa: S102 - our own text, and to run it is the test
    found: Verify = shown["verify"]
    return found


def signed(secrets: Secrets, *, age: int = 0, body: bytes = BODY) -> dict[str, str]:
    lines: Headers = standard_headers(secrets, WEBHOOK_ID, int(time.time()) - age, body)
    return dict(lines)


def test_the_code_that_verifies_is_short_enough_to_copy() -> None:
    [block] = code_blocks(SECURE, "python")

    assert len(block.splitlines()) <= 25


@pytest.mark.parametrize("secret", [SECRET, BROUGHT, standard_secret(BROUGHT)])
def test_the_code_accepts_webhooks_signed_with_a_secret_in_either_form(verify: Verify, secret: str) -> None:
    verify(BODY, signed(Secrets(BROUGHT if secret != SECRET else SECRET)), secret)


@pytest.mark.parametrize("secret", [SECRET, BROUGHT])
def test_the_code_accepts_both_secrets_during_an_overlap(verify: Verify, secret: str) -> None:
    verify(BODY, signed(Secrets(SECRET, BROUGHT, int(time.time()) + 3600)), secret)


def test_the_code_rejects_a_changed_body(verify: Verify) -> None:
    with pytest.raises(ValueError, match="No signature matches"):
        verify(BODY.replace(b"delivered", b"exception"), signed(Secrets(SECRET)), SECRET)


@pytest.mark.parametrize("body", [BODY + b"\n", b""])
def test_the_code_rejects_other_bytes(verify: Verify, body: bytes) -> None:
    with pytest.raises(ValueError, match="No signature matches"):
        verify(body, signed(Secrets(SECRET)), SECRET)


def test_the_code_rejects_another_secret(verify: Verify) -> None:
    with pytest.raises(ValueError, match="No signature matches"):
        verify(BODY, signed(Secrets(SECRET)), BROUGHT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_bm8=", "fifteen letters"])
def test_the_code_rejects_a_secret_that_is_too_short(verify: Verify, secret: str) -> None:
    with pytest.raises(ValueError, match="too short"):
        verify(BODY, signed(Secrets(SECRET)), secret)


def test_the_code_rejects_a_mistyped_secret(verify: Verify) -> None:
    with pytest.raises(binascii.Error):
        verify(BODY, signed(Secrets(SECRET)), f"{SECRET}.")


@pytest.mark.parametrize("age", [330, -330])
def test_the_code_rejects_a_time_too_far_in_the_past_or_future(verify: Verify, age: int) -> None:
    with pytest.raises(ValueError, match="five minutes"):
        verify(BODY, signed(Secrets(SECRET), age=age), SECRET)


@pytest.mark.parametrize("age", [240, -240])
def test_the_code_accepts_a_time_within_five_minutes(verify: Verify, age: int) -> None:
    verify(BODY, signed(Secrets(SECRET), age=age), SECRET)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("webhook-id", "is missing"),
        ("webhook-timestamp", "is missing"),
        ("webhook-signature", "No signature matches"),
    ],
)
def test_the_code_rejects_a_webhook_with_a_missing_header(verify: Verify, missing: str, reason: str) -> None:
    headers = signed(Secrets(SECRET))
    del headers[missing]

    with pytest.raises(ValueError, match=reason):
        verify(BODY, headers, SECRET)


def test_the_code_rejects_another_id(verify: Verify) -> None:
    with pytest.raises(ValueError, match="No signature matches"):
        verify(BODY, {**signed(Secrets(SECRET)), "webhook-id": "evt_other"}, SECRET)

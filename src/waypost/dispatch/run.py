"""One delivery, once: guard, sign, send, decide. What it gives back is recorded by the recorder."""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec

from waypost.dispatch.guard import Admitted, Guard
from waypost.dispatch.transport import Answer, Failure, Transport
from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.endpoints import Version
from waypost.domain.retry import DisableEndpoint, Policy, RetryIn, Settle, decide, read_retry_after
from waypost.domain.statuses import Status
from waypost.payloads import SIGNED_INSIDE, render, sign_inside
from waypost.payloads.samples import sample_state
from waypost.signing import v2v3
from waypost.signing.rotation import Headers, Secrets, standard_headers, v4_headers
from waypost.store.rows import AttemptRow, Claimed, Finished, LaneEndpoint
from waypost.store.states import unpack
from waypost.store.vault import Vault

RETRY_AFTER_CODES: Final = (429, 503)
_TEST: Final = (("waypost-test", "true"),)


class Settings(msgspec.Struct, frozen=True):
    """How deliveries are sent."""

    user_agent: str
    policy: Policy = Policy()
    timeout_seconds: float = 15.0


class Signed(msgspec.Struct, frozen=True):
    """A request ready to be sent."""

    headers: Sequence[tuple[str, str]]
    own_headers: list[str] | None
    body: bytes
    body_sha256: bytes
    signed_at: int
    signature: str
    webhook_signature: str


class Sender:
    """Runs deliveries. Holds no state of any of them."""

    def __init__(self, guard: Guard, transport: Transport, vault: Vault, settings: Settings) -> None:
        self._guard = guard
        self._transport = transport
        self._vault = vault
        self._settings = settings
        self._always = (
            ("content-type", "application/json"),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("user-agent", settings.user_agent),
        )

    async def run(self, claimed: Claimed, endpoint: LaneEndpoint) -> Finished:
        """Make one attempt and give what follows from it; raises nothing that the endpoint can cause."""
        started, clock = datetime.now(UTC), time.monotonic()
        if claimed.packed is None and claimed.sample is None:
            return Finished(claimed, None, Settled.FAILED, Reason.UNRENDERABLE)
        signed = self._sign(claimed, endpoint, int(started.timestamp()))
        answer = await self._send(endpoint.url, signed)
        duration_ms = round((time.monotonic() - clock) * 1000)
        retry_after = _retry_after(answer, datetime.now(UTC))
        attempt = self._attempt(claimed, endpoint, signed, answer, started, duration_ms, retry_after)
        return self._decide(claimed, attempt, answer.outcome, retry_after)

    def _sign(self, claimed: Claimed, endpoint: LaneEndpoint, now: int) -> Signed:
        """Sign in the version's own way, V2 and V3 inside the body, and beside it as Standard Webhooks."""
        secrets, version = self._secrets(endpoint), Version(endpoint.version)
        body, body_sha256 = _sample(version, claimed.sample) if claimed.sample else _body(version, claimed.packed)
        own_way: Headers = ()
        if version in SIGNED_INSIDE:
            signature = v2v3.sign(now, endpoint.email)
            body = sign_inside(version, body, now, signature)
            body_sha256 = sha256(body).digest()
        else:
            own_way = v4_headers(secrets, now)
            signature = own_way[-1][1]
        standard = standard_headers(secrets, ids.to_text(ids.EVENT, claimed.event), now, body)
        own = self._own_headers(endpoint)
        headers = (
            *self._always,
            *own_way,
            *standard,
            ("waypost-attempt", str(claimed.tries + 1)),
            ("waypost-sequence", str(claimed.sequence)),
            *(_TEST if claimed.sample else ()),
            *own,
        )
        names = [name for name, _ in own] or None
        return Signed(headers, names, body, body_sha256, now, signature, standard[-1][1])

    def _secrets(self, endpoint: LaneEndpoint) -> Secrets:
        current = self._open(endpoint, endpoint.secret)
        if endpoint.previous_secret is None or endpoint.previous_until is None:
            return Secrets(current)
        previous = self._open(endpoint, endpoint.previous_secret)
        return Secrets(current, previous, int(endpoint.previous_until.timestamp()))

    def _own_headers(self, endpoint: LaneEndpoint) -> Headers:
        return () if endpoint.headers is None else _read_headers(self._open(endpoint, endpoint.headers))

    def _open(self, endpoint: LaneEndpoint, sealed: bytes) -> str:
        return self._vault.open(sealed, account=endpoint.account, endpoint=endpoint.id)

    async def _send(self, url: str, signed: Signed) -> Answer | Failure:
        """Look up, check, connect and post under one deadline."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._settings.timeout_seconds
        admitted: Admitted | Outcome | None = self._guard.recent(url)
        if admitted is None:
            try:
                async with asyncio.timeout_at(ends):
                    admitted = await self._guard.admit(url)
            except TimeoutError:
                return Failure(Outcome.TIMED_OUT)
        if not isinstance(admitted, Admitted):
            return Failure(admitted)
        return await self._transport.post(
            admitted.target, admitted.address, signed.headers, signed.body, deadline_seconds=ends - loop.time()
        )

    def _attempt(
        self,
        claimed: Claimed,
        endpoint: LaneEndpoint,
        signed: Signed,
        answer: Answer | Failure,
        *timing: *tuple[datetime, int, float | None],
    ) -> AttemptRow:
        started_at, duration_ms, retry_after = timing
        answered = answer if isinstance(answer, Answer) else None
        return AttemptRow(
            bucket=claimed.bucket,
            delivery=claimed.id,
            number=claimed.lease_no,
            started_at=started_at,
            duration_ms=duration_ms,
            version=endpoint.version,
            outcome=answer.outcome.value,
            status_code=answered.status_code if answered else None,
            retry_after_seconds=None if retry_after is None else round(retry_after),
            url=endpoint.url,
            signed_at=signed.signed_at,
            signature=signed.signature,
            webhook_signature=signed.webhook_signature,
            user_agent=self._settings.user_agent,
            own_headers=signed.own_headers,
            body_sha256=signed.body_sha256,
            body_length=len(signed.body),
            response_headers=msgspec.json.encode(answered.headers).decode() if answered else None,
            response_body=answered.body if answered else None,
            response_truncated=answered.truncated if answered else None,
        )

    def _decide(self, claimed: Claimed, attempt: AttemptRow, outcome: Outcome, retry_after: float | None) -> Finished:
        if claimed.sample:  # a test is tried once
            return Finished(claimed, attempt, Settled.DELIVERED if outcome is Outcome.SUCCEEDED else Settled.FAILED)
        decision = decide(
            self._settings.policy,
            attempt=claimed.tries + 1,
            outcome=outcome,
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
            retry_after_seconds=retry_after,
        )
        match decision:
            case Settle(delivered=True):
                return Finished(claimed, attempt, Settled.DELIVERED)
            case Settle():
                return Finished(claimed, attempt, Settled.FAILED)
            case DisableEndpoint():
                return Finished(claimed, attempt, Settled.CANCELLED, Reason.ENDPOINT_OFF)
            case RetryIn(seconds):
                return Finished(claimed, attempt, None, wait_seconds=seconds)


@lru_cache(maxsize=512)
def _body(version: Version, packed: bytes) -> tuple[bytes, bytes]:
    """Render an event once for all its endpoints, which are claimed close together; gives its SHA-256 too."""
    body = render(version, unpack(packed))
    return body, sha256(body).digest()


@lru_cache
def _sample(version: Version, status: str) -> tuple[bytes, bytes]:
    body = render(version, sample_state(Status(status)))
    return body, sha256(body).digest()


@lru_cache(maxsize=512)
def _read_headers(text: str) -> Headers:
    return tuple(msgspec.json.decode(text, type=dict[str, str]).items())


def _retry_after(answer: Answer | Failure, now: datetime) -> float | None:
    """Give the wait that a 429 or 503 asks for, in seconds."""
    if not isinstance(answer, Answer) or answer.status_code not in RETRY_AFTER_CODES:
        return None
    return read_retry_after(next((value for name, value in answer.headers if name == "retry-after"), None), now)

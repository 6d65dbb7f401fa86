"""One delivery, once: guard, sign, send, decide. The recorder records the result."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.dispatch.addresses import AddressSlots
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import Admitted, Guard
from waypost.dispatch.racing import Race, warm_first
from waypost.dispatch.signer import Signed, Signer
from waypost.dispatch.stages import Times
from waypost.dispatch.transport import Transport
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.retry import DisableEndpoint, Policy, RetryIn, Settle, decide, read_retry_after
from waypost.store.rows import AttemptRow, Claimed, Finished, LaneEndpoint
from waypost.store.vault import Vault
from waypost.turns import Turn

MOST_CRASHES: Final = 5
RETRY_AFTER_CODES: Final = (429, 503)
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # continues while the machine is suspended


class SendSettings(msgspec.Struct, frozen=True):
    """The settings of how deliveries are sent."""

    user_agent: str
    policy: Policy = Policy()
    timeout_seconds: float = 15.0


class Sender:
    """Runs deliveries. Holds no state of any of them."""

    def __init__(
        self,
        guard: Guard,
        transport: Transport,
        vault: Vault,
        settings: SendSettings,
        slots: AddressSlots | None = None,
    ) -> None:
        self._guard = guard
        self._transport = transport
        self._settings = settings
        self._signer = Signer(vault, settings.user_agent)
        self._slots = slots or AddressSlots()

    @property
    def policy(self) -> Policy:
        """When a delivery is retried."""
        return self._settings.policy

    async def run(self, claimed: Claimed, endpoint: LaneEndpoint, latest_begin: float, times: Times) -> Finished:
        """Make one attempt and return what follows from it; raise nothing that the endpoint can cause.

        No attempt is made if it cannot begin before a time of ``clock``, after which the lease does not cover it.
        """
        if claimed.packed is None and claimed.sample is None:
            return Finished(claimed, None, Settled.FAILED, Reason.UNRENDERABLE)
        looked_up = time.monotonic()
        admitted = await self._admit(endpoint.url)
        used = time.monotonic() - looked_up
        if isinstance(admitted, Admitted):
            admitted = warm_first(admitted, self._transport)
        first = admitted.addresses[0] if isinstance(admitted, Admitted) else None
        if first is not None and not self._slots.take(first) and not await self._slots.wait(first, _left(latest_begin)):
            return Finished(claimed, None, None)
        times.stage_ended()  # `slot`
        try:
            # Many of an account's attempts may be ready at the same moment. Each takes up to a millisecond to sign and
            # to begin, that of a large parcel several.
            await Turn(endpoint.account).pause()
            if _left(latest_begin) <= 0:
                return Finished(claimed, None, None)
            return await self._make(claimed, endpoint, admitted, used, times)
        finally:
            if first is not None:
                self._slots.leave(first)

    async def _make(
        self, claimed: Claimed, endpoint: LaneEndpoint, admitted: Admitted | Outcome, used: float, times: Times
    ) -> Finished:
        started, began = time.time(), time.monotonic() - used
        signed = self._signer.sign(claimed, endpoint, int(started))
        times.stage_ended()  # `request`
        answer = await self._post(admitted, signed, began + self._settings.timeout_seconds, endpoint.account)
        times.stage_ended()  # `response`
        seconds = time.monotonic() - began
        if answer.outcome is Outcome.TIMED_OUT:  # a busy process notices it late
            seconds = min(seconds, self._settings.timeout_seconds)
        duration_ms = round(seconds * 1000)
        retry_after = _retry_after(answer)
        attempt = self._attempt(claimed, endpoint, signed, answer, started, duration_ms, retry_after)
        return self._decide(claimed, attempt, answer.outcome, retry_after)

    async def _admit(self, url: str) -> Admitted | Outcome:
        known = self._guard.recent(url)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return await self._guard.admit(url)
        except TimeoutError:
            return Outcome.TIMED_OUT

    async def _post(self, admitted: Admitted | Outcome, signed: Signed, ends: float, account: UUID) -> Answer | Failure:
        """Post once, before a time of the monotonic clock. The caller releases the slot of the first address."""
        if not isinstance(admitted, Admitted):
            return Failure(admitted)
        if len(admitted.addresses) > 1:
            race = Race(self._transport, self._slots, admitted, ends=ends, account=account)
            return await race.post(signed.headers, signed.body)
        left, (address,) = ends - time.monotonic(), admitted.addresses
        return await self._transport.post(
            admitted.target, address, signed.headers, signed.body, deadline_seconds=left, account=account
        )

    def _attempt(
        self,
        claimed: Claimed,
        endpoint: LaneEndpoint,
        signed: Signed,
        answer: Answer | Failure,
        *timing: *tuple[float, int, float | None],
    ) -> AttemptRow:
        started, duration_ms, retry_after = timing
        answered = answer if isinstance(answer, Answer) else None
        return AttemptRow(
            bucket=claimed.bucket,
            delivery=claimed.id,
            number=claimed.lease_no,
            started_at=datetime.fromtimestamp(started, UTC),
            duration_ms=duration_ms,
            version=endpoint.version,
            outcome=answer.outcome.value,
            status_code=answered.status_code if answered else None,
            retry_after_seconds=None if retry_after is None else round(retry_after),
            url=endpoint.url,
            signed_at=signed.signed_at,
            signatures=signed.signatures,
            user_agent=self._settings.user_agent,
            own_headers=signed.custom_headers,
            body_sha256=signed.body_sha256,
            body_length=len(signed.body),
            response_headers=msgspec.json.encode(answered.headers).decode() if answered else None,
            response_body=answered.body if answered else None,
            response_truncated=answered.truncated if answered else None,
            reason=answer.cause,
        )

    def crashed(self, claimed: Claimed) -> Finished:
        """Return what follows if an attempt raised: it is repeated later, five times at most."""
        crashes = claimed.crashes + 1
        if claimed.sample or crashes >= MOST_CRASHES:
            return Finished(claimed, None, Settled.FAILED, Reason.CRASHES)
        return Finished(claimed, None, None, wait_seconds=self.policy.base_seconds * 2**crashes, crashed=True)

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


def clock() -> float:
    """Return the seconds since the machine was started, for leases: a clock that people can't set."""
    return time.clock_gettime(_CLOCK)


def _left(latest_begin: float) -> float:
    return latest_begin - clock()


def _retry_after(answer: Answer | Failure) -> float | None:
    """Return the wait that a 429 or 503 asks for, in seconds."""
    if not isinstance(answer, Answer) or answer.status_code not in RETRY_AFTER_CODES:
        return None
    asked = next((value for name, value in answer.headers if name == "retry-after"), None)
    return read_retry_after(asked, datetime.now(UTC))

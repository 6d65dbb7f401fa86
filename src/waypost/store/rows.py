"""The values that go between the engine and its tables."""

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from waypost.domain.deliveries import Reason, Settled
from waypost.domain.trackings import TrackingState


class LockedTracking(msgspec.Struct, frozen=True):
    """The row of a tracking, read under its lock for a change by a person; its state is unpacked."""

    bucket: int
    id: UUID
    account: UUID
    sequence: int
    last_event: UUID | None
    state: TrackingState


class LockedRow(msgspec.Struct, frozen=True, gc=False):
    """The row of a tracking, read under its lock by intake; its state is packed, as stored."""

    bucket: int
    id: UUID
    account: UUID
    sequence: int
    last_event: UUID | None
    packed: bytes


class FoundBy(NamedTuple):
    """What a tracking is found by besides its number, as its row has it: the name as ``searchable`` makes it."""

    order_number: str | None
    customer_name: str | None


NOTHING_ELSE: Final = FoundBy(None, None)


class ChangedTracking(msgspec.Struct, frozen=True, gc=False):
    """The row of a tracking as intake writes it back; ``updated_at`` in Unix milliseconds."""

    bucket: int
    id: UUID
    sequence: int
    last_event: UUID | None
    status: str
    substatus: str
    packed: bytes
    updated_at: int
    found_by: FoundBy


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """The row of an event about to be written. ``skipped`` holds why an endpoint got nothing, by its id.

    ``packed`` is the tracking's state after it.
    """

    bucket: int
    id: UUID
    account: UUID
    tracking: UUID
    tracking_number: str
    courier_code: str
    sequence: int
    status: str
    substatus: str
    previous_status: str
    source: str
    deliveries: int
    skipped: dict[str, str]
    packed: bytes


class NewDelivery(msgspec.Struct, frozen=True, gc=False):
    """The row of a delivery about to be queued."""

    bucket: int
    id: UUID
    endpoint: UUID
    tracking: UUID
    event: UUID
    sequence: int
    ordering: str
    blocked: bool = False
    recovery: UUID | None = None


class Claimed(msgspec.Struct, frozen=True):
    """The row of a delivery that this dispatcher may work on until its lease ends.

    ``packed`` None: its event is gone. A test has none: it sends the sample of the status ``sample``, or a parcel's
    state in ``packed``, or ``test_body``. ``cancelled``: it
    was cancelled while a dispatcher that died had it in flight, and is settled without an attempt. ``crashes`` is how
    often sending it raised on our side, ``deaths`` at how many crashes in a row it was in hand. ``waited`` is for how
    many seconds it had been due when it was claimed.
    """

    bucket: int
    id: UUID
    endpoint: UUID
    tracking: UUID
    event: UUID
    sequence: int
    tries: int
    lease_no: int
    packed: bytes | None
    cancelled: bool = False
    sample: str | None = None
    crashes: int = 0
    deaths: int = 0
    waited: float = 0.0
    test_body: bytes | None = None


class LaneEndpoint(msgspec.Struct, frozen=True):
    """The row of an endpoint that deliveries are sent with, at the time of the attempt.

    ``email`` is the account's, the key of V2 and V3 signatures. Secrets and custom ``headers`` (JSON) are sealed.
    ``updated_at`` is when somebody last changed it.
    """

    id: UUID
    account: UUID
    email: str
    url: str
    version: str
    enabled: bool
    deleted: bool
    secret: bytes
    previous_secret: bytes | None
    previous_until: datetime | None
    headers: bytes | None
    rate_limit_per_second: int | None
    updated_at: datetime


class AttemptRow(msgspec.Struct, frozen=True):
    """The row of one attempt. The body is not stored: it is rendered again from the event.

    ``signatures`` are the digests that it was signed with, 32 bytes each: in the version's own way, then those of
    Standard Webhooks, two of them while a secret is rotated.
    """

    bucket: int
    delivery: UUID
    number: int
    started_at: datetime
    duration_ms: int
    version: str
    outcome: str
    status_code: int | None
    retry_after_seconds: int | None
    url: str
    signed_at: int
    signatures: bytes
    user_agent: str
    own_headers: list[str] | None
    body_sha256: bytes
    body_length: int
    response_headers: str | None
    response_body: bytes | None
    response_truncated: bool | None
    reason: str | None = None


class Finished(msgspec.Struct, frozen=True):
    """A finished attempt and what follows: settled as ``state``, or retried after ``wait_seconds``.

    Without an ``attempt`` none was made: then nothing is counted, except that it ``crashed`` on our side if it did. If
    it ``may_give_way``, it is not retried when a newer one of its parcel waits for the same endpoint.
    """

    claimed: Claimed
    attempt: AttemptRow | None
    state: Settled | None
    reason: Reason | None = None
    wait_seconds: float = 0.0
    may_give_way: bool = False
    crashed: bool = False

"""Examples that several operations show: one parcel, and an endpoint, an event and a delivery of it."""

from typing import Final

import msgspec

from waypost.actions.attempts import Attempt, GivenResponse, SentRequest
from waypost.actions.deliveries import Delivery, DeliveryWithAttempts
from waypost.actions.endpoints import Endpoint
from waypost.domain.statuses import Status
from waypost.payloads.samples import sample_state

AT: Final = "2026-03-04T13:20:00.000Z"
LATER: Final = "2026-03-04T13:20:00.143Z"
ENDPOINT_ID: Final = "ep_019cb8c80a0070008000000000000001"
EVENT_ID: Final = "evt_019cb8c80a0070198000000000000002"
STATE: Final = sample_state(Status.TRANSIT)
ENDPOINT: Final = Endpoint(
    id=ENDPOINT_ID,
    url="https://shop.example.com/webhooks",
    description="The shop",
    version="V4",
    statuses="all",
    trigger="every_update",
    ordering="ordered",
    enabled=True,
    disabled_reason=None,
    rate_limit_per_second=None,
    headers={"x-shop": "[redacted]"},
    disable_after_days=7,
    recover_automatically=False,
    health="ok",
    failing_since=None,
    last_error=None,
    created_at=AT,
    updated_at=AT,
)
DELIVERY: Final = Delivery(
    id="dlv_019cb8c80a0070198000000000000003",
    endpoint_id=ENDPOINT_ID,
    event_id=EVENT_ID,
    tracking_id=STATE.id,
    tracking_number=STATE.tracking_number,
    courier_code=STATE.courier_code,
    sequence=2,
    status=STATE.status,
    substatus=STATE.substatus,
    state="delivered",
    reason=None,
    blocked_by=None,
    test=False,
    resend_of=None,
    recovery_id=None,
    attempt_count=1,
    next_attempt_at=None,
    created_at=AT,
    settled_at=LATER,
)
_ATTEMPT: Final = Attempt(
    number=1,
    started_at=AT,
    duration_ms=143,
    version="V4",
    outcome="succeeded",
    message="Accepted by the endpoint.",
    reason=None,
    status_code=200,
    retry_after_seconds=None,
    request=SentRequest(ENDPOINT.url, [("content-type", "application/json")], "{}", "0" * 64),
    response=GivenResponse([("server", "nginx")], "", truncated=False),
)
DELIVERED: Final = DeliveryWithAttempts(**msgspec.structs.asdict(DELIVERY), attempts=[_ATTEMPT])

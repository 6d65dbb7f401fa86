"""What is said of v1's operations."""

from typing import Annotated, Final

import msgspec

from waypost.actions.attempts import Attempt, GivenResponse, SentRequest
from waypost.actions.constraints import Time, between, one_of
from waypost.actions.deliveries import Delivery, DeliveryWithAttempts
from waypost.actions.endpoint_settings import EndpointChange, EndpointCreation
from waypost.actions.endpoint_stats import Latency, Stats, StatsHour
from waypost.actions.endpoints import Endpoint
from waypost.actions.lists import Listed
from waypost.actions.recoveries import Recovery, RecoveryRequest
from waypost.api.openapi.operations import OVERLOADED, Operation, Parameter
from waypost.api.pagination import LARGEST_PAGE, PAGE_SIZE
from waypost.api.v1 import deliveries, endpoints, events, outgoing_ips, recoveries, stats, trackings, updates
from waypost.api.v1.endpoints import NewEndpoint, Rotation, SecretAnswer, Test
from waypost.api.v1.events import Event, Feed
from waypost.api.v1.outgoing_ips import OutgoingIps
from waypost.api.v1.reports import BODY as UPDATES
from waypost.api.v1.trackings import Tracking
from waypost.api.v1.updates import UpdateResult, UpdatesAnswer
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.statuses import SELECTABLE, Status
from waypost.payloads.samples import sample_state
from waypost.payloads.v4 import tracking_object

_UPDATES: Final = "API v1: updates"
_TRACKINGS: Final = "API v1: trackings"
_ENDPOINTS: Final = "API v1: endpoints"
_DELIVERIES: Final = "API v1: deliveries and events"

_AT: Final = "2026-03-04T13:20:00.000Z"
_LATER: Final = "2026-03-04T13:20:00.143Z"
_ENDPOINT_ID: Final = "ep_019cb8c80a0070008000000000000001"
_EVENT_ID: Final = "evt_019cb8c80a0070198000000000000002"
_STATE: Final = sample_state(Status.TRANSIT)
_TRACKING: Final = Tracking(
    **msgspec.structs.asdict(tracking_object(_STATE)),
    sequence=2,
    tracking_link=None,
    last_polled_at=_AT,
    next_poll_at=None,
)
_ENDPOINT: Final = Endpoint(
    id=_ENDPOINT_ID,
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
    health="ok",
    failing_since=None,
    last_error=None,
    created_at=_AT,
    updated_at=_AT,
)
_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - an example
_SECRETS: Final = SecretAnswer(_SECRET, _SECRET, None)
_DELIVERY: Final = Delivery(
    id="dlv_019cb8c80a0070198000000000000003",
    endpoint_id=_ENDPOINT_ID,
    event_id=_EVENT_ID,
    tracking_id=_STATE.id,
    tracking_number=_STATE.tracking_number,
    courier_code=_STATE.courier_code,
    sequence=2,
    status=_STATE.status,
    substatus=_STATE.substatus,
    state="delivered",
    reason=None,
    blocked_by=None,
    test=False,
    resend_of=None,
    recovery_id=None,
    attempt_count=1,
    next_attempt_at=None,
    created_at=_AT,
    settled_at=_LATER,
)
_ATTEMPT: Final = Attempt(
    number=1,
    started_at=_AT,
    duration_ms=143,
    version="V4",
    outcome="succeeded",
    message="Accepted by the endpoint.",
    reason=None,
    status_code=200,
    retry_after_seconds=None,
    request=SentRequest(_ENDPOINT.url, [("content-type", "application/json")], "{}", "0" * 64),
    response=GivenResponse([("server", "nginx")], "", truncated=False),
)
_DELIVERED: Final = DeliveryWithAttempts(**msgspec.structs.asdict(_DELIVERY), attempts=[_ATTEMPT])
_EVENT: Final = Event(
    id=_EVENT_ID,
    sequence=2,
    created_at=_AT,
    tracking_id=_STATE.id,
    tracking_number=_STATE.tracking_number,
    courier_code=_STATE.courier_code,
    status=_STATE.status,
    substatus=_STATE.substatus,
    previous_status="inforeceived",
    status_changed=True,
    source="poll",
    data=tracking_object(_STATE),
)
_STATS: Final = Stats(
    since=_AT,
    until=_LATER,
    delivered=9,
    failed=1,
    attempts=14,
    flawed_answers=0,
    success_rate=0.9,
    latency_ms=Latency(80, 310),
    waiting=3,
    oldest_waiting_at=_AT,
    hours=[StatsHour(_AT, 9, 1, 5)],
)
_SCAN: Final = {
    "checkpoint_date": "2026-03-04T13:20:00",
    "tracking_detail": "Out for delivery",
    "checkpoint_delivery_status": "pickup",
}
_REPORT: Final = {
    "tracking_number": _STATE.tracking_number,
    "courier_code": _STATE.courier_code,
    "create": True,
    "checkpoints": [_SCAN],
}

_RECOVERY: Final = Recovery(
    id="rec_019cb8c80a0070008000000000000005",
    endpoint_id=_ENDPOINT_ID,
    only="missed",
    since=_AT,
    until=_LATER,
    dry_run=False,
    state="running",
    matched=120,
    queued=80,
    delivered=40,
    failed=0,
    created_at=_LATER,
    finished_at=None,
)

_PAGE: Final = (
    Parameter(
        "limit", f"How many: {PAGE_SIZE} by default, {LARGEST_PAGE} at most.", Annotated[int, between(1, LARGEST_PAGE)]
    ),
    Parameter("cursor", "The `next_cursor` of the answer before."),
)
_BETWEEN: Final = (
    Parameter("since", "From this time on, RFC 3339.", Time),
    Parameter("until", "Before this time, RFC 3339.", Time),
)
_FILTERS: Final = (
    Parameter("endpoint", "The id of an endpoint."),
    Parameter("tracking_number", "The number of a parcel."),
    Parameter("status", "A main status of the event.", Annotated[str, one_of(SELECTABLE)]),
    Parameter(
        "state", "What became of the delivery, or what it is doing.", Annotated[str, one_of([*Waiting, *Settled])]
    ),
    Parameter("test", "`true` for tests only, `false` for none of them.", bool),
    *_BETWEEN,
    *_PAGE,
)

OPERATIONS: Final = (
    Operation(
        handler=updates.report,
        group=_UPDATES,
        scope="updates",
        answers={200: UpdatesAnswer},
        example=UpdatesAnswer(1, 1, [UpdateResult(_STATE.id, _EVENT_ID, None)]),
        parameters=(
            Parameter(
                "Idempotency-Key", "The same key and body are answered as they were first, for 24 hours.", str, "header"
            ),
        ),
        body=UPDATES,
        body_example={"updates": [_REPORT]},
        errors={
            409: "The Idempotency-Key was used with another body, or its first request still runs.",
            413: "The body has more than 4 MiB.",
            429: "The account has reported more scans or bytes than it may; see Retry-After.",
            503: OVERLOADED,
        },
    ),
    Operation(handler=trackings.find, group=_TRACKINGS, scope="read", answers={200: Tracking}, example=_TRACKING),
    Operation(
        handler=trackings.refresh,
        group=_TRACKINGS,
        scope="write",
        answers={200: Tracking},
        example=_TRACKING,
        errors={409: "No source is connected for the parcel's courier, or it is archived."},
    ),
    Operation(
        handler=endpoints.list_endpoints,
        group=_ENDPOINTS,
        scope="read",
        answers={200: Listed[Endpoint]},
        example=Listed([_ENDPOINT], None),
        parameters=_PAGE,
    ),
    Operation(
        handler=endpoints.add,
        group=_ENDPOINTS,
        scope="write",
        answers={201: NewEndpoint},
        example=NewEndpoint(**msgspec.structs.asdict(_ENDPOINT), secret=_SECRET),
        body=EndpointCreation,
        body_example={"url": _ENDPOINT.url, "description": "The shop", "statuses": ["delivered", "exception"]},
        errors={409: "The account has as many endpoints as it may have."},
    ),
    Operation(handler=endpoints.find, group=_ENDPOINTS, scope="read", answers={200: Endpoint}, example=_ENDPOINT),
    Operation(
        handler=endpoints.change,
        group=_ENDPOINTS,
        scope="write",
        answers={200: Endpoint},
        example=_ENDPOINT,
        body=EndpointChange,
        body_example={"description": "The shop"},
    ),
    Operation(handler=endpoints.remove, group=_ENDPOINTS, scope="write", answers={204: None}),
    Operation(handler=endpoints.enable, group=_ENDPOINTS, scope="write", answers={200: Endpoint}, example=_ENDPOINT),
    Operation(handler=endpoints.disable, group=_ENDPOINTS, scope="write", answers={200: Endpoint}, example=_ENDPOINT),
    Operation(
        handler=endpoints.test,
        group=_ENDPOINTS,
        scope="write",
        answers={200: DeliveryWithAttempts, 202: DeliveryWithAttempts},
        example=_DELIVERED,
        body=Test,
        body_example=Test("delivered"),
    ),
    Operation(handler=endpoints.secret, group=_ENDPOINTS, scope="write", answers={200: SecretAnswer}, example=_SECRETS),
    Operation(
        handler=endpoints.rotate_secret,
        group=_ENDPOINTS,
        scope="write",
        answers={200: SecretAnswer},
        example=_SECRETS,
        body=Rotation,
        body_example=Rotation(),
        body_required=False,
    ),
    Operation(
        handler=endpoints.end_rotation, group=_ENDPOINTS, scope="write", answers={200: SecretAnswer}, example=_SECRETS
    ),
    Operation(
        handler=stats.stats,
        group=_ENDPOINTS,
        scope="read",
        answers={200: Stats},
        example=_STATS,
        parameters=_BETWEEN,
    ),
    Operation(
        handler=deliveries.list_deliveries,
        group=_DELIVERIES,
        scope="read",
        answers={200: Listed[Delivery]},
        example=Listed([_DELIVERY], None),
        parameters=_FILTERS,
    ),
    Operation(
        handler=deliveries.find,
        group=_DELIVERIES,
        scope="read",
        answers={200: DeliveryWithAttempts},
        example=_DELIVERED,
    ),
    Operation(
        handler=deliveries.resend,
        group=_DELIVERIES,
        scope="write",
        answers={201: DeliveryWithAttempts},
        example=msgspec.structs.replace(_DELIVERED, resend_of="dlv_019cb8c80a0070198000000000000004"),
        errors={409: "It was a test, its event is gone, its parcel was deleted, or its endpoint is off or deleted."},
    ),
    Operation(
        handler=deliveries.cancel,
        group=_DELIVERIES,
        scope="write",
        answers={200: DeliveryWithAttempts, 202: DeliveryWithAttempts},
        example=msgspec.structs.replace(_DELIVERED, state="cancelled", reason="user"),
        errors={409: "It has ended already."},
    ),
    Operation(
        handler=recoveries.list_recoveries,
        group=_DELIVERIES,
        scope="read",
        answers={200: Listed[Recovery]},
        example=Listed([_RECOVERY], None),
        parameters=_PAGE,
    ),
    Operation(
        handler=recoveries.start,
        group=_DELIVERIES,
        scope="write",
        answers={201: Recovery},
        example=_RECOVERY,
        body=RecoveryRequest,
        body_example=RecoveryRequest(_ENDPOINT_ID, _AT, "missed"),
        errors={
            404: "There is no such endpoint.",
            409: "The endpoint is off, or something of it is recovered or counted already.",
        },
    ),
    Operation(handler=recoveries.find, group=_DELIVERIES, scope="read", answers={200: Recovery}, example=_RECOVERY),
    Operation(
        handler=recoveries.stop,
        group=_DELIVERIES,
        scope="write",
        answers={200: Recovery},
        example=msgspec.structs.replace(_RECOVERY, state="stopped", finished_at=_LATER),
        errors={409: "It has ended already."},
    ),
    Operation(
        handler=events.list_events,
        group=_DELIVERIES,
        scope="read",
        answers={200: Feed},
        example=Feed([_EVENT], f"cur_{'0' * 40}"),
        parameters=(
            *_PAGE,
            Parameter(
                "wait",
                f"So many seconds to wait where there is no event: 0 by default, {events.LONGEST_WAIT} at most.",
                Annotated[int, between(0, events.LONGEST_WAIT)],
            ),
            Parameter("since", "From this time on, RFC 3339; in place of a cursor.", Time),
        ),
        errors={503: f"{events.MOST_WAITING} calls of the account wait already; see Retry-After."},
    ),
    Operation(
        handler=outgoing_ips.outgoing_ips,
        group=_DELIVERIES,
        scope=None,
        answers={200: OutgoingIps},
        example=OutgoingIps(["203.0.113.7"]),
    ),
)

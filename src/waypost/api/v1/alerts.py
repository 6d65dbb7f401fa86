"""``/v1/alert-channels`` and ``/v1/alerts``: where alerts about incidents go, and their results."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath

from waypost.actions import alerts as actions
from waypost.actions.alerts import Alert, AlertChannel, ChannelChange, NewChannel
from waypost.api.bodies import read_json
from waypost.api.openapi.examples import AT, ENDPOINT_ID
from waypost.api.openapi.operations import Operation
from waypost.api.pagination import read_query
from waypost.api.parts import Given
from waypost.api.responses import answer, answer_secret, nothing
from waypost.api.v1.admission import admit
from waypost.domain.alerts import Content

_ADDED: Final = msgspec.json.Decoder(NewChannel)
_CHANGED: Final = msgspec.json.Decoder(ChannelChange)
_NO_PARAMETERS: Final[frozenset[str]] = frozenset()


class AlertChannels(msgspec.Struct, frozen=True):
    """All channels of the account, oldest first."""

    items: list[AlertChannel]


class Alerts(msgspec.Struct, frozen=True):
    """The newest alerts of the account's channels, newest first."""

    items: list[Alert]


class AddedChannel(AlertChannel, frozen=True, kw_only=True):
    """A new channel; ``secret`` signs the alerts of the service webhook, and is shown only here."""

    secret: str | None


@get("/v1/alert-channels")
async def list_channels(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Return all alert channels, oldest first."""
    caller = await admit(request, parts, scope="read")
    read_query(request.scope["query_string"], _NO_PARAMETERS)
    return answer(AlertChannels(await actions.channels(parts, caller.actor)))


@post("/v1/alert-channels", status_code=HTTPStatus.CREATED)
async def add(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Add an alert channel."""
    caller = await admit(request, parts, scope="write")
    channel, secret = await actions.add(parts, caller.actor, read_json(await request.body(), _ADDED))
    return answer_secret(AddedChannel(**msgspec.structs.asdict(channel), secret=secret), HTTPStatus.CREATED)


@get("/v1/alert-channels/{channel_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, channel_id: FromPath[str]) -> Response[bytes]:
    """Return one alert channel."""
    caller = await admit(request, parts, scope="read")
    return answer(await actions.find(parts, caller.actor, actions.read_id(channel_id)))


@patch("/v1/alert-channels/{channel_id:str}")
async def change(request: Request[Any, Any, Any], parts: Given, channel_id: FromPath[str]) -> Response[bytes]:
    """Update the given fields of an alert channel."""
    caller = await admit(request, parts, scope="write")
    channel = actions.read_id(channel_id)
    return answer(await actions.change(parts, caller.actor, channel, read_json(await request.body(), _CHANGED)))


@delete("/v1/alert-channels/{channel_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def remove(request: Request[Any, Any, Any], parts: Given, channel_id: FromPath[str]) -> Response[None]:
    """Delete an alert channel and the history of its alerts."""
    caller = await admit(request, parts, scope="write")
    await actions.remove(parts, caller.actor, actions.read_id(channel_id))
    return nothing()


@post("/v1/alert-channels/{channel_id:str}/test", status_code=HTTPStatus.OK)
async def test(request: Request[Any, Any, Any], parts: Given, channel_id: FromPath[str]) -> Response[bytes]:
    """Send a test and return its result; 202 if the service has not responded in time."""
    caller = await admit(request, parts, scope="write")
    sent = await actions.send_test(parts, caller.actor, actions.read_id(channel_id))
    return answer(sent, HTTPStatus.ACCEPTED if sent.settled_at is None else HTTPStatus.OK)


@get("/v1/alerts")
async def list_alerts(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Return the newest 50 alerts, newest first, each with the response of its service."""
    caller = await admit(request, parts, scope="read")
    read_query(request.scope["query_string"], _NO_PARAMETERS)
    return answer(Alerts(await actions.newest(parts, caller.actor)))


ROUTES: Final = (list_channels, add, find, change, remove, test, list_alerts)

_GROUP: Final = "API v1: incidents and alerts"
_CHANNEL: Final = AlertChannel(
    id="ach_019cb8c80a0070008000000000000008",
    service="slack",
    name="Shop team",
    target="hooks.slack.com",
    kinds="all",
    quiet_from="22:00",
    quiet_until="07:00",
    enabled=True,
    created_at=AT,
    updated_at=AT,
)
_ALERT: Final = Alert(
    id="alr_019cb8c80a0070008000000000000009",
    channel_id=_CHANNEL.id,
    what="opened",
    incident=Content(
        "inc_019cb8c80a0070008000000000000007", "endpoint_failing", ENDPOINT_ID, "The endpoint fails.", AT
    ),
    state="sent",
    attempt_count=1,
    answer="200 ok",
    created_at=AT,
    next_attempt_at=None,
    settled_at=AT,
)
_LIMIT: Final = {409: f"The account has {actions.MOST_CHANNELS} alert channels, which is the limit."}
OPERATIONS: Final = (
    Operation(
        handler=list_channels,
        group=_GROUP,
        scope="read",
        answers={200: AlertChannels},
        example=AlertChannels([_CHANNEL]),
    ),
    Operation(
        handler=add,
        group=_GROUP,
        scope="write",
        answers={201: AddedChannel},
        example=AddedChannel(**msgspec.structs.asdict(_CHANNEL), secret=None),
        body=NewChannel,
        body_example={
            "service": "slack",
            "name": "Shop team",
            "target": {"url": "https://hooks.slack.com/services/T/B/x"},
        },
        errors=_LIMIT,
    ),
    Operation(handler=find, group=_GROUP, scope="read", answers={200: AlertChannel}, example=_CHANNEL),
    Operation(
        handler=change,
        group=_GROUP,
        scope="write",
        answers={200: AlertChannel},
        example=_CHANNEL,
        body=ChannelChange,
        body_example={"kinds": ["endpoint_failing", "endpoint_disabled"]},
    ),
    Operation(handler=remove, group=_GROUP, scope="write", answers={204: None}),
    Operation(handler=test, group=_GROUP, scope="write", answers={200: Alert, 202: Alert}, example=_ALERT),
    Operation(handler=list_alerts, group=_GROUP, scope="read", answers={200: Alerts}, example=Alerts([_ALERT])),
)

"""OpenAPI's links: which operations accept the ids of a response, for programs that explore the API."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from waypost.actions.connection_health import Connection
from waypost.actions.deliveries import Delivery
from waypost.actions.endpoints import Endpoint
from waypost.actions.lists import Listed
from waypost.actions.recoveries import Recovery
from waypost.api.openapi.operations import Operation
from waypost.api.v1.alerts import AddedChannel, AlertChannels
from waypost.api.v1.connections import Connections
from waypost.api.v1.endpoints import NewEndpoint
from waypost.api.v1.updates import UpdatesAnswer
from waypost.payloads.v4 import TrackingObject

_GIVEN: Final[Mapping[Any, tuple[str, str]]] = {
    TrackingObject: ("tracking_id", "/data/id"),
    list[TrackingObject]: ("tracking_id", "/data/0/id"),
    UpdatesAnswer: ("tracking_id", "/results/0/tracking_id"),
    NewEndpoint: ("endpoint_id", "/id"),
    Listed[Endpoint]: ("endpoint_id", "/items/0/id"),
    Listed[Delivery]: ("delivery_id", "/items/0/id"),
    AddedChannel: ("channel_id", "/id"),
    AlertChannels: ("channel_id", "/items/0/id"),
    Connection: ("connection_id", "/id"),
    Connections: ("connection_id", "/items/0/id"),
    Recovery: ("recovery_id", "/id"),
    Listed[Recovery]: ("recovery_id", "/items/0/id"),
}
"""The id in a path, and where a response contains it: in a list, that of the first item."""


def links_of(one: Operation, kind: Any, operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the links of a response of this type; none if the operation's own path contains the id."""
    name, place = _GIVEN.get(kind, ("", ""))
    if name in one.in_path:
        return {}
    return {
        other.id: {"operationId": other.id, "parameters": {name: f"$response.body#{place}"}}
        for other in operations
        if name in other.in_path
    }

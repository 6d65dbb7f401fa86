"""``/v1/outgoing-ips``: where webhooks come from. No key is needed."""

from collections.abc import Sequence
from typing import Final

import msgspec
from litestar import Response, get

from waypost.api.openapi.operations import Operation
from waypost.api.parts import Given
from waypost.api.responses import answer


class OutgoingIps(msgspec.Struct, frozen=True):
    """Where webhooks come from."""

    items: Sequence[str]


@get("/v1/outgoing-ips")
async def outgoing_ips(parts: Given) -> Response[bytes]:
    """List the addresses that the operator publishes."""
    return answer(OutgoingIps(parts.outgoing_ips))


ROUTES: Final = (outgoing_ips,)

_GROUP: Final = "API v1: deliveries and events"
OPERATIONS: Final = (
    Operation(
        handler=outgoing_ips,
        group=_GROUP,
        scope=None,
        answers={200: OutgoingIps},
        example=OutgoingIps(["203.0.113.7"]),
    ),
)

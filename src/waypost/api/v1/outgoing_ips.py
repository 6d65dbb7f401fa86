"""``/v1/outgoing-ips``: where webhooks come from. No key is needed."""

from typing import Final

from litestar import Response, get

from waypost.api.answers import answer
from waypost.api.parts import Given


@get("/v1/outgoing-ips")
async def outgoing_ips(parts: Given) -> Response[bytes]:
    """List the addresses that the operator publishes."""
    return answer({"items": parts.outgoing_ips})


ROUTES: Final = (outgoing_ips,)

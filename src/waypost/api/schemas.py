"""The JSON Schemas of webhook bodies, for receivers. No key is needed."""

from typing import Any, Final

from litestar import Response, get

from waypost.api.openapi.operations import Operation
from waypost.api.responses import answer_bytes
from waypost.payloads.schemas import load

MEDIA_TYPE: Final = "application/schema+json"


@get("/schemas/webhook-v2.json")
async def webhook_v2() -> Response[bytes]:
    """Return the schema of the V2 body."""
    return answer_bytes(load("V2"), media_type=MEDIA_TYPE)


@get("/schemas/webhook-v3.json")
async def webhook_v3() -> Response[bytes]:
    """Return the schema of the V3 body."""
    return answer_bytes(load("V3"), media_type=MEDIA_TYPE)


@get("/schemas/webhook-v4.json")
async def webhook_v4() -> Response[bytes]:
    """Return the schema of the V4 body."""
    return answer_bytes(load("V4"), media_type=MEDIA_TYPE)


ROUTES: Final = (webhook_v2, webhook_v3, webhook_v4)

OPERATIONS: Final = tuple(
    Operation(handler=handler, group="Schemas", scope=None, answers={200: dict[str, Any]}, media_type=MEDIA_TYPE)
    for handler in ROUTES
)

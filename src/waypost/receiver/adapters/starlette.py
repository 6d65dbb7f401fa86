"""The adapter for Starlette and FastAPI."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request

from waypost.receiver.adapters import Check
from waypost.receiver.errors import RefusedWebhookError, UnreadableEventError
from waypost.receiver.events import TrackingEvent


def tracking_event(check: Check) -> Callable[[Request], Awaitable[TrackingEvent]]:
    """Return a function that reads the event of a request: awaited in Starlette, ``Depends(…)`` in FastAPI."""

    async def read(request: Request) -> TrackingEvent:
        try:
            return check(await request.body(), request.headers)
        except RefusedWebhookError as error:
            raise HTTPException(401, str(error)) from None
        except UnreadableEventError as error:
            raise HTTPException(400, str(error)) from None

    return read

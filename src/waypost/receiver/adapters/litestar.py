"""The adapter for Litestar."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotAuthorizedException
from litestar.params import SkipValidation

from waypost.receiver.adapters import Check
from waypost.receiver.errors import RefusedWebhookError, UnreadableEventError
from waypost.receiver.events import TrackingEvent

Event = NamedDependency[SkipValidation[TrackingEvent]]
"""The type of a handler's argument that receives the event."""


def tracking_event(check: Check) -> Callable[[Request[Any, Any, Any]], Awaitable[TrackingEvent]]:
    """Return a dependency that reads the event of a request: ``dependencies={"event": Provide(tracking_event(…))}``."""

    async def read(request: Request[Any, Any, Any]) -> TrackingEvent:
        try:
            return check(await request.body(), request.headers)
        except RefusedWebhookError as error:
            raise NotAuthorizedException(str(error)) from None
        except UnreadableEventError as error:
            raise ClientException(str(error)) from None

    return read

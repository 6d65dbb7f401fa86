"""The adapter for Flask."""

from flask import request
from werkzeug.exceptions import BadRequest, Unauthorized

from waypost.receiver.adapters import Check
from waypost.receiver.errors import RefusedWebhookError, UnreadableEventError
from waypost.receiver.events import TrackingEvent


def tracking_event(check: Check) -> TrackingEvent:
    """Return the event of the current request."""
    try:
        return check(request.get_data(), request.headers)
    except RefusedWebhookError as error:
        raise Unauthorized(str(error)) from None
    except UnreadableEventError as error:
        raise BadRequest(str(error)) from None

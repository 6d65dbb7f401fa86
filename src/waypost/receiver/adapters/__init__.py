"""``verify`` for a framework: one module each; importing it needs that framework.

Comes in: a framework's request. Goes out: its ``TrackingEvent``, or the framework's own way to answer 401 to what is
not genuine and 400 to what is no event, with the reason. A secret that is none is the receiver's fault: an error.
Every adapter takes the same ``check``: ``verify`` with the secret in it, or ``verify_v2`` or ``verify_v3`` with the
e-mail, such as ``partial(verify, secret=os.environ["WAYPOST_SECRET"])``.
"""

from collections.abc import Callable

from waypost.receiver.events import TrackingEvent
from waypost.receiver.headers import Headers

Check = Callable[[bytes, Headers], TrackingEvent]
"""Gives the event of a request's raw body and headers, or raises ReceiverError."""

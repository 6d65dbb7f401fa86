"""``verify`` for web frameworks, one module each; importing a module requires its framework.

Takes a framework's request and returns its ``TrackingEvent``, or responds in the framework's own way with the reason:
401 if the webhook is not genuine, 400 if it is not an event. An unusable secret is the receiver's own mistake and
raises an error. Every adapter takes the same ``check``: ``verify`` with the secret bound, or ``verify_v2`` or
``verify_v3`` with the e-mail bound, such as ``partial(verify, secret=os.environ["WAYPOST_SECRET"])``.
"""

from collections.abc import Callable

from waypost.receiver.events import TrackingEvent
from waypost.receiver.headers import Headers

Check = Callable[[bytes, Headers], TrackingEvent]
"""Returns the event of a request's raw body and headers, or raises ReceiverError."""

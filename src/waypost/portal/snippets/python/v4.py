"""Verify a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.

The raw body is request.body in Django, request.get_data() in Flask; headers are, in both,
{name.lower(): value for name, value in request.headers.items()}.
"""

import hmac
import re
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def verify(_body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Return if the webhook is genuine and recent; otherwise raise ValueError."""
    if not secret:
        raise ValueError("The secret is empty.")

    for name in ("timestamp", "signature"):
        if not headers.get(name):
            raise ValueError(f"The header {name} is missing.")
    timestamp = headers["timestamp"]
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        raise ValueError("The timestamp is not a number of seconds.")
    if abs(int(time.time()) - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("The timestamp is more than 300 seconds off.")

    expected = hmac.new(secret.encode(), timestamp.encode(), "sha256").hexdigest()
    # As bytes, because compare_digest accepts ASCII text only.
    if not hmac.compare_digest(expected.encode(), headers["signature"].encode()):
        raise ValueError("The signature does not match.")

"""Verify a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.

The raw body is request.body in Django, request.get_data() in Flask; headers are, in both,
{name.lower(): value for name, value in request.headers.items()}.
"""

import base64
import hmac
import re
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Return if the webhook is genuine and recent; otherwise raise ValueError."""
    before, _, encoded = secret.partition("whsec_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if before or not key:
        raise ValueError("The secret is not whsec_ followed by base64.")

    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not headers.get(name):
            raise ValueError(f"The header {name} is missing.")
    timestamp = headers["webhook-timestamp"]
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        raise ValueError("The timestamp is not a number of seconds.")
    if abs(int(time.time()) - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("The timestamp is more than 300 seconds off.")

    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    # While a secret is being rotated the header contains two signatures; one match is enough.
    offered = headers["webhook-signature"].encode().split(b" ")
    if not any(hmac.compare_digest(expected, signature) for signature in offered):
        raise ValueError("No signature matches.")

"""Verify a webhook by TrackingMore's V3 signature. It covers the time only: the standard one covers the body too.

The raw body is request.body in Django, request.get_data() in Flask; headers are, in both,
{name.lower(): value for name, value in request.headers.items()}. V3 signs inside the body and does not use them.
"""

import hmac
import json
import re
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def verify(body: bytes, _headers: Mapping[str, str], email: str) -> None:
    """Return if the webhook is genuine and recent; otherwise raise ValueError. The key is the account's e-mail."""
    if not email:
        raise ValueError("The e-mail address is empty.")

    try:
        fields = json.loads(body)["verify"]
        timestamp, signature = str(fields["timestamp"]), str(fields["signature"])
    except (ValueError, TypeError, LookupError, RecursionError):
        raise ValueError("The body is not JSON with verify.timestamp and verify.signature.") from None
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        raise ValueError("The timestamp is not a number of seconds.")
    if abs(int(time.time()) - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("The timestamp is more than 300 seconds off.")

    expected = hmac.new(email.encode(), timestamp.encode(), "sha256").hexdigest()
    # As bytes, because compare_digest accepts ASCII text only, and JSON can contain lone surrogates.
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise ValueError("The signature does not match.")

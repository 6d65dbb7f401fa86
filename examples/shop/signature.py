"""The check that a webhook has to pass before anything in it is believed (Standard Webhooks)."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


class RefusedWebhook(Exception):  # noqa: N818 - named for what it is
    """A webhook that is not from Waypost, was changed on its way, or is not of now."""


def key_of(secret: str) -> bytes:
    """Give the key inside an endpoint's secret, ``whsec_…``; ValueError if it is none."""
    return b64decode(secret.removeprefix("whsec_"), validate=True)


def verify(headers: Mapping[str, str], body: bytes, key: bytes, now: float) -> str:
    """Give the webhook's id if a signature fits the very bytes received; header names are in lower case."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", webhook_id) or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise RefusedWebhook("webhook-id or webhook-timestamp is missing or malformed")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise RefusedWebhook("webhook-timestamp is more than five minutes away from now")
    digest = hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, "sha256")
    expected = b"v1," + b64encode(digest)
    # While the secret is being rotated the header holds two signatures, and one that fits is enough.
    if not any(hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").encode().split()):
        raise RefusedWebhook("webhook-signature does not fit the body")
    return webhook_id

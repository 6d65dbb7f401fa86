"""Verifies webhooks: Standard Webhooks and V4 by the endpoint's secret, V2 and V3 by the account's e-mail.

Standard Webhooks signs id, timestamp and body; Waypost sends its headers with every version. TrackingMore's own
signatures cover the timestamp only: anyone who has seen one can send any body with it for five minutes.
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from waypost.receiver.bodies import Body, raw
from waypost.receiver.errors import UnusableArgumentError, UnusableSecretError, refusal
from waypost.receiver.events import TrackingEvent, read_document, read_json
from waypost.receiver.headers import Headers, lowered
from waypost.signing import standard, v2v3, v4
from waypost.signing.errors import Check, InvalidSecret, VerificationError
from waypost.signing.freshness import TOLERANCE_SECONDS

__all__ = ["TOLERANCE_SECONDS", "verify", "verify_v2", "verify_v3"]

_STANDARD: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_V4: Final = ("timestamp", "signature")
_NOT_SIGNED: Final = (
    "There is no webhook-signature, and V4's signature does not cover the body: it is accepted only with accept_v4."
)


def verify(
    body: Body,
    headers: Headers,
    secret: str | Iterable[str],
    *,
    accept_v4: bool | None = None,
    tolerance: int = TOLERANCE_SECONDS,
    now: int | None = None,
) -> TrackingEvent:
    """Return the event of a genuine webhook of any version; otherwise raise RefusedWebhookError.

    ``body`` is the body as it arrived, before anything parsed it. ``secret`` is the endpoint's, in either form, or
    several while it is rotated. A webhook with the headers of Standard Webhooks is judged by them alone. A webhook with
    V4's headers only is accepted if ``accept_v4`` is true. None accepts it under a secret brought along from
    TrackingMore, which sends nothing else, but never under one of Waypost's (``whsec_…``): there somebody removed the
    other headers. ``tolerance`` and ``now`` are seconds; None is the clock. Can also raise UnusableSecretError,
    UnusableArgumentError and UnreadableEventError, and nothing else.
    """
    secrets = _usable(secret)
    body, found = raw(body), lowered(headers)
    at, tolerance = _seconds("now", int(time.time()) if now is None else now), _seconds("tolerance", tolerance)
    if any(name in found for name in _STANDARD) or not any(name in found for name in _V4):
        identity, timestamp, signatures = (found.get(name) for name in _STANDARD)
        _one_fits(
            secrets,
            lambda key: standard.verify(
                identity, timestamp, signatures, body, standard.key_of(key), now=at, tolerance=tolerance
            ),
        )
    else:
        timestamp, signature = (found.get(name) for name in _V4)
        trusted = [key for key in secrets if (not key.startswith(standard.PREFIX) if accept_v4 is None else accept_v4)]
        if not trusted:
            raise refusal(VerificationError(Check.SIGNATURE_MISSING, _NOT_SIGNED))
        _one_fits(trusted, lambda key: v4.verify(timestamp, signature, key, now=at, tolerance=tolerance))
    return read_document(read_json(body), found)


def verify_v2(
    body: Body, headers: Headers, email: str, *, tolerance: int = TOLERANCE_SECONDS, now: int | None = None
) -> TrackingEvent:
    """Return the event of a V2 webhook by the signature in its body; the key is the account's e-mail, exactly as typed.

    ``headers`` give id and sequence if the sender is Waypost. Raise the errors of ``verify``.
    """
    return _verify_inside(body, headers, email, ("verifyInfo", "timeStr"), tolerance=tolerance, now=now)


def verify_v3(
    body: Body, headers: Headers, email: str, *, tolerance: int = TOLERANCE_SECONDS, now: int | None = None
) -> TrackingEvent:
    """Return the event of a V3 webhook by the signature in its body; otherwise like ``verify_v2``."""
    return _verify_inside(body, headers, email, ("verify", "timestamp"), tolerance=tolerance, now=now)


def _verify_inside(
    body: Body, headers: Headers, email: str, names: tuple[str, str], *, tolerance: int, now: int | None
) -> TrackingEvent:
    _check_email(email)
    found, document = lowered(headers), read_json(raw(body))
    part: Any = document.get(names[0])
    part = part if isinstance(part, dict) else {}
    try:
        v2v3.verify(
            part.get(names[1]),
            part.get("signature"),
            email,
            now=_seconds("now", int(time.time()) if now is None else now),
            tolerance=_seconds("tolerance", tolerance),
        )
    except VerificationError as error:
        raise refusal(error) from None
    return read_document(document, found)


def _usable(secret: str | Iterable[str]) -> tuple[str, ...]:
    try:
        secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    except TypeError:
        raise UnusableSecretError(f"The secret must be text, not {type(secret).__name__}.") from None
    if not secrets:
        raise UnusableSecretError("No secret was given.")
    for one in secrets:
        if not isinstance(one, str):
            raise UnusableSecretError(f"The secret must be text, not {type(one).__name__}.")
        try:
            standard.key_of(one)
        except InvalidSecret as error:
            raise UnusableSecretError(f"The secret {error}.") from None
    return secrets


def _check_email(email: Any) -> None:
    if not isinstance(email, str):
        raise UnusableSecretError(f"The e-mail address must be text, not {type(email).__name__}.")
    if not email:
        raise UnusableSecretError("The e-mail address is empty.")
    try:
        email.encode()
    except UnicodeEncodeError:
        raise UnusableSecretError("The e-mail address has characters that UTF-8 can't encode.") from None


def _seconds(name: str, value: Any) -> int:
    """Return a number of seconds; anything else, such as NaN, would let every timestamp pass."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableArgumentError(f"{name} must be a number of seconds.")
    return int(value)


def _one_fits(secrets: Iterable[str], check: Callable[[str], None]) -> None:
    """Return if the check passes with one of the secrets; otherwise raise the last error."""
    failed: VerificationError | None = None
    for secret in secrets:
        try:
            return check(secret)
        except VerificationError as error:
            failed = error
    if failed is not None:
        raise refusal(failed) from None
    return None

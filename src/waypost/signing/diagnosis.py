"""Explains why a captured webhook is genuine or not: each of its signatures, check by check, in words.

This is for people who look for a mistake in their receiver; a receiver itself uses ``standard``, ``v4`` or ``v2v3``.
All checks run even if the webhook is old, because captured webhooks are pasted later.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from waypost.signing import standard, v2v3, v4
from waypost.signing.errors import Check, InvalidSecret, VerificationError
from waypost.signing.freshness import TOLERANCE_SECONDS

_ANY_AGE: Final = 10**12
_STANDARD_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_V4_HEADERS: Final = ("timestamp", "signature")
_INSIDE: Final = {"V3": ("verify", "timestamp"), "V2": ("verifyInfo", "timeStr")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it passed, what was found, and what to do if it failed.

    ``is_old`` marks the failure of every webhook that was captured earlier.
    """

    about: str
    passed: bool
    text: str
    advice: str = ""
    is_old: bool = False


def diagnose(
    body: bytes, headers: Mapping[str, str], *, secret: str | None, email: str | None, now: int
) -> list[Finding]:
    """Check every signature that the webhook carries. Header names are in lower case; ``now`` is Unix seconds.

    ``secret`` is the endpoint's, in either form; ``email`` is the account's, for V2 and V3. Checks that need a None are
    skipped.
    """
    findings = [] if secret is None else _standard(body, headers, secret, now)
    if secret is not None and any(name in headers for name in _V4_HEADERS):
        findings += _v4(headers, secret, now)
    if email is not None:
        findings += _inside(body, email, now)
    return findings


def read_headers(text: str) -> dict[str, str]:
    """Return headers read as people copy them: ``name: value`` lines in any case, or JSON. Other lines are ignored."""
    if text.lstrip().startswith(("[", "{")):
        return _json_headers(text)
    lines = (line.partition(":") for line in text.split("\n"))
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon and name.strip()}


def _json_headers(text: str) -> dict[str, str]:
    """Return headers from a JSON object or from pairs as the API shows them; anything else has no headers."""
    try:
        value = json.loads(text)
        pairs = value.items() if isinstance(value, dict) else value
        return {str(name).strip().lower(): str(held).strip() for name, held in pairs}
    except (ValueError, TypeError, RecursionError):
        return {}


def _standard(body: bytes, headers: Mapping[str, str], secret: str, now: int) -> list[Finding]:
    about = "Standard Webhooks"
    missing = [name for name in _STANDARD_HEADERS if not headers.get(name)]
    if missing:
        text = (
            f"The headers {', '.join(missing)} are missing."
            if len(missing) > 1
            else f"The header {missing[0]} is missing."
        )
        return [Finding(about, passed=False, text=text, advice="A proxy may remove them, or they were not copied.")]
    try:
        key = standard.key_of(secret)
    except InvalidSecret as error:
        return [Finding(about, passed=False, text=f"The secret {error}.", advice="Copy it from the endpoint's page.")]
    identity, timestamp, signatures = (headers[name] for name in _STANDARD_HEADERS)
    findings = [_age(about, timestamp, now)]

    def fits(candidate: bytes) -> bool:
        try:
            standard.verify(identity, timestamp, signatures, candidate, key, now=now, tolerance=_ANY_AGE)
        except VerificationError:
            return False
        return True

    if fits(body):
        return [
            *findings,
            Finding(about, passed=True, text="The signature matches the id, the timestamp and the body."),
        ]
    for candidate, what, advice in _other_bodies(body):
        if fits(candidate):
            return [
                *findings,
                Finding(about, passed=False, text=f"The signature matches a different body: {what}", advice=advice),
            ]
    return [*findings, _mismatch(about, headers, secret, identity, signatures)]


def _mismatch(about: str, headers: Mapping[str, str], secret: str, identity: str, signatures: str) -> Finding:
    if not any(one.startswith(standard.VERSION) for one in signatures.split(" ")):
        text = "webhook-signature contains no signature of the form v1,<base64>."
        return Finding(about, passed=False, text=text, advice="Copy the header's whole value.")
    if not identity.startswith("evt_"):
        text = "The webhook-id is not one of Waypost's, so it was changed in transit."
        return Finding(about, passed=False, text=text, advice="Copy the header's whole value.")
    if _v4_fits(headers, secret):
        text = "The secret is right, because the V4 signature matches; so the body or the id was changed."
        return Finding(about, passed=False, text=text, advice="Verify the raw bytes, before anything parses them.")
    text = "The signature does not match: different secret, or different body, id or timestamp."
    advice = "Compare the secret with the endpoint's; after a rotation the old one expires with the overlap."
    return Finding(about, passed=False, text=text, advice=advice)


def _v4(headers: Mapping[str, str], secret: str, now: int) -> list[Finding]:
    about = "TrackingMore V4"
    timestamp = headers.get("timestamp")
    findings = [_age(about, timestamp, now)] if timestamp else []
    try:
        v4.verify(timestamp, headers.get("signature"), secret, now=now, tolerance=_ANY_AGE)
    except VerificationError as error:
        advice = (
            "The key is the whole text of the secret, with whsec_; during a rotation it is the old secret."
            if error.check is Check.SIGNATURE_MISMATCH
            else "Copy both headers, timestamp and signature."
        )
        return [*findings, Finding(about, passed=False, text=error.message, advice=advice)]
    return [
        *findings,
        Finding(about, passed=True, text="The signature matches the timestamp. It does not cover the body."),
    ]


def _inside(body: bytes, email: str, now: int) -> list[Finding]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = "The body is not JSON, so it contains no V2 or V3 signature."
        return [Finding("TrackingMore V2 and V3", passed=False, text=text, advice="Paste the whole body.")]
    found = [
        (version, part, name)
        for version, (member, name) in _INSIDE.items()
        if isinstance(value, dict) and isinstance(part := value.get(member), dict)
    ]
    if not found:
        text = "The body contains neither verify (V3) nor verifyInfo (V2)."
        advice = "V4 sends its signature in headers: enter the secret, not the e-mail address."
        return [Finding("TrackingMore V2 and V3", passed=False, text=text, advice=advice)]
    [(version, part, name), *_] = found
    about = f"TrackingMore {version}"
    findings = [_age(about, str(part.get(name, "")), now)]
    try:
        v2v3.verify(part.get(name), part.get("signature"), email, now=now, tolerance=_ANY_AGE)
    except VerificationError as error:
        advice = "The key is the account's e-mail address, exactly as the settings show it."
        return [*findings, Finding(about, passed=False, text=error.message, advice=advice)]
    return [
        *findings,
        Finding(about, passed=True, text="The signature matches the timestamp. It does not cover the body."),
    ]


def _age(about: str, timestamp: str | None, now: int) -> Finding:
    if timestamp is None or not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):  # noqa: PLR2004 - digits of a time, as the parser reads them
        return Finding(about, passed=False, text="The timestamp is not a number of Unix seconds.")
    age = now - int(timestamp)
    if age > TOLERANCE_SECONDS:
        text = f"The timestamp is {age:,} seconds old; a receiver accepts {TOLERANCE_SECONDS} at most."
        advice = "This is expected if the webhook was captured earlier. Otherwise, correct the receiver's clock."
        return Finding(about, passed=False, text=text, advice=advice, is_old=True)
    if -age > TOLERANCE_SECONDS:
        text = f"The timestamp is {-age:,} seconds ahead."
        return Finding(about, passed=False, text=text, advice="Correct the clocks: one of them is wrong.")
    return Finding(about, passed=True, text="The timestamp is fresh.")


def _other_bodies(body: bytes) -> list[tuple[bytes, str, str]]:
    """Yield the bodies that this one may have been, what happened to it, and what to do."""
    raw = "Verify the raw bytes, before anything parses them."
    found = [(body.strip(), "without the white space around it.", "Do not add or copy a line break.")]
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return found
    for ascii_only in (True, False):
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)
        found.append((text.encode(errors="surrogatepass"), "the JSON was parsed and written again differently.", raw))
    return found


def _v4_fits(headers: Mapping[str, str], secret: str) -> bool:
    try:
        v4.verify(headers.get("timestamp"), headers.get("signature"), secret, now=0, tolerance=_ANY_AGE)
    except VerificationError:
        return False
    return True

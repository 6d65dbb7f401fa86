"""An endpoint's custom headers: sent with each delivery; none may steer the request or name its sender.

The list of rejected names follows what went wrong elsewhere: headers set by tenants turned webhooks into requests to
metadata services and proxies (CVE-2025-6454, for example). CGI, WSGI and PHP read ``x_real_ip`` and ``x-real-ip`` as
one variable, so names are compared after replacing every character that is neither a letter nor a digit with a hyphen.
"""

import re
from collections.abc import Mapping
from typing import Final

from waypost.domain.errors import InvalidInput

MOST: Final = 20
LONGEST_NAME: Final = 100
LONGEST_VALUE: Final = 1_000

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_FOLDED: Final = re.compile(r"[^0-9a-z]")
_OURS: Final = frozenset({"accept", "accept-encoding", "content-type", "user-agent", "timestamp", "signature"})
_STEERING: Final = frozenset(
    {
        *("host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te", "via"),
        *("trailer", "upgrade", "expect", "early-data", "http2-settings", "max-forwards", "cdn-loop", "range"),
        *("origin", "forwarded", "x-forwarded", "x-host", "x-original-host", "x-real-ip", "x-rewrite-url"),
        *("metadata", "metadata-flavor", "x-google-metadata-request"),
    }
)
_BEGINNINGS: Final = (
    *("webhook-", "waypost-", "sec-", "proxy-", "-"),
    *("x-forwarded-", "x-original-", "x-rewrite-", "x-http-method", "x-method", "x-envoy-", "x-ms-", "cf-"),
    *("x-aws-ec2-metadata-", "x-aliyun-ecs-metadata-"),
)
_ENDINGS: Final = ("client-ip", "connecting-ip")


def check_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with lower-case names, in their order. Raise InvalidInput for the first bad one.

    The error's ``field`` is ``headers`` or ``headers.<name>``.
    """
    if len(given) > MOST:
        raise InvalidInput("headers", f"are {MOST} at most")
    checked: dict[str, str] = {}
    seen: set[str] = set()
    for given_name, value in given.items():
        name = given_name.lower()
        field = f"headers.{given_name[:LONGEST_NAME]}"
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
            raise InvalidInput(
                field, f"is not a valid header name: use letters, digits and hyphens, {LONGEST_NAME} at most"
            )
        folded = _FOLDED.sub("-", name)
        if folded in _OURS or folded in _STEERING or folded.startswith(_BEGINNINGS) or folded.endswith(_ENDINGS):
            raise InvalidInput(
                field, "is a header that Waypost sets itself or that steers proxies: choose another name"
            )
        if folded in seen:
            raise InvalidInput(field, "is listed twice: receivers read both spellings as one name")
        seen.add(folded)
        if len(value) > LONGEST_VALUE or not _VALUE.fullmatch(value):
            raise InvalidInput(
                field, f"must be 1 to {LONGEST_VALUE} printable ASCII characters, without a space at either end"
            )
        checked[name] = value
    return checked

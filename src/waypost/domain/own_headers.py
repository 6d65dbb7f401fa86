"""An endpoint's own headers: sent with each of its deliveries, never such as steer the request or say who signed it.

The list of what is refused follows what went wrong elsewhere: headers set by tenants turned webhooks into requests to
metadata services and proxies (CVE-2025-6454 is one of them).
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
_OURS: Final = frozenset({"accept", "accept-encoding", "content-type", "user-agent", "timestamp", "signature"})
_STEERING: Final = frozenset(
    {
        *("host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te"),
        *("trailer", "upgrade", "expect", "forwarded", "via", "metadata", "metadata-flavor", "x-http-method-override"),
        *("x-original-url", "x-rewrite-url", "x-real-ip"),
    }
)
_FAMILIES: Final = ("proxy-", "x-forwarded-", "x-aws-ec2-metadata-token", "webhook-", "waypost-", "sec-", ":")


def check_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Give the headers with their names in lower case, in their order. Raises InvalidInput for the first bad one.

    ``field`` of the error is ``headers`` or ``headers.<name>``.
    """
    if len(given) > MOST:
        raise InvalidInput("headers", f"are {MOST} at most")
    checked: dict[str, str] = {}
    for given_name, value in given.items():
        name = given_name.lower()
        field = f"headers.{given_name[:LONGEST_NAME]}"
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
            raise InvalidInput(field, f"is no name of a header: letters, digits and hyphens, {LONGEST_NAME} at most")
        if name in _OURS or name in _STEERING or name.startswith(_FAMILIES):
            raise InvalidInput(field, "is set by Waypost itself or may not be set")
        if name in checked:
            raise InvalidInput(field, "stands there twice")
        if len(value) > LONGEST_VALUE or not _VALUE.fullmatch(value):
            raise InvalidInput(
                field, f"must be 1 to {LONGEST_VALUE} printable ASCII characters, none of them at the edge a space"
            )
        checked[name] = value
    return checked

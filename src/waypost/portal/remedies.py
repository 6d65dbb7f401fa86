"""What to do about an attempt that failed: for each way of failing one remedy, in one or two sentences."""

from typing import Final
from urllib.parse import urljoin, urlsplit

from waypost.domain.attempts import Outcome
from waypost.domain.targets import DEFAULT_PORTS, ForbiddenUrl, Ports, Target, parse_target

LONGEST_TARGET: Final = 200
PORT_REFUSED: Final = "The operator can open its port with WAYPOST_EGRESS_PORTS; else listen on one that is open."
ADDRESS_REFUSED: Final = (
    "Webhooks go to public addresses only. The operator can open a private network with WAYPOST_EGRESS_ALLOW."
)

_REMEDIES: Final = {
    Outcome.DNS_FAILED: "Check the host name for a typing error, and that it can be looked up from this server.",
    Outcome.ADDRESS_FORBIDDEN: f"{ADDRESS_REFUSED[:-1]} and a port with WAYPOST_EGRESS_PORTS.",
    Outcome.CONNECT_FAILED: "Nothing listens there, or a firewall refuses: let the outgoing IPs in.",
    Outcome.TLS_FAILED: "Renew or complete the certificate: its whole chain must be sent, for this host name, TLS 1.2"
    " or later.",
    Outcome.TIMED_OUT: "Answer at once with 200 and do the work afterwards.",
    Outcome.RESET: "Look into the receiver's log: it ended the connection in the middle.",
    Outcome.BAD_RESPONSE: "Something else than an HTTP server answers there: check the port.",
    Outcome.HTTP_410: "410 says that the endpoint is gone for good: but for a test it turns the endpoint off. Enable it"
    " when it takes webhooks again.",
    Outcome.HTTP_429: "The receiver wants fewer requests. Retry-After is honoured.",
    Outcome.HTTP_5XX: "The receiver failed: look into its log at this time.",
}
_OF_CODE: Final = {
    400: "The receiver did not understand the body: check the payload version.",
    401: "The receiver wants a log-in: give the endpoint an own header that lets it in, or open this path.",
    403: "The receiver refuses: a log-in or a firewall stands before this path, an own header is missing, or its check"
    " of the signature fails.",
    404: "There is nothing at this path: check the URL.",
    405: "This path takes no POST: check the URL.",
    415: "The receiver does not take application/json.",
}
_REDIRECT: Final = "Redirects are not followed: use the URL that it leads to"
_ANY_PORT: Final = Ports.parse("1-65535")


def remedy(outcome: Outcome, status_code: int | None, target: str | None) -> str | None:
    """Say what to do; None for what succeeded. ``target`` is where a redirect leads, in full."""
    match outcome:
        case Outcome.SUCCEEDED:
            return None
        case Outcome.HTTP_3XX:
            return f"{_REDIRECT}." if target is None else f"{_REDIRECT}, {clipped(target)}"
        case Outcome.HTTP_4XX:
            return _OF_CODE.get(status_code or 0, "The receiver refused the request: look into its log.")
        case _:
            return _REMEDIES[outcome]


def redirect_target(url: str, location: str | None) -> str | None:
    """Give where an answer of this URL leads, if that is a web address."""
    try:
        target = urljoin(url, location or "")
        return target if location and urlsplit(target).scheme in DEFAULT_PORTS else None
    except ValueError:
        return None


def same_place(url: str, target: str) -> str | None:
    """Give a redirect's target, in normal form, when it is this URL with https or another end in a slash; else None.

    Another host, port, path or query is another place, and https is never given up.
    """
    try:
        here, there = parse_target(url, ports=_ANY_PORT), parse_target(target, ports=_ANY_PORT)
    except ForbiddenUrl:
        return None
    if here.url == there.url or here.host != there.host or _place(here) != _place(there):
        return None
    kept = (here.scheme, here.port) == (there.scheme, there.port)
    secured = _is_usual(here) and _is_usual(there) and there.scheme == "https"
    return there.url if kept or secured else None


def clipped(target: str) -> str:
    """Give as much of a receiver's text as a sentence can hold."""
    return target if len(target) <= LONGEST_TARGET else f"{target[:LONGEST_TARGET]}…"


def _place(target: Target) -> tuple[str, str]:
    parts = urlsplit(target.url)
    return parts.path.removesuffix("/"), parts.query


def _is_usual(target: Target) -> bool:
    return target.port == DEFAULT_PORTS[target.scheme]

"""What to do about an attempt that failed: for each way of failing one remedy, in one or two sentences."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from waypost.domain.attempts import Cause, Outcome
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
    Outcome.TLS_FAILED: "Check the receiver's certificate and TLS configuration: TLS 1.2 or later is required.",
    Outcome.TIMED_OUT: "Answer at once with 200 and do the work afterwards.",
    Outcome.RESET: "Look into the receiver's log: it ended the connection in the middle.",
    Outcome.BAD_RESPONSE: "Look at what answers there: Waypost could not read it as HTTP.",
    Outcome.HTTP_410: "410 says that the endpoint is gone for good: but for a test it turns the endpoint off. Enable it"
    " when it takes webhooks again.",
    Outcome.HTTP_429: "The receiver wants fewer requests. Retry-After is honoured.",
    Outcome.HTTP_5XX: "The receiver failed: look into its log at this time.",
}
_OF_CAUSES: Final[Mapping[str, str]] = {
    Cause.UNKNOWN_ISSUER: "Send the whole chain with the certificate. If it comes from an authority of your own, the"
    " operator can add that with WAYPOST_CA_BUNDLE.",
    Cause.WRONG_NAME: "Use a certificate for the host name of the URL, or the URL of the host that it is for.",
    Cause.EXPIRED: "Renew the certificate, and restart the server if it still sends the previous one.",
    Cause.NOT_YET_VALID: "Check the clock of the server that made the certificate, and that of this one.",
    Cause.CA_CERTIFICATE: "A self-signed certificate needs CA:FALSE: make it with openssl req -x509 -addext"
    " basicConstraints=critical,CA:FALSE and a subjectAltName, then add it to WAYPOST_CA_BUNDLE.",
    Cause.BAD_CERTIFICATE: "Replace the certificate: it is damaged, revoked, or not for a server.",
    Cause.NO_TLS: "Use http:// for this port, or the port that speaks TLS, often 443.",
    Cause.NO_SHARED_PROTOCOL: "Enable TLS 1.3, or TLS 1.2 with an ECDHE cipher in GCM or ChaCha20-Poly1305.",
    Cause.CLIENT_CERTIFICATE: "Waypost sends no client certificate: accept requests without one on this path, and check"
    " the webhook's signature instead.",
    Cause.TLS_ALERT: "Look into the log of the receiver's TLS server: it names the alert.",
    Cause.HANDSHAKE_CLOSED: "Look into the log of what terminates TLS there.",
    Cause.HANDSHAKE_TIMED_OUT: "Check the port: what listens there is overloaded, or does not expect TLS.",
    Cause.NOT_HTTP: "Check the port: something other than an HTTP server answers there.",
    Cause.TOO_MANY_HEADERS: "Answer with fewer headers.",
    Cause.BAD_HEADER: "Remove control characters from the names and values of the answer's headers.",
    Cause.BAD_CONTENT_LENGTH: "Send one content-length, a whole number.",
    Cause.BAD_STATUS: "Answer with a status code of HTTP: 200 if you accept the webhook.",
}
_OF_CODE: Final = {
    400: "The receiver did not understand the body: check the payload version.",
    401: "The receiver wants a log-in: give the endpoint an own header that lets it in, or open this path.",
    403: "The receiver refuses: a log-in or a firewall stands before this path, an own header is missing, or its check"
    " of the signature fails.",
    404: "There is nothing at this path: check the URL.",
    405: "This path takes no POST: check the URL.",
    413: "The receiver limits the size of bodies: raise the limit to 1 MB or more (nginx: client_max_body_size;"
    " Express: limit of express.json or express.raw; PHP: post_max_size).",
    415: "The receiver does not take application/json.",
}
_REDIRECT: Final = "Redirects are not followed: use the URL that it leads to"
_ANY_PORT: Final = Ports.parse("1-65535")


def remedy(outcome: Outcome, status_code: int | None, target: str | None, reason: str | None = None) -> str | None:
    """Return what to do; None for what succeeded. ``target`` is where a redirect leads, in full.

    ``reason`` is the attempt's: what it names has a remedy of its own.
    """
    if outcome is not Outcome.SUCCEEDED and reason is not None and reason in _OF_CAUSES:
        return _OF_CAUSES[reason]
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

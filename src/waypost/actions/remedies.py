"""What to do about a failed attempt: one remedy of one or two sentences for each cause."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from waypost.domain.attempts import Cause, Outcome
from waypost.domain.targets import DEFAULT_PORTS, ForbiddenUrl, Ports, Target, parse_target

LONGEST_TARGET: Final = 200
PORT_REFUSED: Final = "The operator can allow its port with WAYPOST_EGRESS_PORTS. Otherwise, listen on an allowed port."
ADDRESS_REFUSED: Final = (
    "Webhooks go to public addresses only. The operator can allow a private network with WAYPOST_EGRESS_ALLOW."
)

_REMEDIES: Final = {
    Outcome.DNS_FAILED: "Check the host name for typos, and that it resolves on this server.",
    Outcome.ADDRESS_FORBIDDEN: f"{ADDRESS_REFUSED[:-1]} and a port with WAYPOST_EGRESS_PORTS.",
    Outcome.CONNECT_FAILED: "Nothing is listening there, or a firewall blocks it. Allow the outgoing IPs.",
    Outcome.TLS_FAILED: "Check the receiver's certificate and TLS configuration: TLS 1.2 or later is required.",
    Outcome.TIMED_OUT: "Return 200 immediately and do the work afterwards.",
    Outcome.RESET: "Check the receiver's log: it closed the connection mid-request.",
    Outcome.BAD_RESPONSE: "Check what is listening there: Waypost could not parse the response as HTTP.",
    Outcome.HTTP_410: "410 means that the endpoint is gone for good and, except for a test, disables it. Enable it"
    " when it accepts webhooks again.",
    Outcome.HTTP_429: "The receiver is rate limiting Waypost, which honours Retry-After.",
    Outcome.HTTP_5XX: "The receiver failed. Check its log at the time of the attempt.",
}
_OF_CAUSES: Final[Mapping[str, str]] = {
    Cause.PORT_CLOSED: "Start the receiver, and check the port and the address that it listens on. A firewall can look"
    " the same: allow the outgoing IPs there.",
    Cause.UNREACHABLE: "Check the address that the host name resolves to, and this server's route to it.",
    Cause.UNKNOWN_ISSUER: "Serve the full certificate chain. If your own authority issued the certificate, the operator"
    " can add its root certificate with WAYPOST_CA_BUNDLE.",
    Cause.WRONG_NAME: "Use a certificate for the URL's host name, or a URL with the host name of the certificate.",
    Cause.EXPIRED: "Renew the certificate, and restart the server if it still serves the previous one.",
    Cause.NOT_YET_VALID: "Check the clock of the machine that issued the certificate, and the clock of this server.",
    Cause.CA_CERTIFICATE: "A self-signed certificate needs CA:FALSE. Create it with openssl req -x509 -addext"
    " basicConstraints=critical,CA:FALSE and a subjectAltName, then add it to WAYPOST_CA_BUNDLE.",
    Cause.BAD_CERTIFICATE: "Replace the certificate: it is damaged, revoked, or not a server certificate.",
    Cause.NO_TLS: "Use http:// for this port, or the port that serves TLS, often 443.",
    Cause.NO_SHARED_PROTOCOL: "Enable TLS 1.3, or TLS 1.2 with an ECDHE cipher using GCM or ChaCha20-Poly1305.",
    Cause.CLIENT_CERTIFICATE: "Waypost sends no client certificate: accept requests without one on this path, and check"
    " the webhook's signature instead.",
    Cause.TLS_ALERT: "Check the log of the receiver's TLS server, which names the alert.",
    Cause.HANDSHAKE_CLOSED: "Check the log of whatever terminates TLS there.",
    Cause.HANDSHAKE_TIMED_OUT: "Check the port: the server there is overloaded, or does not expect TLS.",
    Cause.NOT_HTTP: "Check the port: something other than an HTTP server responds there.",
    Cause.TOO_MANY_HEADERS: "Return fewer headers.",
    Cause.BAD_HEADER: "Remove control characters from the names and values of the response headers.",
    Cause.BAD_CONTENT_LENGTH: "Send one content-length header with a whole number.",
    Cause.BAD_STATUS: "Return a valid HTTP status code: 200 if you accept the webhook.",
}
_OF_CODE: Final = {
    400: "The receiver did not understand the body. Check the payload version.",
    401: "The receiver requires a login. Add a custom header with credentials, or open this path.",
    403: "The receiver denies access: a login or firewall protects this path, a custom header is missing, or its"
    " signature check fails.",
    404: "Nothing exists at this path. Check the URL.",
    405: "This path does not accept POST. Check the URL.",
    413: "The receiver limits the body size. Raise the limit to 1 MB or more (nginx: client_max_body_size;"
    " Express: limit of express.json or express.raw; PHP: post_max_size).",
    415: "The receiver does not accept application/json.",
}
_REDIRECT: Final = "Redirects are not followed. Use the target URL"
_ANY_PORT: Final = Ports.parse("1-65535")


def remedy(outcome: Outcome, status_code: int | None, target: str | None, reason: str | None = None) -> str | None:
    """Return the remedy for an attempt, or None if it succeeded. ``target`` is the absolute URL of a redirect.

    ``reason`` is the attempt's; a known cause has its own remedy.
    """
    if outcome is not Outcome.SUCCEEDED and reason is not None and reason in _OF_CAUSES:
        return _OF_CAUSES[reason]
    match outcome:
        case Outcome.SUCCEEDED:
            return None
        case Outcome.HTTP_3XX:
            return f"{_REDIRECT}." if target is None else f"{_REDIRECT}, {clipped(target)}"
        case Outcome.HTTP_4XX:
            return _OF_CODE.get(status_code or 0, "The receiver rejected the request. Check its log.")
        case _:
            return _REMEDIES[outcome]


def redirect_target(url: str, location: str | None) -> str | None:
    """Return the absolute URL that a response from ``url`` redirects to, or None if it is not http or https."""
    try:
        target = urljoin(url, location or "")
        return target if location and urlsplit(target).scheme in DEFAULT_PORTS else None
    except ValueError:
        return None


def same_place(url: str, target: str) -> str | None:
    """Return the normalised target if it differs from this URL only by https or a final slash; otherwise None.

    A different host, port, path or query is a different place, and https is never downgraded.
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
    """Return a receiver's text, truncated to fit into a sentence."""
    return target if len(target) <= LONGEST_TARGET else f"{target[:LONGEST_TARGET]}…"


def _place(target: Target) -> tuple[str, str]:
    parts = urlsplit(target.url)
    return parts.path.removesuffix("/"), parts.query


def _is_usual(target: Target) -> bool:
    return target.port == DEFAULT_PORTS[target.scheme]

"""The possible outcomes of one HTTP POST of a delivery, and the reasons for them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The result of one attempt, with the values of the API's ``attempt.outcome``."""

    SUCCEEDED = "succeeded"
    DNS_FAILED = "dns_failed"
    ADDRESS_FORBIDDEN = "address_forbidden"
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    RESET = "reset"
    BAD_RESPONSE = "bad_response"
    HTTP_3XX = "http_3xx"
    HTTP_4XX = "http_4xx"
    HTTP_410 = "http_410"
    HTTP_429 = "http_429"
    HTTP_5XX = "http_5xx"


class Cause(StrEnum):
    """The reason for an attempt's outcome, where it is known (``attempt.reason``).

    Reasons that concern the body say what was wrong with the response after its head; they never change the outcome.
    More reasons may be added.
    """

    PORT_CLOSED = "port_closed"
    UNREACHABLE = "unreachable"
    UNKNOWN_ISSUER = "unknown_issuer"
    WRONG_NAME = "wrong_name"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    CA_CERTIFICATE = "ca_certificate"
    BAD_CERTIFICATE = "bad_certificate"
    NO_TLS = "no_tls"
    NO_SHARED_PROTOCOL = "no_shared_protocol"
    CLIENT_CERTIFICATE = "client_certificate"
    TLS_ALERT = "tls_alert"
    HANDSHAKE_CLOSED = "handshake_closed"
    HANDSHAKE_TIMED_OUT = "handshake_timed_out"
    NOT_HTTP = "not_http"
    TOO_MANY_HEADERS = "too_many_headers"
    BAD_HEADER = "bad_header"
    BAD_CONTENT_LENGTH = "bad_content_length"
    BAD_STATUS = "bad_status"
    BODY_CUT = "body_cut"
    BODY_MALFORMED = "body_malformed"
    BODY_TIMED_OUT = "body_timed_out"
    BODY_TOO_LONG = "body_too_long"


CAUSES: Final[Mapping[str, str]] = {
    Cause.PORT_CLOSED: "The address refused the connection: nothing listens on the port.",
    Cause.UNREACHABLE: "There is no route to the address.",
    Cause.UNKNOWN_ISSUER: "The certificate was not issued by an authority that this server trusts.",
    Cause.WRONG_NAME: "The certificate is for another host name.",
    Cause.EXPIRED: "The certificate has expired.",
    Cause.NOT_YET_VALID: "The certificate is not valid yet.",
    Cause.CA_CERTIFICATE: "The server's own certificate is that of a certificate authority (CA:TRUE).",
    Cause.BAD_CERTIFICATE: "The certificate is not valid.",
    Cause.NO_TLS: "The port does not speak TLS.",
    Cause.NO_SHARED_PROTOCOL: "The server shares no TLS version or cipher with Waypost.",
    Cause.CLIENT_CERTIFICATE: "The server requires a client certificate.",
    Cause.TLS_ALERT: "The server ended the TLS handshake with an alert.",
    Cause.HANDSHAKE_CLOSED: "The server closed the connection during the TLS handshake.",
    Cause.HANDSHAKE_TIMED_OUT: "The port accepts connections but does not answer a TLS handshake.",
    Cause.NOT_HTTP: "The response is not HTTP.",
    Cause.TOO_MANY_HEADERS: "The response has more than 100 headers, or headers of more than 400 KB.",
    Cause.BAD_HEADER: "The response has a header that is not valid.",
    Cause.BAD_CONTENT_LENGTH: "The content-length of the response is not valid.",
    Cause.BAD_STATUS: "The status code is not one of 200 to 599.",
    Cause.BODY_CUT: "The connection ended before the end of the response's body.",
    Cause.BODY_MALFORMED: "The body of the response is not valid HTTP.",
    Cause.BODY_TIMED_OUT: "The body of the response did not end in time.",
    Cause.BODY_TOO_LONG: "The body of the response has more than 64 KiB.",
}
"""Each reason in one sentence."""

ERRORS: Final[Mapping[str, str]] = {
    Outcome.DNS_FAILED: "Its host name could not be resolved.",
    Outcome.ADDRESS_FORBIDDEN: "Its address is not allowed.",
    Outcome.CONNECT_FAILED: "The connection failed.",
    Outcome.TLS_FAILED: "The TLS handshake failed; check the certificate.",
    Outcome.TIMED_OUT: "It did not respond in time.",
    Outcome.RESET: "It closed the connection before responding.",
    Outcome.BAD_RESPONSE: "Its response was not valid HTTP.",
    Outcome.HTTP_3XX: "It returned a redirect, which is not followed.",
    Outcome.HTTP_4XX: "It rejected the request (4xx).",
    Outcome.HTTP_410: "It returned 410 Gone.",
    Outcome.HTTP_429: "It is rate limiting Waypost (429).",
    Outcome.HTTP_5XX: "It returned a server error (5xx).",
}
"""An endpoint's last error in one sentence, by outcome."""

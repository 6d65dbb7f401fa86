"""What one HTTP POST of a delivery can come to."""

from enum import StrEnum


class Outcome(StrEnum):
    """The result of one attempt, told apart as on the API (``attempt.outcome``)."""

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

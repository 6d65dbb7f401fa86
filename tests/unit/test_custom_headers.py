"""The custom headers that an endpoint may have."""

import pytest

from waypost.domain.custom_headers import LONGEST_VALUE, MOST, check_headers
from waypost.domain.errors import InvalidInput


def test_names_are_lower_cased_and_keep_their_order():
    assert list(check_headers({"X-Shop": "a", "Authorization": "Bearer x y"}).items()) == [
        ("x-shop", "a"),
        ("authorization", "Bearer x y"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("host", "Content-Length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"),
        *("proxy-authorization", "x-forwarded-for", "X-Forwarded-Host", "forwarded", "metadata-flavor", "metadata"),
        *("x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds", "webhook-id", "webhook-signature"),
        *("x-method-override", "X-HTTP-Method", "x-http-method-override", "true-client-ip", "x-client-ip"),
        *("x-cluster-client-ip", "fastly-client-ip", "cf-connecting-ip", "cf-ray", "x-host", "x-original-host"),
        *("x-ms-original-url", "x-envoy-original-path", "http2-settings", "early-data", "max-forwards", "origin"),
        *("range", "x-rewrite-url", "x-google-metadata-request", "x-aliyun-ecs-metadata-token"),
        *("transfer_encoding", "X_Forwarded_For", "webhook_signature", "metadata_flavor", "x_real.ip", "content~type"),
        *("waypost-test", "timestamp", "signature", "content-type", "user-agent", "accept-encoding", ":path"),
    ],
)
def test_headers_that_control_the_request_or_name_its_sender_are_rejected(name):
    with pytest.raises(InvalidInput) as caught:
        check_headers({name: "1"})

    assert caught.value.field == f"headers.{name}"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "\u00e4", "x" * 101, "a\0"])
def test_a_name_that_is_not_a_token_is_rejected(name):
    with pytest.raises(InvalidInput, match="is not a valid header name"):
        check_headers({name: "1"})


@pytest.mark.parametrize("value", ["", " a", "a ", "a\r\nhost: b", "a\0b", "a\tb", "\u00e4", "x" * (LONGEST_VALUE + 1)])
def test_a_value_with_line_breaks_or_ambiguous_characters_is_rejected(value):
    with pytest.raises(InvalidInput, match="must be 1 to"):
        check_headers({"x-shop": value})


def test_the_number_of_headers_is_limited():
    assert len(check_headers({f"x-{place}": "1" for place in range(MOST)})) == MOST
    with pytest.raises(InvalidInput) as caught:
        check_headers({f"x-{place}": "1" for place in range(MOST + 1)})

    assert caught.value.field == "headers"


@pytest.mark.parametrize("other", ["x-shop", "X_Shop", "x.shop"])
def test_two_spellings_of_one_name_are_rejected(other):
    with pytest.raises(InvalidInput, match="twice"):
        check_headers({"X-Shop": "a", other: "b"})


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-api-key", "x_shop", "x-client-id", "x-shop-origin"])
def test_common_headers_of_shops_are_accepted(name):
    assert check_headers({name: "1"}) == {name: "1"}

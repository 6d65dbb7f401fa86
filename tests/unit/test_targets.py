"""An accepted URL has one meaning: our parser and the HTTP client's read it in the same way."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyreqwest.http import Url

from waypost.domain.errors import InvalidInput
from waypost.domain.ip_addresses import judge_address
from waypost.domain.targets import ForbiddenUrl, Ports, Target, parse_target, same_place, stored_url

ALL_PORTS = Ports.parse("1-65535")
NASTY = st.sampled_from(
    [
        *"aZ09-_.:/?#@[]%\\|^`{}<>\"'&=+;,!$*()~ \t\r\n\x00\x7f",
        *("\u3002", "\uff0e", "\uff11", "\u2100", "\u00df", "\u017f", "\u212a", "\u00ad", "\u200d", "\u0661", "ü", "é"),
        *("..", "//", "/./", "%2e", "%2E%2e", "%00", "%25", "%zz", "0x7f", "0177", "127.1", "127.0.0.1", "2130706433"),
        *("[::1]", "[::ffff:7f00:1]", "[::ffff:127.0.0.1]", "[fe80::1%25a]", "[1:2::3:4]", "xn--", "xn--zca", ":80"),
        *(":080", ":0", ":65536", ":", "u:p@", "localhost", "shop.test", "http://", "HTTPS://", "0x", ".1", "a.0x1"),
    ]
)
SCHEMES = st.sampled_from(["http://", "https://", "HtTp://", "http:/", "http:", "//", "ftp://", "http\u017f://"])
JUNK = st.builds(str.__add__, SCHEMES, st.lists(NASTY, max_size=9).map("".join))
# Nearly right, so that much of it is accepted and the rest is refused for one thing.
LABELS = st.sampled_from(["shop", "TEST", "a_b", "x-y", "xn--zca", "xn--a-ecp", "1", "0x7f", "co", "-", "a--b"])
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map("[{}]".format),
)
PORTS = st.sampled_from(["", "", ":80", ":443", ":8080", ":080", ":", ":65535"])
TEXTS = st.lists(st.one_of(NASTY, st.sampled_from("abc/")), max_size=4).map("".join)
NEARLY = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["http://", "HTTPS://"]),
        HOSTS,
        PORTS,
        st.one_of(st.just(""), TEXTS.map("/".__add__)),
        st.one_of(st.just(""), TEXTS.map("?".__add__)),
    ),
)
URLS = st.one_of(JUNK, NEARLY, NEARLY)


def taken(url: str) -> Target | None:
    try:
        return parse_target(url, ports=ALL_PORTS)
    except ForbiddenUrl:
        return None


def parts(url: Url) -> tuple[str, str, str | None, int | None]:
    return str(url), url.scheme, url.host_str, url.port_or_known_default


@given(URLS)
@example("http\u017f://shop.test/")
@example("http://shop.test:080/")
@example("https://shop.test:443?a'b")
@example("http://a.test/%2E%2e/b")
@example("http://shop.test//other.test/")
@example("http://[2606:4700:0:0:1::]/")
@example("http://xn--zca.test/ü?ü=[]|^`")
@example("http://M\u00dcnchen.test/")
def test_the_client_reads_every_accepted_url_in_the_same_way(url: str) -> None:
    target = taken(url)

    if target is not None:
        try:
            normal, original = Url(target.url), Url(url)
        except ValueError:
            # It knows more of IDNA than we do. Nothing is sent then.
            assert "xn--" in target.host
            return
        assert parts(normal) == (target.url, target.scheme, target.host, target.port)
        assert parts(original)[1:] == parts(normal)[1:]


@given(URLS)
def test_a_normalised_url_is_not_changed(url: str) -> None:
    target = taken(url)

    if target is not None:
        assert taken(target.url) == target


@given(URLS)
def test_a_host_that_the_client_reads_as_an_address_is_recognised(url: str) -> None:
    target = taken(url)

    if target is not None and target.address is None:
        with pytest.raises(ValueError, match="does not appear to be"):
            ip_address(target.host)
        assert Url.is_valid(target.url) is False or Url(target.url).domain == target.host


@given(st.ip_addresses(v=6))
@example(ip_address("::1"))
@example(ip_address("1::"))
@example(ip_address("1:0:0:2:0:0:0:3"))
@example(ip_address("1:0:2:3:4:5:6:7"))
def test_an_ipv6_host_is_written_as_the_client_writes_it(address: object) -> None:
    target = taken(f"http://[{address}]/")

    if target is not None:
        assert str(Url(f"http://[{address}]/")) == target.url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Shop.TEST", "https://shop.test/"),
        ("https://shop.test:443?a=b", "https://shop.test/?a=b"),
        ("http://shop.test:8080/a//b?c[]=%20", "http://shop.test:8080/a//b?c[]=%20"),
        ("https://shop.test/ü?q=é'", "https://shop.test/%C3%BC?q=%C3%A9%27"),
        ("http://[2606:4700:0::1]/", "http://[2606:4700::1]/"),
        ("https://MÜNCHEN.Example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("https://mu\u0308nchen.example:8443", "https://xn--mnchen-3ya.example:8443/"),
        ("https://faß.test/", "https://xn--fa-hia.test/"),
    ],
)
def test_urls_are_normalised(url: str, normal: str) -> None:
    assert parse_target(url, ports=ALL_PORTS).url == normal


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://shop.test/", "http://"),
        ("https://u@shop.test/", "user name"),
        ("https://shop.test/#a", "fragment"),
        ("https://shop.test\\a", "backslash"),
        ("https://shop.test/a b", "White space"),
        ("https://shop.test/\u00a0", "White space"),
        ("https:///hook", "no host"),
        ("https://shop.test./", "dot at the end"),
        ("https://sh%6fp.test/", "% in the host"),
        ("https://127.1/", "four decimal"),
        ("https://[::ffff:1.2.3.4]/", "four decimal"),
        ("https://[fe80::1%eth0]/", "hexadecimal"),
        ("https://[fe80::1%25eth0]/", "% in the host"),
        ("https://bü_cher.test/", "xn--"),
        ("https://ü..test/", "xn--"),
        ("https://shop\u3002test/", "xn--"),
        ("https://\uff11\uff12\uff17.0.0.1/", "xn--"),
        ("https://[ü]/", "xn--"),
        ("https://shop.test/a/../b", "segments"),
        ("https://shop.test/%zz", "hexadecimal"),
        ("https://" + "a." * 127 + "test/", "253"),
        ("https://shop.test/" + "ü" * 400, "2,048"),
    ],
)
def test_a_rejection_names_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ForbiddenUrl) as refused:
        parse_target(url, ports=ALL_PORTS)

    assert reason in refused.value.message


def test_a_url_is_stored_as_typed_unless_its_host_is_in_unicode() -> None:
    assert stored_url("HTTPS://Shop.TEST:443/ü") == "HTTPS://Shop.TEST:443/ü"
    assert stored_url("https://München.test/hook") == "https://xn--mnchen-3ya.test/hook"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://shop.test", "HTTPS://SHOP.test:443/", True),
        ("https://münchen.test/", "https://xn--mnchen-3ya.test/", True),
        ("https://shop.test/a", "https://shop.test/b", False),
        ("https://shop.test/", "http://shop.test/", False),
        ("no url", "no url", True),
    ],
)
def test_equivalent_urls_are_recognised_as_equal(one: str, other: str, *, same: bool) -> None:
    assert same_place(one, other) is same


def test_ports_are_numbers_and_ranges() -> None:
    ports = Ports.parse("443, 8000-8002")

    assert [port for port in (80, 443, 7999, 8000, 8002, 8003) if port in ports] == [443, 8000, 8002]


@pytest.mark.parametrize("text", ["", "80,", "http", "0", "65536", "9-8", "80-", "-80", "8 0", "٨٠"])
def test_invalid_ports_are_rejected_with_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Ports.parse(text)

    assert refused.value.field == "EGRESS_PORTS"


def test_the_operator_may_open_ipv6_loopback_but_not_the_unspecified_address() -> None:
    assert judge_address(ip_address("::1"), (ip_network("::1/128"),)) is None
    assert judge_address(ip_address("::"), (ip_network("::/0"),)) is not None


@pytest.mark.parametrize(
    "address", ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "2a00::5efe:10.0.0.1", "2001:0:a00:1::"]
)
def test_an_opened_ipv6_network_does_not_open_the_ipv4_address_inside(address: str) -> None:
    everything = (ip_network("::/0"),)

    assert judge_address(ip_address(address), everything) is not None


def test_behind_nat64_a_public_ipv4_address_can_be_opened() -> None:
    assert judge_address(ip_address("64:ff9b::8.8.8.8"), (ip_network("64:ff9b::/96"),)) is None

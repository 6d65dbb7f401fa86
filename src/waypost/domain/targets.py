"""A URL that requests may be sent to, parsed once.

The grammar is narrower than a browser's: anything that two parsers could read in two ways is rejected with a reason, so
that the address that was checked is the address that is requested.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Self
from urllib.parse import quote

import idna

from waypost.domain.errors import InvalidInput
from waypost.domain.ip_addresses import IPAddress, IPNetwork

URL_CHARACTERS = 2048
HOST_CHARACTERS = 253
DEFAULT_PORTS = {"http": 80, "https": 443}
DEFAULT_EGRESS_PORTS = "80,443,8080,8443"

_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
# Names that systems give to this host (RFC 6761 and the hosts files of Debian and Red Hat).
_NAMES_OF_THIS_HOST = frozenset(
    {
        "localhost",
        "localdomain6",
        "localhost6",
        "localhost4",
        "ip6-localhost",
        "ip6-loopback",
        "localdomain",
        "loopback",
    }
)
# Suffixes that no public name server answers for (RFC 6762, 8375, and those that ICANN reserves for private use).
_PRIVATE_ENDINGS = (".local", ".internal", ".home.arpa", ".intranet", ".lan", ".private", ".corp", ".home")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?=/|\Z)", re.ASCII | re.IGNORECASE)
# Exactly the characters allowed in a path or query (RFC 3986), and square brackets, which nobody encodes.
_PATH_SAFE = "/%:@!$&'()*+,;=[]~"
_QUERY_SAFE = "/%:@!$&()*+,;=[]~?"


class ForbiddenUrl(InvalidInput):
    """A URL that nothing is sent to; ``message`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__("url", reason)


class ForbiddenPort(ForbiddenUrl):
    """A URL whose port requests may not be sent to."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that requests may be sent to: ``text`` as in the setting WAYPOST_EGRESS_PORTS, ``ranges`` inclusive."""

    text: str
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the ports of ``80,443,8000-8999``, or of ``+3000``: the default and those after the sign.

        Raise InvalidInput for field ``EGRESS_PORTS``.
        """
        parts = [part.strip() for part in text.split(",")]
        if parts[0].startswith("+"):
            parts = [*DEFAULT_EGRESS_PORTS.split(","), *(part.removeprefix("+") for part in parts)]
        return cls(",".join(parts), tuple(map(_port_range, parts)))

    def __contains__(self, port: int) -> bool:
        return any(first <= port <= last for first, last in self.ranges)


EVERY_PORT = Ports("1-65535", ((1, 65_535),))


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a request. ``url`` is what is requested: ASCII, in normal form.

    ``host`` is in lower case, and in brackets if it is an IPv6 address; ``address`` is the host as an address, None for
    a name that must be resolved.
    """

    url: str
    scheme: str
    host: str
    port: int
    address: IPAddress | None


def parse_target(url: str, *, ports: Ports) -> Target:
    """Return the parsed URL, or raise ForbiddenUrl with a reason that can be shown to the person who typed it."""
    _refuse_characters(url)
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise ForbiddenUrl("The URL must begin with http:// or https://.")
    scheme = shape["scheme"].lower()
    if "@" in shape["authority"]:
        raise ForbiddenUrl("A user name or password in the URL is not allowed.")
    authority = _AUTHORITY.fullmatch(shape["authority"])
    if authority is None:
        raise ForbiddenUrl("The host of the URL is not valid.")
    host, address = _host(authority["host"])
    port = _port(authority["port"], scheme, ports)
    netloc = host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"
    normal = f"{scheme}://{netloc}{_path(shape['path'])}{_query(shape['query'])}"
    if len(normal) > URL_CHARACTERS:
        raise ForbiddenUrl(f"The URL must not be longer than {URL_CHARACTERS:,} characters.")
    return Target(normal, scheme, host, port, address)


def stored_url(url: str) -> str:
    """Return a URL that was checked as it is kept: as it was typed, but a host in Unicode as its xn-- form."""
    found = _SHAPE.fullmatch(url)
    return url if found is None or found["authority"].isascii() else parse_target(url, ports=EVERY_PORT).url


def same_place(one: str, other: str) -> bool:
    """Return whether two URLs are one, however they are written. One that nothing is sent to is itself only."""
    try:
        return parse_target(one, ports=EVERY_PORT) == parse_target(other, ports=EVERY_PORT)
    except ForbiddenUrl:
        return one == other


def judge_name(host: str, allow: Iterable[IPNetwork] = ()) -> str | None:
    """Return why nothing may be sent to a host, judged by its name alone; None if it is allowed.

    ``allow`` are the networks that the operator opened: a loopback network opens ``localhost`` and similar names, any
    network opens names of private networks. The addresses that the name resolves to are judged again before each
    connection.
    """
    opened = tuple(allow)
    labels = host.split(".")
    if labels[-1] in _NAMES_OF_THIS_HOST:  # as are all names below one: app.localhost, localhost.localdomain
        is_open = any(address in network for address in _LOOPBACK for network in opened)
        return None if is_open else "it is this server itself"
    if len(labels) == 1 or f".{host}".endswith(_PRIVATE_ENDINGS):
        return None if opened else "it is a name of a private network"
    return None


def _refuse_characters(url: str) -> None:
    if len(url) > URL_CHARACTERS:
        raise ForbiddenUrl(f"The URL must not be longer than {URL_CHARACTERS:,} characters.")
    if "#" in url:
        raise ForbiddenUrl("A fragment (#) in the URL is not allowed.")
    if "\\" in url:
        raise ForbiddenUrl("A backslash in the URL is not allowed.")
    # str.isprintable is False for control, format, surrogate and unassigned characters, and for all white space.
    if not url.isprintable() or " " in url:
        raise ForbiddenUrl("White space and control characters in the URL are not allowed.")
    if _BAD_PERCENT.search(url):
        raise ForbiddenUrl("A % in the URL must be followed by two hexadecimal digits.")


def _host(text: str) -> tuple[str, IPAddress | None]:
    host = text.lower() if text.isascii() else _ascii_host(text)
    if not host:
        raise ForbiddenUrl("The URL has no host.")
    if "%" in host:
        raise ForbiddenUrl("A % in the host of the URL is not allowed.")
    if host.startswith("["):
        return _ipv6_host(host[1:-1])
    if len(host) > HOST_CHARACTERS:
        raise ForbiddenUrl(f"The host of the URL must not be longer than {HOST_CHARACTERS} characters.")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4_host(host)
    if not labels[-1]:
        raise ForbiddenUrl("A dot at the end of the host is not allowed.")
    if not all(_label_is_valid(label) for label in labels):
        raise ForbiddenUrl("The host of the URL is not valid.")
    return host, None


def _ascii_host(text: str) -> str:
    """Return a host in Unicode in its xn-- form (IDNA 2008); nothing but case and composition is mapped on the way."""
    try:
        return idna.encode(unicodedata.normalize("NFC", text.lower()), strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise ForbiddenUrl("The host of the URL is not a valid name in Unicode: write it in ASCII (xn--…).") from None


def _ipv4_host(host: str) -> tuple[str, IPAddress]:
    try:
        address = IPv4Address(host)
    except AddressValueError:
        raise ForbiddenUrl("An IPv4 address must be written as four decimal numbers.") from None
    return str(address), address


def _ipv6_host(host: str) -> tuple[str, IPAddress]:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        raise ForbiddenUrl("The IPv6 address of the URL is not valid.") from None
    if address.ipv4_mapped is not None:
        raise ForbiddenUrl("An IPv4 address must be written as four decimal numbers.")
    return f"[{address.compressed}]", address


def _label_is_valid(label: str) -> bool:
    if _LABEL.fullmatch(label) is None:
        return False
    if not label.startswith("xn--"):
        return True
    # A label whose decoded form encodes to something else can be read in two ways.
    try:
        decoded = label[4:].encode().decode("punycode")
        return not decoded.isascii() and decoded.encode("punycode").decode() == label[4:]
    except UnicodeError:
        return False


def _port(text: str | None, scheme: str, ports: Ports) -> int:
    if text is not None and _PORT.fullmatch(text) is None:
        raise ForbiddenUrl("The port of the URL is not valid.")
    port = DEFAULT_PORTS[scheme] if text is None else int(text)
    if port not in ports:
        raise ForbiddenPort(f"Port {port} is not allowed: the server's WAYPOST_EGRESS_PORTS allows {ports.text}.")
    return port


def _path(text: str | None) -> str:
    if text is None:
        return "/"
    if _DOT_SEGMENT.search(text):
        raise ForbiddenUrl("The path of the URL must not contain the segments . or ..")
    return quote(text, safe=_PATH_SAFE)


def _query(text: str | None) -> str:
    return "" if text is None else "?" + quote(text, safe=_QUERY_SAFE)


def _port_range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    for end in (first, last) if dash else (first,):
        if _PORT.fullmatch(end) is None:
            raise InvalidInput("EGRESS_PORTS", f"'{text}' is neither a port nor a range such as 8000-8999.")
    low, high = int(first), int(last or first)
    if low > high or high > 65_535:  # noqa: PLR2004 - the highest port there is
        raise InvalidInput("EGRESS_PORTS", f"'{text}' is not a range of ports from 1 to 65535.")
    return low, high

"""The addresses of this host: what listens on them was never meant for an account's requests."""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_address
from typing import Final

from waypost.domain.ip_addresses import IPAddress

READ_AGAIN_SECONDS: Final = 10.0
Read = Callable[[], frozenset[IPAddress] | None]

# linux/netlink.h, linux/rtnetlink.h and linux/if_addr.h
_MESSAGE: Final = struct.Struct("=LHHLL")
_ADDRESS: Final = struct.Struct("=BBBBi")
_ATTRIBUTE: Final = struct.Struct("=HH")
_DONE, _ERROR, _NEW_ADDRESS, _GET_ADDRESS = 3, 2, 20, 22
_REQUEST_DUMP: Final = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


class OwnAddresses:
    """The addresses of all interfaces of this host, as a container; reread every ten seconds.

    If ``read`` returns None, an address counts as ours if a socket can be bound to it.
    """

    def __init__(self, *, read: Read | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._read = read or interface_addresses
        self._now = now
        self._read_at = -READ_AGAIN_SECONDS
        self._addresses: frozenset[IPAddress] | None = frozenset()

    def __contains__(self, address: IPAddress) -> bool:
        if self._now() - self._read_at >= READ_AGAIN_SECONDS:
            self._addresses = self._read()
            self._read_at = self._now()
        return _can_be_bound(address) if self._addresses is None else address in self._addresses


def _can_be_bound(address: IPAddress) -> bool:
    """Return whether a socket can be bound to this address, which is possible only if it is ours; nothing is sent.

    Not used if interfaces can be listed: Linux can be set to allow any address.
    """
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def interface_addresses() -> frozenset[IPAddress] | None:
    """Return the addresses of all interfaces from the kernel; None if it can't be asked."""
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            length = _MESSAGE.size + _ADDRESS.size
            kernel.send(
                _MESSAGE.pack(length, _GET_ADDRESS, _REQUEST_DUMP, 1, 0) + _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
            )
            return frozenset(_received_addresses(kernel))
    except OSError:
        return None


def _received_addresses(kernel: socket.socket) -> Iterator[IPAddress]:
    while True:
        data = kernel.recv(65_536)
        while data:
            length, kind, *_ = _MESSAGE.unpack_from(data)
            if kind == _DONE:
                return
            if kind == _ERROR:
                raise OSError("the kernel rejected the request for its addresses")
            if kind == _NEW_ADDRESS:
                attributes = dict(_attributes(data[_MESSAGE.size + _ADDRESS.size : length]))
                # On a point-to-point link the plain address is the other end's and the local one is ours.
                if packed := attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS)):
                    yield ip_address(packed)
            data = data[_aligned(length) :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[max(_aligned(length), _ATTRIBUTE.size) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3

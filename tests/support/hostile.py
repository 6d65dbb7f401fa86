"""Misbehaviours of receivers, for ``tests.support.receiver``."""

from itertools import count

from tests.support.receiver import Behaviour, Peer

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def dripping(head: bytes, drop: bytes, *, seconds: float = 0.05) -> Behaviour:
    """Write the head at once and then one drop after another without end."""

    async def behave(peer: Peer) -> None:
        await peer.write(head)
        while await peer.pause(seconds):
            await peer.write(drop)

    return behave


def endless(head: bytes, piece: bytes) -> Behaviour:
    """Write the head and then the piece again and again, as fast as it is taken."""

    async def behave(peer: Peer) -> None:
        going = await peer.write(head)
        while going:
            going = await peer.write(piece)

    return behave


async def endless_headers(peer: Peer) -> None:
    going = await peer.write(b"HTTP/1.1 200 OK\r\n")
    numbers = count()
    while going:
        going = await peer.write(b"".join(b"x-%d: y\r\n" % next(numbers) for _ in range(1000)))


def then_reset(first: bytes = b"") -> Behaviour:
    """Write something, or nothing, and end the connection by an RST."""

    async def behave(peer: Peer) -> None:
        if first:
            await peer.write(first)
            await peer.pause(0.05)  # an RST throws away what the other end has not read yet
        peer.reset()

    return behave


def then_close(first: bytes) -> Behaviour:
    """Write something and close."""

    async def behave(peer: Peer) -> None:
        await peer.write(first)
        peer.close()

    return behave


def then_half_close(first: bytes) -> Behaviour:
    """Write something, then say that nothing more comes, and keep the connection."""

    async def behave(peer: Peer) -> None:
        await peer.write(first)
        peer.half_close()

    return behave


def in_pieces(*pieces: bytes) -> Behaviour:
    """Write the pieces one by one."""

    async def behave(peer: Peer) -> None:
        for piece in pieces:
            await peer.write(piece)
            await peer.pause(0.01)

    return behave

"""When the certificates of endpoints expire, read from a TLS handshake with each server. Nothing is requested."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from waypost.dispatch.guard import Admitted, Guard

AT_ONCE: Final = 16
HANDSHAKE_SECONDS: Final = 5.0


def trusting(authorities: bytes | None) -> ssl.SSLContext:
    """Return a client's context that trusts the system's authorities and the operator's (PEM)."""
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter than the HTTP client that sends
    if authorities is not None:
        context.load_verify_locations(cadata=authorities.decode("ascii"))
    return context


async def expiries(guard: Guard, urls: Iterable[str], context: ssl.SSLContext) -> Mapping[str, datetime]:
    """Return when the certificates of https URLs expire, by host.

    A server that the guard forbids, that can't be reached, or whose certificate is not valid is left out: its
    deliveries show that.
    """
    found: dict[str, datetime] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def look(url: str) -> None:
        async with places:
            admitted = await guard.admit(url)
            if isinstance(admitted, Admitted) and (expires := await _expiry(admitted, context)) is not None:
                host = admitted.target.host
                found[host] = min(expires, found.get(host, expires))

    await asyncio.gather(*map(look, urls))
    return found


async def _expiry(admitted: Admitted, context: ssl.SSLContext) -> datetime | None:
    name, port = admitted.target.host.strip("[]"), admitted.target.port
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            _, writer = await asyncio.open_connection(
                str(admitted.addresses[0]), port, ssl=context, server_hostname=name, limit=1
            )
    except (OSError, TimeoutError):  # a certificate that is not valid is an OSError, too
        return None
    try:
        peer = writer.get_extra_info("peercert")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(peer["notAfter"]), UTC)
    finally:
        writer.transport.abort()

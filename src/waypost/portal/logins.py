"""Who may come in: passwords checked slowly and seldom, links once."""

import asyncio
from functools import cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from waypost.domain.accounts import LONGEST_EMAIL, LONGEST_PASSWORD, may_be_email
from waypost.store import accounts
from waypost.store.accounts import Login
from waypost.store.database import Database

A_MINUTE_FOR_A_USER: Final = 5
A_MINUTE_FROM_AN_ADDRESS: Final = 20
AT_ONCE: Final = 2
"""A check takes 64 MiB and a core for a while: more at a time would be a way to stop the server."""

RETRY_SECONDS: Final = 60
_LONGEST_TOKEN: Final = 100
_NETWORK_BITS: Final = 64
_MOST_COUNTED: Final = 10_000
_HASHER: Final = PasswordHasher()


class TooManyTries(Exception):  # noqa: N818 - reads as what is wrong
    """So many log-ins were tried that the next is not looked at for a minute."""


class Logins:
    """Checks what people log in with. Tries are counted in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._nobody = _hash_of_nobody()
        self._checking = asyncio.Semaphore(AT_ONCE)
        self._counted = MemoryStorage()
        self._tries = MovingWindowRateLimiter(self._counted)
        self._of_user = RateLimitItemPerMinute(A_MINUTE_FOR_A_USER)
        self._of_address = RateLimitItemPerMinute(A_MINUTE_FROM_AN_ADDRESS)

    async def by_password(self, email: str, password: str, address: str) -> Login | None:
        """Give the user; None for a wrong password and for an unknown address, after the same time.

        Raises TooManyTries: 5 a minute for one user, 20 from one address.
        """
        if len(email) > LONGEST_EMAIL or len(password) > LONGEST_PASSWORD:
            return None
        self._count(email.lower(), address)
        known = await self.find(email)
        hashed = self._nobody if known is None else known.password_hash
        async with self._checking:
            fits, better = await asyncio.to_thread(_check, hashed, password)
        if known is None or not fits:
            return None
        still = await self.find(email)  # the check takes long: the password may be another by now
        if still is None or still.password_hash != hashed:
            return None
        if better is not None:
            async with self._database.serving.acquire() as session:
                await accounts.rehash_password(session, known.id, hashed, better)
        return still

    async def hash(self, password: str) -> str:
        """Give what is kept of a new password."""
        async with self._checking:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def by_link(self, token: str) -> Login | None:
        """Give the user that a link logs in, this once."""
        if len(token) > _LONGEST_TOKEN:
            return None
        async with self._database.serving.acquire() as session:
            return await accounts.take_login_link(session, sha256(token.encode()).digest())

    async def find(self, email: str) -> Login | None:
        """Give the user with this address: no address of ours has other characters, which might count as another's."""
        if not may_be_email(email):
            return None
        async with self._database.serving.acquire() as session:
            return await accounts.find_login(session, email)

    def _count(self, email: str, address: str) -> None:
        """Count a try. One address that tries too much uses up nobody's own tries."""
        if len(self._counted.events) > _MOST_COUNTED:
            for key in [key for key, tries in self._counted.events.items() if not tries]:
                self._counted.clear(key)
        if not (
            self._tries.hit(self._of_address, "address", _counted_as(address))
            and self._tries.hit(self._of_user, "user", email)
        ):
            raise TooManyTries


def _check(hashed: str, password: str) -> tuple[bool, str | None]:
    """Tell whether the password fits, and give a hash by today's parameters where the known one is of others."""
    try:
        _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False, None
    return True, _HASHER.hash(password) if _HASHER.check_needs_rehash(hashed) else None


@cache
def _hash_of_nobody() -> str:
    """Give what the password for an unknown address is compared with: a wrong one takes as long for anybody."""
    return _HASHER.hash("nobody has this password")


def _counted_as(address: str) -> str:
    """Give what is counted for an address: of IPv6 the network, of which one customer has every address."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(IPv6Address(int(known) >> _NETWORK_BITS << _NETWORK_BITS))

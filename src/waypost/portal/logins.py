"""Sign-in: password checks that are slow and rate limited, and login links that work once."""

import asyncio
import os
import secrets
import sys
import threading
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import ARGON2_VERSION

from waypost.actions import sign_in
from waypost.actions.context import DatabaseContext
from waypost.actions.denials import Denial, note_denial
from waypost.actions.refusals import Invalid
from waypost.domain.accounts import LONGEST_EMAIL, LONGEST_PASSWORD, may_be_email
from waypost.portal.lockouts import Lockouts
from waypost.portal.networks import NetworkAllowance, TooMany, networks_of
from waypost.portal.waiting_room import WaitingRoom
from waypost.store import accounts
from waypost.store.accounts import Login

A_MINUTE_FOR_A_USER_HERE: Final = 5
"""Attempts from one network; wrong attempts from elsewhere don't count against it."""

A_MINUTE_FOR_A_USER: Final = 50
"""Attempts from all networks from which the user has never signed in."""

A_MINUTE_FROM_AN_ADDRESS: Final = 20
A_MINUTE_OF_TAKEN_ADDRESSES: Final = 5
AT_ONCE: Final = 2
"""A check occupies 64 MiB and a core: more at a time would be a way to stop the server."""

NICENESS: Final = 10
"""A check runs in five threads, which would otherwise compete with the event loop as equals."""

WAITING_OF_AN_ADDRESS: Final = 2
WAITING_IN_ALL: Final = 32
_LONGEST_TOKEN: Final = 100
_MOST_KNOWN: Final = 50_000
_HASHER: Final = PasswordHasher()
T = TypeVar("T")


class Logins:
    """Checks passwords and login links. Attempts are counted in this process."""

    def __init__(
        self,
        context: DatabaseContext,
        *,
        clock: Callable[[], float] = time.monotonic,
        hasher: PasswordHasher = _HASHER,
    ) -> None:
        self._context = context
        self._hasher = hasher
        self._nobody = hash_of_nobody(hasher)
        self._checking = WaitingRoom(at_once=AT_ONCE, of_address=WAITING_OF_AN_ADDRESS, in_all=WAITING_IN_ALL)
        self._threads = ThreadPoolExecutor(AT_ONCE, "password", _give_way)
        self._of_address = NetworkAllowance(A_MINUTE_FROM_AN_ADDRESS, clock=clock)
        self._lockouts = Lockouts(clock=clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def by_password(
        self,
        email: str,
        password: str,
        address: str,
        *,
        signed_in: bool = False,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> Login | None:
        """Return the user, or None for a wrong password or unknown address, in the same time for both.

        Raise TooMany after 5 attempts a minute for one user from one network, with longer waits after further ones, and
        after 20 from one address. For a ``signed_in`` user only attempts from the same network count. Failures are
        counted and logged. ``gone`` returns when the visitor has gone; raise Gone if that happens before the check.
        """
        if len(email) > LONGEST_EMAIL or len(password) > LONGEST_PASSWORD:
            return None
        try:
            user = await self._by_password(email, password, address, signed_in=signed_in, gone=gone)
        except TooMany:
            note_denial(Denial.TOO_MANY_TRIES, address)
            raise
        if user is None:
            note_denial(Denial.PASSWORD, address)
        else:
            self._welcome(email.lower(), address)
        return user

    async def _by_password(
        self, email: str, password: str, address: str, *, signed_in: bool, gone: Callable[[], Awaitable[None]] | None
    ) -> Login | None:
        known = signed_in or self._knows(email.lower(), address)
        self._checking.check(address, known=known)  # a try that is never checked does not count
        self._count(email.lower(), address, known=known)
        async with self._checking.turn(address, known=known, gone=gone):
            user = await self.find(email)
            hashed = self._nobody if user is None else user.password_hash
            fits, better = await self._in_a_thread(self._check, hashed, password)
        if user is None or not fits:
            return None
        still = await self.find(email)  # the check takes long: the password may have changed meanwhile
        if still is None or still.password_hash != hashed:
            return None
        if better is not None:
            await sign_in.rehash_password(self._context, user, better)
        return still

    def count_request(self, address: str) -> None:
        """Count a request for mail like an attempt to sign in. Raise TooMany for too many from one address."""
        if wait := self._of_address.take(address):
            raise TooMany(wait)

    async def hash(self, password: str, address: str) -> str:
        """Return the hash of a new password. Raise TooMany while too many requests wait."""
        async with self._checking.turn(address):
            return await self._in_a_thread(self._hasher.hash, password)

    async def _in_a_thread(self, work: Callable[..., T], *given: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    @contextmanager
    def guessing(self, account: UUID) -> Iterator[None]:
        """Limit how often an account can try addresses that are taken, which reveals who has an account here.

        Raise TooMany above the limit, and whatever the block raises. An Invalid about ``email`` counts as an attempt.
        """
        key = (account.hex, "")
        if wait := self._lockouts.seconds_left(key):
            raise TooMany(wait)
        try:
            yield
        except Invalid as refusal:
            if any(fault.field == "email" for fault in refusal.faults):
                self._lockouts.count(key, A_MINUTE_OF_TAKEN_ADDRESSES)
            raise

    def _knows(self, email: str, address: str) -> bool:
        """Return whether a user has signed in from this network."""
        return (email, networks_of(address)[0][0]) in self._known

    def _count(self, email: str, address: str, *, known: bool) -> None:
        """Count an attempt. An address over its limit does not use up anybody's attempts."""
        if wait := self._of_address.take(address):
            raise TooMany(wait)
        tries = self._tries(email, address, known=known)
        if wait := max(self._lockouts.seconds_left(key) for key, _ in tries):
            raise TooMany(wait)
        for key, most in tries:
            self._lockouts.count(key, most)

    def _tries(self, email: str, address: str, *, known: bool) -> list[tuple[tuple[str, str], int]]:
        """Return the keys that an attempt counts under, each with its limit.

        On a network from which the user has signed in before, only attempts from that network count, so guessing from
        elsewhere, from however many addresses, never locks the user out.
        """
        here = [((email, network), A_MINUTE_FOR_A_USER_HERE * shares) for network, shares in networks_of(address)]
        return here[:1] if known else [*here, ((email, ""), A_MINUTE_FOR_A_USER)]

    def _welcome(self, email: str, address: str) -> None:
        """Remember the network from which a user has signed in, and forget the wrong attempts there."""
        (here, _), *wider = self._tries(email, address, known=self._knows(email, address))
        self._lockouts.forget(here)
        for key, _ in wider:
            self._lockouts.give_back(key)
        self._known[here] = None
        self._known.move_to_end(here)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    async def by_link(self, token: str, address: str) -> Login | None:
        """Return the user of a login link, once; None for an invalid link. Failures are counted and logged."""
        user = None
        if len(token) <= _LONGEST_TOKEN:
            user = await sign_in.use_link(self._context, token)
        if user is None:
            note_denial(Denial.LOGIN_LINK, address)
        return user

    async def find(self, email: str) -> Login | None:
        """Return the user with this address; None for characters we never accept, which could match another address."""
        if not may_be_email(email):
            return None
        async with self._context.database.serving.acquire() as session:
            return await accounts.find_login(session, email)

    def _check(self, hashed: str, password: str) -> tuple[bool, str | None]:
        """Return whether the password matches, and a new hash if the known one has outdated parameters."""
        try:
            self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError, UnicodeEncodeError):
            return False, None
        return True, self._hasher.hash(password) if self._hasher.check_needs_rehash(hashed) else None


def _give_way() -> None:
    """Let the event loop and PostgreSQL go before this thread, and before the threads that Argon2 starts from it."""
    if sys.platform == "linux":  # elsewhere, a priority belongs to the process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return the hash to compare with for an unknown address, so that a wrong password takes the same time for all.

    It is made of random bytes and fits no password that anybody could find. To hash one would take a tenth of a start.
    """
    salt, digest = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2{hasher.type.name.lower()}$v={ARGON2_VERSION}${cost}${salt}${digest}"

"""One POST to the first address of a name that can be connected to, tried a quarter of a second apart (RFC 8305)."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.dispatch.addresses import AddressSlots
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import Admitted
from waypost.dispatch.transport import Transport
from waypost.domain.attempts import Outcome
from waypost.domain.ip_addresses import IPAddress

HEAD_START_SECONDS: Final = 0.25


def warm_first(admitted: Admitted, transport: Transport) -> Admitted:
    """Put the address first that a kept connection leads to: then there is no race."""
    if len(admitted.addresses) == 1:
        return admitted
    ordered = sorted(admitted.addresses, key=lambda one: not transport.is_warm(admitted.target, one))
    return msgspec.structs.replace(admitted, addresses=tuple(ordered))


class Race:
    """One attempt at a name that may have several addresses, before a time of the monotonic clock.

    A slot at the first address is already taken; each of the others needs its own slots, too. A webhook must be posted
    once, so only connections that send nothing are raced, and the HTTP client makes its own to the winner: it pins one
    address and can't take over a connection.
    """

    def __init__(
        self,
        transport: Transport,
        slots: AddressSlots,
        admitted: Admitted,
        *,
        ends: float,
        account: UUID | None = None,
    ) -> None:
        self._transport, self._account = transport, account
        self._slots = slots
        self._target = admitted.target
        self._first = admitted.addresses[0]
        self._left = list(dict.fromkeys(admitted.addresses))
        self._ends = ends

    async def post(self, headers: Sequence[tuple[str, str]], body: bytes) -> Answer | Failure:
        """Post to an address that accepts connections; to another one only as long as certainly nothing was sent."""
        answer: Answer | Failure = Failure(Outcome.CONNECT_FAILED)
        only = len(self._left) == 1 or self._transport.is_warm(self._target, self._first)
        chosen = self._first if only else await self._winner()
        while chosen is not None:
            self._left.remove(chosen)
            answer = await self._post_to(chosen, headers, body)
            if isinstance(answer, Answer) or not answer.sent_nothing:
                break
            chosen = await self._winner()
        return answer

    async def _post_to(self, address: IPAddress, headers: Sequence[tuple[str, str]], body: bytes) -> Answer | Failure:
        if not self._take(address):
            return Failure(Outcome.CONNECT_FAILED)
        try:
            left = self._ends - time.monotonic()
            return await self._transport.post(
                self._target, address, headers, body, deadline_seconds=left, account=self._account
            )
        finally:
            self._leave(address)

    async def _winner(self) -> IPAddress | None:
        """Return the first remaining address that accepts a connection in time, None if none does.

        The next one starts after a quarter of a second, or as soon as all earlier ones have failed.
        """
        waiting, racing = list(self._left), dict[asyncio.Task[bool], IPAddress]()
        try:
            while (waiting or racing) and (left := self._ends - time.monotonic()) > 0:
                if waiting:
                    address = waiting.pop(0)
                    racing[asyncio.create_task(self._connects(address, left))] = address
                patience = min(HEAD_START_SECONDS, left) if waiting else left
                done, _ = await asyncio.wait(racing, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    address = racing.pop(task)
                    if task.result():
                        return address
            return None
        finally:
            for task in racing:
                task.cancel()
            await asyncio.gather(*racing, return_exceptions=True)  # their slots are released before anybody continues

    async def _connects(self, address: IPAddress, seconds: float) -> bool:
        """Connect if the address has a free slot: nobody waits for a full address while others may be free."""
        if not self._take(address):
            return False
        try:
            return await self._transport.connects(address, self._target.port, seconds=seconds)
        finally:
            self._leave(address)

    def _take(self, address: IPAddress) -> bool:
        return address == self._first or self._slots.take(address)

    def _leave(self, address: IPAddress) -> None:
        if address != self._first:
            self._slots.leave(address)

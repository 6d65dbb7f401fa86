"""Asks carriers through karrio: fair between accounts, within limits, and with the errors of every other carrier."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from waypost.domain.budget import Budget
from waypost.domain.carriers import CarrierError, CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.domain.retry import read_retry_after
from waypost.domain.trackings import Update
from waypost.sources.http import MOST_WORDS_BYTES, FencedHttp, WholeAnswer
from waypost.sources.karrio.processes import KarrioCall, KarrioProcesses, Question, Response, Told
from waypost.sources.karrio.read import NothingRead, read_told
from waypost.sources.karrio.table import BridgedCarrier
from waypost.turns import aside

ASK_SECONDS: Final = 20.0
"""The time limit of a question with all its requests."""

WAIT_SECONDS: Final = 30.0
"""How long a question waits for a process."""

CALLS_AT_ONCE: Final = 4
"""The questions of one connection at a time; most wait for a process."""

NOBODY: Final = UUID(int=0)
"""Holds the processes of tests of credentials, whose number is limited elsewhere."""

Hold = Callable[[UUID], AbstractAsyncContextManager[None]]
"""Hold a process for an account, in turns with the others."""


class Bridge:
    """karrio's processes, and what makes their requests."""

    def __init__(
        self, processes: KarrioProcesses, http: FencedHttp, hold: Hold, *, ask_seconds: float = ASK_SECONDS
    ) -> None:
        self._processes = processes
        self._http = http
        self._hold = hold
        self._ask_seconds = ask_seconds

    def open(
        self,
        carrier: BridgedCarrier,
        credentials: Mapping[str, str],
        *,
        account: UUID = NOBODY,
        budget: Budget | None = None,
    ) -> "BridgedSource":
        """Return the source of a credential, whose fields are those that ``check`` returned."""
        return BridgedSource(self, carrier, credentials, account=account, budget=budget or carrier.budget)

    async def ask(self, question: Question, account: UUID) -> "Asking":
        """Ask karrio. Raise CarrierUnavailable if no process can be had or if it does not finish."""
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await held.enter_async_context(self._hold(account))
            except TimeoutError:
                raise CarrierUnavailable("all of karrio's processes were busy") from None
            asking = Asking(self._http, self._ask_seconds)
            asking.told = await self._processes.ask(question, asking.fetch, seconds=self._ask_seconds)
            return asking

    async def check(self) -> None:
        """Raise CarrierUnavailable if karrio can't be run."""
        await self._processes.check()

    async def close(self) -> None:
        """End the processes, and close the connections."""
        await self._processes.close()
        await self._http.close()


class Asking:
    """One question: the answers that carriers gave to karrio's requests, and what karrio made of them."""

    def __init__(self, http: FencedHttp, seconds: float) -> None:
        self._http = http
        self._seconds = seconds
        self._ends: float | None = None
        self._failed: CarrierError | None = None
        self.answers: list[WholeAnswer] = []
        self.calls = 0
        self.told = Told(0)

    async def fetch(self, call: KarrioCall) -> Response:
        """Make a request of karrio's."""
        self.calls += 1
        now = time.monotonic()
        self._ends = now + self._seconds if self._ends is None else self._ends  # not while a process starts
        left = self._ends - now
        try:
            answer = await self._http.send(call.method, call.url, call.headers, call.body, seconds=left)
        except CarrierUnavailable as error:
            self._failed = error
            return Response(call.call, failed=str(error))
        self.answers.append(answer)
        return Response(call.call, answer.status, answer.headers, answer.body)

    async def update(self, carrier: BridgedCarrier, number: str) -> Update:
        """Return what was learned about a number. Raise CarrierError if it is nothing."""
        if self.told.unopened is not None:
            raise CarrierUnavailable(f"karrio can't open it: is the package {carrier.distribution} installed?")
        if not self.told.details:
            self._raise_trouble()
        answers = [(one.status, one.body) for one in self.answers]
        read = partial(read_told, carrier.extension, number, self.told, answers)
        return await aside(read, size=sum(len(body) for _, body in answers))

    def _raise_trouble(self) -> None:
        """Raise for what concerns the carrier or the credential rather than the parcel."""
        if self._failed is not None:
            raise self._failed
        last = self.answers[-1] if self.answers else None
        if last is None:
            return
        if last.status == 429:  # noqa: PLR2004 - Too Many Requests
            wait = read_retry_after(last.header("retry-after"), datetime.now(UTC))
            raise CarrierLimited("the carrier has been asked too often (429)", retry_after_seconds=wait)
        if last.status in (401, 403):
            words = last.body[:MOST_WORDS_BYTES]
            raise CarrierRefused(f"the carrier does not accept the key ({last.status})", status=last.status, body=words)


class BridgedSource:
    """One credential of one of karrio's carriers; a ``CarrierSource`` with few calls at once."""

    calls_at_once: Final = CALLS_AT_ONCE

    def __init__(
        self,
        bridge: Bridge,
        carrier: BridgedCarrier,
        credentials: Mapping[str, str],
        *,
        account: UUID,
        budget: Budget,
    ) -> None:
        self.name = carrier.name
        self.courier_codes = carrier.courier_codes
        self.budget = budget
        self.extra_calls = 0
        self._bridge = bridge
        self._carrier = carrier
        self._credentials = dict(credentials)
        self._account = account

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the carrier knows of a parcel now. Raise CarrierError on failure.

        A key that is rejected is tried once more with a new token: karrio's may have been revoked.
        """
        del facts
        asking = await self._ask(tracking_number, fresh=False)
        self.extra_calls += max(0, asking.calls - 1)
        try:
            return await asking.update(self._carrier, tracking_number)
        except CarrierRefused:
            if not asking.told.reused:
                raise
        asking = await self._ask(tracking_number, fresh=True)
        self.extra_calls += asking.calls
        return await asking.update(self._carrier, tracking_number)

    async def probe(self) -> None:
        """Ask for a number that belongs to nobody; any answer but a rejection is good. Raise CarrierError."""
        with suppress(NothingRead):
            await self.poll(self._carrier.probe_number, {})

    async def _ask(self, number: str, *, fresh: bool) -> Asking:
        question = Question(self._carrier.extension, number, self._credentials, fresh)
        return await self._bridge.ask(question, self._account)

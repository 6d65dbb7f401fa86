"""A thousand endpoints of many shops on one receiver, and their updates, at a steady pace or all at once."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from tests.flow.test_dispatch import VAULT, Way
from tests.flow.test_intake import reporting, scan
from tests.support.databases import PLACE, add_account
from tests.support.receiver import Received, Receiver
from waypost.dispatch.addresses import AddressSlots
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.run import Sender, SendSettings
from waypost.domain.retry import Policy
from waypost.store.database import Database

ACCOUNTS = 250
ENDPOINTS = 4
"""Of each account."""

TIMEOUT_SECONDS = 2.0
PIECE = 100_000
_PILE = """
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering)
select $1, uuidv7(), $3, gen_random_uuid(), $2, 1, 'ordered' from generate_series(1, $4::integer)
"""


def way_to_many(database: Database, policy: Policy) -> Way:
    """Return a transport that allows one address as many connections as there are endpoints: here all share one."""
    way = Way(database, policy=policy)
    settings = SendSettings(user_agent="Waypost/test", policy=policy, timeout_seconds=TIMEOUT_SECONDS)
    way.sender = Sender(way.guard, way.transport, VAULT, settings, AddressSlots(ACCOUNTS * ENDPOINTS))
    way.dispatcher = Dispatcher(database, way.sender, timeout_seconds=TIMEOUT_SECONDS, place=PLACE)
    return way


@dataclass(frozen=True)
class Report:
    """A parcel of an account that was reported at a time of the loop's clock."""

    account: UUID
    at: float


@dataclass
class Crowd:
    """Accounts with their endpoints, by the paths at which the receiver sees them; and the parcels reported so far."""

    database: Database
    receiver: Receiver
    accounts: list[UUID] = field(default_factory=list)
    paths: dict[UUID, list[str]] = field(default_factory=dict)
    endpoints: dict[str, UUID] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    async def gather(self, url_of: Callable[[int], str]) -> None:
        """Make the accounts and endpoints; ``url_of`` gives the URL of each by its number."""
        way = Way(self.database)
        for place in range(ACCOUNTS):
            account = await add_account(self.database)
            self.accounts.append(account)
            self.paths[account] = []
            for number in range(place * ENDPOINTS, (place + 1) * ENDPOINTS):
                url = url_of(number)
                path = "/" + url.split("/", 3)[3]
                self.endpoints[path] = await way.add_endpoint(account, url)
                self.paths[account].append(path)

    async def report(self, way: Way, accounts: Sequence[UUID]) -> None:
        """Report a new parcel of each of these accounts."""
        requests = [reporting(account, f"N{next(self.numbers)}", scan(8)) for account in accounts]
        now = asyncio.get_running_loop().time()
        self.reports |= {request.tracking_number: Report(request.account, now) for request in requests}
        await way.intake.submit(requests)

    async def report_steadily(self, way: Way, *, per_second: int, seconds: float) -> None:
        """Report single parcels, account after account, at even distances."""
        loop, never, submitting = asyncio.get_running_loop(), asyncio.Event(), []
        began = loop.time()
        for number in range(int(per_second * seconds)):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(began + number / per_second):
                    await never.wait()
            account = self.accounts[number % len(self.accounts)]
            submitting.append(asyncio.create_task(self.report(way, [account])))
        await asyncio.gather(*submitting)

    def begin(self) -> None:
        """Forget what was reported and what came so far."""
        self.reports.clear()
        self.receiver.requests.clear()

    def expected(self, *but: str) -> set[tuple[str, str]]:
        """Return the expected webhooks by path and parcel, except those of these paths."""
        reports = self.reports.items()
        return {(path, number) for number, one in reports for path in self.paths[one.account] if path not in but}

    def came(self) -> Counter[tuple[str, str]]:
        """Count what has come, by path and parcel."""
        return Counter((request.path, number_of(request)) for request in self.receiver.requests)

    def latencies(self) -> list[float]:
        """Return the delays between report and delivery, in ascending order."""
        return sorted(request.at - self.reports[number_of(request)].at for request in self.receiver.requests)


def number_of(request: Received) -> str:
    """Return the parcel of a webhook."""
    return str(json.loads(request.body)["data"]["tracking_number"])


async def pile_up(crowd: Crowd, path: str, size: int) -> None:
    """Queue this number of deliveries for an endpoint, each of a different parcel, without dispatching."""
    endpoint, execute = crowd.endpoints[path], crowd.database.serving.execute
    way = Way(crowd.database)
    way.intake.start()
    await crowd.report(way, [account for account, paths in crowd.paths.items() if path in paths])
    await way.intake.stop()
    await execute("delete from due where endpoint <> $1", endpoint)
    (first,) = await crowd.database.serving.fetch("select bucket, event from due")
    for done in range(1, size, PIECE):
        await execute(_PILE, *first, endpoint, min(PIECE, size - done))
    await execute("analyze due")

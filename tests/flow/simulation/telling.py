"""Alerts about incidents: a service that takes them, and the verdict on what it received."""

import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from standardwebhooks.webhooks import Webhook

from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import Crash, VirtualSession
from tests.flow.simulation.receivers import SECRET, VAULT
from tests.flow.simulation.trouble import Trouble
from tests.support.transports import Post, StandInTransport
from waypost.alerts.messenger import Messenger
from waypost.alerts.posting import Poster
from waypost.alerts.sender import AlertSender
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import RememberingResolver, SystemResolver
from waypost.domain import ids
from waypost.domain.alerts import AlertService
from waypost.domain.attempts import Outcome
from waypost.domain.targets import Ports
from waypost.store import alert_changes
from waypost.store.alert_changes import ChannelFields
from waypost.store.database import Database

QUIET = (time(22), time(6, 30))
ZONE = "America/New_York"
_TARGET = {"url": "http://127.0.0.1:8080/alerts", "secret": SECRET}
_WAITING = """
select min(greatest(a.next_at, c.leased_until)) as at
from alert a join alert_channel c on c.id = a.channel where a.state = 'waiting'
"""
_ROWS = "select id, incident, what, state, tries from alert order by id"
_INCIDENTS = "select id, closed_at from incident"


@dataclass
class Heard:
    """One request at the service. After a ``crash`` nobody knows the result."""

    at: datetime
    alert: UUID
    taken: bool
    crashed: bool


@dataclass
class Telling(StandInTransport):
    """The account's only channel, its service, and the real sender. ``later`` schedules something."""

    chance: Random
    database: Database
    session: VirtualSession
    account: UUID
    trouble: Trouble
    later: Callable[[float, Callable[[], Awaitable[None]]], None]
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        guard = Guard(
            RememberingResolver(SystemResolver()), ports=Ports.parse("1-65535"), allow=(ip_network("127.0.0.0/8"),)
        )
        poster = Poster(guard, self, "Waypost/simulated")
        self._sender = AlertSender(self.database, VAULT, Messenger(poster, None, public_url=None))
        self._failing, self._is_quiet = self.chance.choice((0.0, 0.2, 0.6)), self.chance.random() < 0.5
        self._due: datetime | None = None

    async def begin(self) -> None:
        """Add the channel."""
        async with self.database.engine.acquire() as session:
            await session.execute("update account set time_zone = $2 where id = $1", self.account, ZONE)
            channel = ids.make_id(1, 0, self.chance.getrandbits(62))
            await alert_changes.insert_channel(
                session,
                channel=channel,
                account=self.account,
                service=AlertService.WEBHOOK,
                target=VAULT.seal(json.dumps(_TARGET), account=self.account, endpoint=channel),
                fields=ChannelFields("Ops", None, *(QUIET if self._is_quiet else (None, None))),
                most=1,
            )

    def carry_on(self, seconds: float = 1.0) -> None:
        """Let the sender look soon; it sends until nothing waits."""
        at = self.session.clock.now + timedelta(seconds=max(seconds, 1.0))
        if self._due is None or at < self._due:
            self._due = at
            self.later((at - self.session.clock.now).total_seconds(), lambda: self._tell(at))

    async def _tell(self, at: datetime) -> None:
        if at != self._due:
            return
        self._due = None
        await self._sender.look()
        await self._sender.settled()
        row = await self.session.fetchrow(_WAITING)
        if row["at"] is not None:
            self.carry_on((row["at"] - self.session.clock.now).total_seconds())

    async def respond(self, post: Post) -> Answer | Failure:
        """Take an alert, reject it, or break off: the process may die before it has recorded the answer."""
        Webhook(SECRET).verify(post.body, dict(post.headers))
        alert = ids.from_text(ids.ALERT, json.loads(post.body)["id"])
        assert alert is not None
        taken = self.chance.random() >= self._failing
        crashed = self.chance.random() < self.trouble.kill
        self.heard.append(Heard(self.session.clock.now, alert, taken, crashed))
        if crashed:
            raise Crash
        if taken:
            return Answer(Outcome.SUCCEEDED, 200, (), b"ok", truncated=False)
        if self.chance.random() < 0.5:
            return Failure(Outcome.TIMED_OUT)
        return Answer(Outcome.HTTP_5XX, 503, (), b"later", truncated=False)

    async def judge(self, session: Any) -> None:
        """Check that each incident was reported once when it began and once when it was over, and nothing else."""
        rows, incidents = await session.fetch(_ROWS), await session.fetch(_INCIDENTS)
        known = {row["id"]: row for row in rows}
        of: dict[UUID, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            of[row["incident"]][row["what"]].append(row)
        taken = Counter(one.alert for one in self.heard if one.taken)
        crashed = Counter(one.alert for one in self.heard if one.crashed)
        if unknown := set(taken) - set(known):
            raise BrokenPromise(f"alerts were sent that nobody knows: {unknown}")
        for row in rows:
            times, most = taken[row["id"]], crashed[row["id"]] + (row["state"] == "sent")
            if row["state"] == "waiting" or times > most or (row["state"] == "sent" and not times):
                raise BrokenPromise(f"{dict(row)} was sent {times} times, and {crashed[row['id']]} senders died")
        for incident in incidents:
            self._judge_incident(incident, of[incident["id"]])
        if self._is_quiet and (loud := [one for one in self.heard if _in_quiet_hours(one.at)]):
            raise BrokenPromise(f"alerts were sent in quiet hours: {loud}")

    def _judge_incident(self, incident: Any, said: dict[str, list[Any]]) -> None:
        expected = (1, int(incident["closed_at"] is not None))
        if (len(said["opened"]), len(said["closed"])) != expected:
            raise BrokenPromise(f"{dict(incident)} was reported as {dict(said)}")
        if not said["closed"]:
            return
        (opened,), (closed,) = said["opened"], said["closed"]
        skipped = [one["state"] == "skipped" for one in (opened, closed)]
        if any(skipped) and (not all(skipped) or opened["tries"]):
            raise BrokenPromise(f"of {dict(incident)} only a part was reported: {opened}, {closed}")
        at = [[one.at for one in self.heard if one.alert == row["id"] and one.taken] for row in (opened, closed)]
        if all(at) and at[0][0] > at[1][0]:
            raise BrokenPromise(f"the end of {dict(incident)} was reported before its beginning")


def _in_quiet_hours(at: datetime) -> bool:
    clock = at.astimezone(UTC).astimezone(ZoneInfo(ZONE)).time()
    return clock >= QUIET[0] or clock < QUIET[1]

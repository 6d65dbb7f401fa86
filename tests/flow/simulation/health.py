"""The keeper's judgement of endpoints, compared with what their receivers saw: warnings, disabling, tests, enabling."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.ledger import Arrival, Ledger
from waypost.domain import ids
from waypost.domain.times import read_rfc3339

FEWEST_ATTEMPTS, FEWEST_TRIES = 10, 4
HOUR, TICK = timedelta(hours=1), timedelta(milliseconds=2)
_ENDPOINTS = "select id, enabled, disabled_reason from endpoint order by id"
_TRIES = "select endpoint, max(tries) as tries from due where sample is null group by endpoint"
_INCIDENTS = "select id, kind, subject from incident where closed_at is null order by id"
_TESTS = """
select id, endpoint from due where sample is not null
union all select id, endpoint from settled where sample is not null
"""
_ALERTS = "select incident, what, content, created_at from alert where what <> 'test' order by id"


class Seen(msgspec.Struct, frozen=True):
    """What is in the database at a moment. ``reasons`` has None for endpoints that are enabled."""

    reasons: dict[UUID, str | None]
    tries: dict[UUID, int]
    incidents: dict[UUID, tuple[str, UUID]]
    tests: dict[UUID, UUID]


class Announcement(msgspec.Struct, frozen=True):
    """A message that names a time at which an endpoint will be disabled."""

    endpoint: UUID
    at: datetime
    disables_at: datetime


async def see(session: Any) -> Seen:
    """Return what is in the database now."""
    endpoints, tries = await session.fetch(_ENDPOINTS), await session.fetch(_TRIES)
    incidents, tests = await session.fetch(_INCIDENTS), await session.fetch(_TESTS)
    return Seen(
        {row["id"]: None if row["enabled"] else row["disabled_reason"] for row in endpoints},
        {row["endpoint"]: row["tries"] for row in tries},
        {row["id"]: (row["kind"], _endpoint(row["subject"])) for row in incidents},
        {row["id"]: row["endpoint"] for row in tests},
    )


async def announcements(session: Any) -> list[Announcement]:
    """Return the messages so far that announce that an endpoint will be disabled."""
    found = []
    for row in await session.fetch(_ALERTS):
        content = msgspec.json.decode(row["content"])
        disables_at = read_rfc3339(content["details"].get("disables_at") or "")
        if row["what"] in ("opened", "reminded") and disables_at is not None:
            found.append(Announcement(_endpoint(content["subject"]), row["created_at"], disables_at))
    return found


@dataclass
class HealthLedger:
    """Judges each look of the keeper. ``days`` after which endpoints are disabled, None for never.

    Waypost can't know everything that receivers saw: a result may be lost with its process. So nothing may be done
    unless the longest run of failures allows it, and everything must be done that the shortest run demands.
    """

    ledger: Ledger
    days: dict[UUID, int | None] = field(default_factory=dict)
    enabled_at: dict[UUID, datetime] = field(default_factory=dict)
    off_since: dict[UUID, datetime] = field(default_factory=dict)
    """Of those that Waypost disabled because they failed."""
    tested: dict[UUID, list[tuple[datetime, UUID]]] = field(default_factory=lambda: defaultdict(list))
    disabled: int = 0
    enabled: int = 0

    def judge(self, before: Seen, after: Seen, announced: list[Announcement], now: datetime) -> None:
        """Check what a look has changed, and what it had to change."""
        for endpoint, reason in after.reasons.items():
            was = before.reasons[endpoint]
            if was is None and reason == "failing":
                self._judge_disabling(endpoint, announced, now)
            if was == "failing":
                self._judge_tests(endpoint, reason, after, now)
            elif any(test not in before.tests for test, of in after.tests.items() if of == endpoint):
                raise BrokenPromise(f"at {now} {endpoint} was tested, which was not disabled for failing but is {was}")
            if reason is None:
                self._judge_enabled(endpoint, announced, now)
            self._judge_incidents(endpoint, before, after, now)

    def switched_on(self, endpoint: UUID, now: datetime) -> None:
        """Note that an endpoint was enabled: what was before counts no more."""
        self.enabled_at[endpoint] = now
        self.off_since.pop(endpoint, None)

    def began_failing(self, endpoint: UUID) -> datetime | None:
        """Return the end of the first attempt since which all may have failed."""
        run = self._longest(endpoint)
        return run[0].ended if run else None

    def _judge_disabling(self, endpoint: UUID, announced: list[Announcement], now: datetime) -> None:
        run, days = self._longest(endpoint), self.days[endpoint]
        if days is None:
            raise BrokenPromise(f"at {now} {endpoint} was disabled, which never is to be")
        allowed = timedelta(days=days)
        if len(run) < FEWEST_ATTEMPTS:
            raise BrokenPromise(f"at {now} {endpoint} was disabled after {len(run)} failures")
        if now < _ended(run[0]) + allowed - TICK:
            raise BrokenPromise(f"at {now} {endpoint} was disabled, which had failed since {run[0].ended} only")
        if not any(_ended(run[0]) + allowed - notice(allowed) - TICK <= one.at <= now - notice(allowed) + TICK
                   and one.disables_at <= now + TICK for one in announced if one.endpoint == endpoint):  # fmt: skip
            raise BrokenPromise(f"at {now} {endpoint} was disabled without the announcement")
        self.off_since[endpoint] = now
        self.disabled += 1

    def _judge_tests(self, endpoint: UUID, reason: str | None, after: Seen, now: datetime) -> None:
        """Check what was done about an endpoint that was disabled for failing when the look began."""
        if endpoint not in self.off_since:
            raise BrokenPromise(f"at {now} {endpoint} is off for failing, and it was not the keeper who did that")
        tests, off_since = self.tested[endpoint], self.off_since[endpoint]
        known = {test for _, test in tests}
        new = [test for test, of in after.tests.items() if of == endpoint and test not in known]
        last_at, last = tests[-1] if tests else (off_since, None)
        answers = [one for one in self.ledger.answers if one.claimed.id == last]
        certain = [one for one in answers if self.ledger.is_recorded(one)]
        responded = last_at > off_since and any(one.took for one in answers)
        if reason is None and not responded:
            raise BrokenPromise(f"at {now} {endpoint} was enabled, whose last test was not accepted")
        if reason == "failing" and last_at > off_since and any(one.took for one in certain):
            raise BrokenPromise(f"at {now} {endpoint} is still disabled, though it accepted a test at {last_at}")
        if new and (len(new) > 1 or now - max(last_at, off_since) < HOUR - TICK):
            raise BrokenPromise(f"at {now} {endpoint} was tested again, after {last_at}")
        if reason == "failing" and not new and now - max(last_at, off_since) >= HOUR:
            raise BrokenPromise(f"at {now} {endpoint} was not tested, since {last_at}")
        self.tested[endpoint] += [(now, test) for test in new]
        if reason is None:
            self.switched_on(endpoint, now)
            self.enabled += 1

    def _judge_enabled(self, endpoint: UUID, announced: list[Announcement], now: datetime) -> None:
        """Check that an endpoint may stay enabled, and that its owner was notified in time what will become of it."""
        run, days = self._shortest(endpoint), self.days[endpoint]
        if not run or days is None:
            return
        began, allowed = _ended(run[0]), timedelta(days=days)
        if not _lasts(run):
            return
        earliest = _ended(self._longest(endpoint)[0]) + allowed - notice(allowed)  # of the longest run it may know
        said = [one.at for one in announced if one.endpoint == endpoint and one.at >= earliest - TICK]
        if not said and now >= began + allowed - notice(allowed) + HOUR:
            raise BrokenPromise(
                f"at {now} nobody has announced that {endpoint} will be disabled, failing since {began}"
            )
        counted = sum(_ended(one) >= began + HOUR for one in run)
        if said and counted >= FEWEST_ATTEMPTS and now >= max(began + allowed + HOUR, said[0] + notice(allowed)):
            raise BrokenPromise(f"at {now} {endpoint} is still enabled, failing since {began}")

    def _judge_incidents(self, endpoint: UUID, before: Seen, after: Seen, now: datetime) -> None:
        reason, days = after.reasons[endpoint], self.days[endpoint]
        found = sorted(kind for kind, of in after.incidents.values() if of == endpoint)
        if reason is not None:
            expected = [] if reason == "user" else ["endpoint_disabled"]
            if found != expected:
                raise BrokenPromise(f"at {now} {endpoint} is off ({reason}) and has the incidents {found}")
            return
        run, tries = self._shortest(endpoint), after.tries.get(endpoint, 0)
        is_late = _lasts(run) and days is not None and now >= _ended(run[0]) + timedelta(days=days) / 2 + HOUR
        if not found and (is_late or tries >= FEWEST_TRIES):
            raise BrokenPromise(
                f"at {now} there is no incident of {endpoint}, with {tries} tries, failing since {run[:1]}"
            )
        if found and (found != ["endpoint_failing"] or not (tries >= FEWEST_TRIES or self._longest(endpoint))):
            raise BrokenPromise(f"at {now} {endpoint} is on, with {tries} tries, and has the incidents {found}")
        is_new = not any(of == endpoint for one, (_, of) in before.incidents.items() if one in after.incidents)
        if found and is_new and tries < FEWEST_TRIES and not self._has_failed_for_half(endpoint, now):
            raise BrokenPromise(f"at {now} an incident of {endpoint} was opened after {tries} tries")

    def _has_failed_for_half(self, endpoint: UUID, now: datetime) -> bool:
        began, days = self.began_failing(endpoint), self.days[endpoint]
        return began is not None and days is not None and now >= began + timedelta(days=days) / 2 - TICK

    def _longest(self, endpoint: UUID) -> list[Arrival]:
        """Return the failures since the last success that Waypost must know of."""
        return self._run(endpoint, lambda one: not one.took or self.ledger.is_recorded(one))

    def _shortest(self, endpoint: UUID) -> list[Arrival]:
        """Return the failures that Waypost must know of since the last success that it may know of."""
        return self._run(endpoint, lambda one: one.took or self.ledger.is_recorded(one))

    def _run(self, endpoint: UUID, counts: Any) -> list[Arrival]:
        run: list[Arrival] = []
        for one in self.ledger.answers:
            if one.claimed.endpoint != endpoint or one.claimed.id in self.ledger.asked.tests or not counts(one):
                continue
            if one.took:
                run.clear()
            elif endpoint not in self.enabled_at or _ended(one) >= self.enabled_at[endpoint]:
                run.append(one)
        return run


def notice(allowed: timedelta) -> timedelta:
    """Return how long before it an endpoint's end is announced."""
    return min(timedelta(days=2), allowed / 2)


def _lasts(run: list[Arrival]) -> bool:
    """Return whether failures lasted for an hour: those of an hour in which there was a success say little."""
    return bool(run) and _ended(run[-1]) >= _ended(run[0]) + HOUR


def _ended(arrival: Arrival) -> datetime:
    assert arrival.ended is not None
    return arrival.ended


def _endpoint(subject: str) -> UUID:
    found = ids.from_text(ids.ENDPOINT, subject)
    assert found is not None
    return found

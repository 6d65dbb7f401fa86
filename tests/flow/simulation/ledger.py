"""What clients and receivers observed, and the verdict: the promises as an outsider would check them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from tests.flow.simulation.asked import Asked, BrokenPromise
from waypost.domain.breaker import OPENS_AFTER
from waypost.domain.endpoints import Ordering
from waypost.domain.retry import GIVES_WAY_AFTER, Policy
from waypost.store.rows import Claimed

OF_ACCOUNT = 3
"""The limit of concurrent attempts of the world's only account per process: low enough to be reached."""

_TICK = timedelta(milliseconds=1)  # what rounding may take


@dataclass
class Arrival:
    """One request at a receiver.

    ``lost``: a fault kept its result from counting. ``zombie``: its lease was over. ``probe``: it went to an endpoint
    whose breaker had to be open.
    """

    claimed: Claimed
    at: datetime
    took: bool
    zombie: bool
    ended: datetime | None = None
    asked_to_wait: float = 0.0  # by its answer's Retry-After, in seconds
    lost: bool = False
    probe: bool = False


@dataclass
class Row:
    """How an endpoint has answered one dispatcher: failures in a row, and probes under way."""

    failures: int = 0
    probes: int = 0


class Holder(Protocol):
    """Whoever claims; ``faulted`` is when something last befell them that excuses a duplicate."""

    @property
    def faulted(self) -> datetime: ...


@dataclass
class Hold:
    """Who claimed a delivery last; ``open`` until the result is in the database."""

    claimed: Claimed
    holder: Holder
    at: datetime
    open: bool = True

    @property
    def excused(self) -> bool:
        """Whether somebody else may take the delivery, or its result may be missing."""
        return not self.open or self.holder.faulted >= self.at


@dataclass
class Ledger:
    """Everything that was seen in one world."""

    policy: Policy
    orderings: dict[UUID, Ordering] = field(default_factory=dict)
    expected: set[tuple[UUID, UUID]] = field(default_factory=set)
    newest: dict[tuple[UUID, UUID], int] = field(default_factory=dict)
    accepted: set[UUID] = field(default_factory=set)
    was_off: set[UUID] = field(default_factory=set)
    arrivals: dict[UUID, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    holds: dict[UUID, Hold] = field(default_factory=dict)
    rows: dict[tuple[Holder, UUID], Row] = field(default_factory=lambda: defaultdict(Row))
    shared: bool = False
    """Whether each endpoint must have one sender for ever: nobody leaves and nobody joins."""
    senders: dict[UUID, Holder] = field(default_factory=dict)
    limits: dict[UUID, int] = field(default_factory=dict)
    begun: dict[tuple[Holder, UUID], list[datetime]] = field(default_factory=lambda: defaultdict(list))
    under_way: dict[Holder, set[int]] = field(default_factory=lambda: defaultdict(set))
    """The attempts of lanes by their sender, while it lives."""
    asked: Asked = field(default_factory=Asked)
    answers: list[Arrival] = field(default_factory=list)
    """The requests that were answered, in the order of their ends."""

    def event(self, event: UUID, tracking: UUID, sequence: int, endpoints: set[UUID]) -> None:
        """Note an event and the endpoints that were on when it was made."""
        for endpoint in endpoints:
            self.expected.add((event, endpoint))
            self.newest[tracking, endpoint] = max(sequence, self.newest.get((tracking, endpoint), 0))

    def claimed(self, claimed: Claimed, holder: Holder, at: datetime) -> None:
        """Note a claim. Nobody may take what another holds, unless a fault befell the other."""
        before = self.holds.get(claimed.id)
        if before is not None and not before.excused:
            raise BrokenPromise(f"{claimed.id} was claimed at {at}, though it is held since {before.at}")
        if before is not None and claimed.lease_no <= before.claimed.lease_no:
            raise BrokenPromise(f"{claimed.id}: the fencing number {claimed.lease_no} has been given before")
        if claimed.id in self.asked.gone or (claimed.id in self.asked.cancelled and not claimed.cancelled):
            raise BrokenPromise(f"{claimed.id} was claimed at {at}, though somebody had cancelled it")
        if self._is_passed(claimed) and (before is None or not before.open):
            raise BrokenPromise(f"{claimed.id} was claimed at {at}, though its endpoint wants a newer event instead")
        self._lose(claimed.id)
        self.holds[claimed.id] = Hold(claimed, holder, at)
        past = self.arrivals[claimed.id]
        fewest = sum(not arrival.lost for arrival in past)
        if not fewest <= claimed.tries <= len(past):
            raise BrokenPromise(f"{claimed.id} counts {claimed.tries} tries of {fewest} to {len(past)}")

    def began(self, claimed: Claimed, at: datetime, *, took: bool, zombie: bool, sender: Holder) -> Arrival:
        """Note a request: was it due, and was it to be sent there at all?"""
        if (claimed.event, claimed.endpoint) not in self.expected and claimed.id not in self.asked.outside:
            raise BrokenPromise(f"{claimed.id} was sent to an endpoint that its event was not for")
        counted = [one for one in self.arrivals[claimed.id] if not one.lost and one.ended is not None]
        if counted and not zombie:
            wait = max(self.policy.base_seconds * 2 ** (len(counted) - 1), counted[-1].asked_to_wait)
            ended = counted[-1].ended
            assert ended is not None
            if at < ended + timedelta(seconds=wait) - _TICK:
                raise BrokenPromise(f"{claimed.id} was tried at {at}, less than {wait} s after {ended}")
        arrival = Arrival(claimed, at, took, zombie, lost=self.is_stale(claimed))
        self.arrivals[claimed.id].append(arrival)
        if claimed.id not in self.asked.by_hand:
            self._by_its_lane(arrival, sender)
        return arrival

    def _by_its_lane(self, arrival: Arrival, sender: Holder) -> None:
        """An endpoint has one owner, who keeps to its rate limit and its breaker."""
        endpoint, at = arrival.claimed.endpoint, arrival.at
        if self.shared and self.senders.setdefault(endpoint, sender) is not sender:
            raise BrokenPromise(f"at {at} a second dispatcher sent to {endpoint}")
        begun, limit = self.begun[sender, endpoint], self.limits.get(endpoint)
        begun.append(at)
        if limit is not None and len(begun) > limit and at - begun[-1 - limit] < timedelta(seconds=1) - _TICK:
            raise BrokenPromise(f"at {at} more than {limit} in a second were sent to {endpoint}")
        under_way = self.under_way[sender]
        under_way.add(id(arrival))
        if len(under_way) > OF_ACCOUNT:
            raise BrokenPromise(f"at {at} {len(under_way)} attempts of one account were under way")
        row = self.rows[sender, endpoint]
        if row.failures >= OPENS_AFTER:
            if row.probes:
                raise BrokenPromise(f"at {at} a second attempt went to {endpoint} while it was probed")
            arrival.probe, row.probes = True, 1

    def forgotten(self, sender: Holder, endpoint: UUID) -> None:
        """Note that an endpoint is somebody else's now, who knows nothing of how it did."""
        self.rows.pop((sender, endpoint), None)

    def answered(self, arrival: Arrival, at: datetime, *, asked_to_wait: float, sender: Holder) -> None:
        """Note the answer to a request, as its sender saw it."""
        arrival.ended, arrival.asked_to_wait = at, asked_to_wait
        self.under_way[sender].discard(id(arrival))
        self.answers.append(arrival)
        if arrival.claimed.id in self.asked.by_hand:
            return
        row = self.rows[sender, arrival.claimed.endpoint]
        row.failures = 0 if arrival.took else row.failures + 1
        row.probes -= arrival.probe

    def recorded(self, claimed: Claimed) -> None:
        """Note that a result is in the database, if its lease was the last one."""
        if not self.is_stale(claimed):
            self.holds[claimed.id].open = False

    def is_recorded(self, arrival: Arrival) -> bool:
        """Return whether the result of a request is certainly in the database."""
        hold = self.holds[arrival.claimed.id]
        is_last = hold.claimed.lease_no == arrival.claimed.lease_no
        return arrival.ended is not None and not arrival.lost and not (is_last and hold.open)

    def is_stale(self, claimed: Claimed) -> bool:
        """Return whether another dispatcher has claimed a delivery since."""
        return self.holds[claimed.id].claimed.lease_no != claimed.lease_no

    def untouched(self, late: list[Claimed], rows: list[Any]) -> None:
        """Check that results under old leases changed nothing of what others hold now."""
        tries = {row["id"]: row["tries"] for row in rows}
        for one in late:
            hold = self.holds[one.id]
            if not hold.excused and tries.get(one.id) != hold.claimed.tries:
                raise BrokenPromise(f"{one.id}: a result under lease {one.lease_no} was mistaken for a later one's")

    def _is_passed(self, claimed: Claimed) -> bool:
        """Return whether a newer event has replaced a delivery; only an attempt in flight may then continue."""
        if claimed.id in self.asked.outside or claimed.endpoint in self.asked.reordered:
            return False
        newest = self.newest.get((claimed.tracking, claimed.endpoint), 0)
        return self.orderings[claimed.endpoint] is Ordering.LATEST and newest > claimed.sequence

    def _lose(self, delivery: UUID) -> None:
        """What is not in the database when somebody else claims a delivery never counts."""
        hold = self.holds.get(delivery)
        if hold is not None and hold.open:
            for arrival in self.arrivals[delivery]:
                arrival.lost = arrival.lost or arrival.claimed.lease_no == hold.claimed.lease_no

    def judge(self, settled: list[Any], waiting: int, known_events: set[UUID], attempts: dict[UUID, int]) -> None:
        """Check everything once nothing moves any more. ``attempts`` are those that are kept, by delivery."""
        if waiting:
            raise BrokenPromise(f"{waiting} deliveries never ended")
        if lost := self.accepted - known_events:
            raise BrokenPromise(f"{len(lost)} accepted events are lost: {lost}")
        lanes = [row for row in settled if row["id"] not in self.asked.tests]
        first = [row for row in lanes if row["resend_of"] is None and row["recovery"] is None]
        rows = {(row["event"], row["endpoint"]): row for row in first}
        if len(rows) != len(first) or len({row["id"] for row in settled}) != len(settled):
            raise BrokenPromise("a delivery was settled twice")
        self.asked.judge(settled)
        if set(rows) != self.expected:
            missing, phantoms = self.expected - set(rows), set(rows) - self.expected
            raise BrokenPromise(f"deliveries are missing: {missing}; or too many: {phantoms}")
        for delivery, hold in self.holds.items():
            if not hold.excused:
                raise BrokenPromise(f"the result of {delivery} was forgotten")
            self._lose(delivery)
        for row in settled:
            queue = row["tracking"], row["endpoint"]
            self.newest[queue] = max(row["sequence"], self.newest.get(queue, 0))  # what was recovered counts too
        for row in settled:
            self._judge_end(row)
            self._judge_attempts(row["id"], attempts.get(row["id"], 0))
        self._judge_order(settled)

    def _judge_end(self, row: Any) -> None:
        """Did a delivery end as what was seen of it says?"""
        past = self.arrivals.get(row["id"], [])
        took = [arrival for arrival in past if arrival.took]
        cancelled = self.asked.cancelled
        counted = [arrival for arrival in past if not arrival.lost]
        match row["state"]:
            case "delivered":
                fits = bool(took)
            case _ if row["id"] in cancelled:
                fits = row["state"] in ("cancelled", "superseded")  # a newer event may come before its next claim
            case "failed" if row["id"] in self.asked.tests:
                fits = row["tries"] == 1
            case "failed":
                fits = len(counted) <= self.policy.limit + 1 == row["tries"]
            case "superseded":
                fits = row["reason"] == "newer_event" and self._may_be_passed(row)
            case _:
                fits = row["endpoint"] in self.was_off and row["reason"] == "endpoint_off"
        if not fits or (row["state"] != "delivered" and took and not self._came_too_late(row, took)):
            raise BrokenPromise(f"{dict(row)} does not fit {past}")
        if len(took) - 1 > sum(arrival.lost or arrival.zombie for arrival in past):
            raise BrokenPromise(f"{row['id']} was taken {len(took)} times, which no fault explains: {past}")

    def _came_too_late(self, row: Any, took: list[Arrival]) -> bool:
        """Return whether a fault lost the lease before a success was recorded, so that something else ended it."""
        hold = self.holds[row["id"]]
        ended_meanwhile = row["state"] in ("superseded", "cancelled") and hold.holder.faulted >= hold.at
        return ended_meanwhile or all(arrival.lost for arrival in took)

    def _may_be_passed(self, row: Any) -> bool:
        """Return whether a newer event could replace this one; never true for the newest."""
        if row["sequence"] >= self.newest[row["tracking"], row["endpoint"]]:
            return False
        if row["endpoint"] in self.asked.reordered:
            return True
        match self.orderings[row["endpoint"]]:
            case Ordering.LATEST:
                return True
            case Ordering.ORDERED:
                return bool(row["tries"] >= GIVES_WAY_AFTER)
            case Ordering.UNORDERED:
                return False

    def _judge_attempts(self, delivery: UUID, kept: int) -> None:
        past = self.arrivals.get(delivery, [])
        fewest = sum(not arrival.lost for arrival in past)
        if not fewest <= kept <= len(past):
            raise BrokenPromise(f"{kept} attempts are kept of {delivery}, which was sent {len(past)} times")

    def _judge_order(self, settled: list[Any]) -> None:
        """In each queue the first successes rise. An attempt that began with a lost lease is outside the order."""
        firsts: dict[tuple[UUID, UUID], list[tuple[datetime, int]]] = defaultdict(list)
        for row in settled:
            took = [one for one in self.arrivals.get(row["id"], []) if one.took]
            if self.orderings[row["endpoint"]] is Ordering.UNORDERED or row["endpoint"] in self.asked.reordered:
                continue
            if row["id"] in self.asked.outside:
                continue
            if took and not any(one.zombie for one in took):
                firsts[row["tracking"], row["endpoint"]].append((took[0].at, row["sequence"]))
        for queue, came in firsts.items():
            sequences = [sequence for _, sequence in sorted(came)]
            if sequences != sorted(sequences):
                raise BrokenPromise(f"{queue} came out of order: {sequences}")

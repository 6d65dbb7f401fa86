"""The metrics of a process as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import accumulate
from types import MappingProxyType
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from waypost.actions.denials import Denial
from waypost.dispatch.measures import Measures
from waypost.dispatch.stages import DeliveryStage
from waypost.domain.attempts import Outcome
from waypost.domain.breaker import BreakerState
from waypost.domain.inbound import PushResult
from waypost.domain.latency import BOUNDS_MS
from waypost.domain.trackings import SkipReason
from waypost.store.measures import Backlog
from waypost.store.reconciliation import Findings
from waypost.store.trouble import DatabaseTrouble

NONE_DENIED: Final[Mapping[Denial, int]] = MappingProxyType({})
NO_OUTAGES: Final[Mapping[str, int]] = MappingProxyType({})
NONE_UNREAD: Final[Mapping[str, int]] = MappingProxyType({})
NONE_PUSHED: Final[Mapping[tuple[str, PushResult], int]] = MappingProxyType({})
NONE_SKIPPED: Final[Mapping[tuple[str, SkipReason], int]] = MappingProxyType({})


class StallCounts(Protocol):
    """Stalls of a loop since its start: how many were too long, and the longest and busiest in seconds."""

    count: int
    longest: float
    busiest: float


class Metrics:
    """The metrics of one process. Counts that other parts keep are passed in and read on each request.

    ``statements``: how many SQL statements were sent, by name. ``stalls``: how often the loop was blocked, and for how
    long. ``denied``: how many sign-ins and calls were denied, by reason. ``unread``: how many scans were not
    understood, by source. ``skipped``: how many could not even be accepted, by source and reason. ``pushed``: how many
    pushes had which result, by source and result. ``outages``: how many database outages were seen, by kind of trouble.
    """

    def __init__(
        self,
        statements: Mapping[str, int],
        stalls: StallCounts,
        *,
        denied: Mapping[Denial, int] = NONE_DENIED,
        unread: Mapping[str, int] = NONE_UNREAD,
        skipped: Mapping[tuple[str, SkipReason], int] = NONE_SKIPPED,
        pushed: Mapping[tuple[str, PushResult], int] = NONE_PUSHED,
        outages: Mapping[str, int] = NO_OUTAGES,
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._own = _OwnMetrics(statements, stalls, denied)
        self._registry.register(_Scans(unread, skipped))
        self._registry.register(_Pushes(pushed))
        self._registry.register(_Outages(outages))
        self._registry.register(self._own)

    def render(
        self,
        backlog: Backlog | None,
        dispatching: Measures | None,
        findings: Findings | None,
        backup_age: float | None = None,
    ) -> bytes:
        """Return the text for Prometheus without values that are None, such as the backlog during an outage.

        ``backup_age``: seconds since the newest backup, infinite without one, None if none are scheduled.
        """
        self._own.backlog = backlog
        self._own.backup_age = backup_age
        self._own.dispatching = dispatching
        self._own.findings = findings
        return generate_latest(self._registry)


class _Scans(Collector):
    """Return the metrics of how carriers' scans were understood."""

    def __init__(self, unread: Mapping[str, int], skipped: Mapping[tuple[str, SkipReason], int]) -> None:
        self._unread = unread
        self._skipped = skipped

    def collect(self) -> Iterable[Metric]:
        unread = CounterMetricFamily(
            "waypost_scans_unread",
            "New checkpoints whose codes and texts were not understood; the page of unread scans names them.",
            labels=["source"],
        )
        for source, count in sorted(self._unread.items()):
            unread.add_metric([source], count)
        yield unread
        skipped = CounterMetricFamily(
            "waypost_scans_skipped",
            "Scans of carriers' answers that were skipped because their time, text or type could not be read.",
            labels=["source", "reason"],
        )
        for (source, reason), count in sorted(self._skipped.items()):
            skipped.add_metric([source, reason], count)
        yield skipped


class _Pushes(Collector):
    """Return the metrics of what services have pushed."""

    def __init__(self, pushed: Mapping[tuple[str, PushResult], int]) -> None:
        self._pushed = pushed

    def collect(self) -> Iterable[Metric]:
        pushes = CounterMetricFamily(
            "waypost_pushes",
            "Pushes of services that were rejected or read by this process; the reference of pushes lists the results.",
            labels=["source", "result"],
        )
        for (source, result), count in sorted(self._pushed.items()):
            pushes.add_metric([source, result], count)
        yield pushes


class _Outages(Collector):
    """Return how often the database could not be used."""

    def __init__(self, outages: Mapping[str, int]) -> None:
        self._outages = outages

    def collect(self) -> Iterable[Metric]:
        outages = CounterMetricFamily(
            "waypost_database_outages",
            "How often this process found that the database could not be used, by reason.",
            labels=["trouble"],
        )
        for trouble in DatabaseTrouble:
            outages.add_metric([trouble], self._outages.get(trouble, 0))
        yield outages


class _OwnMetrics(Collector):
    def __init__(self, statements: Mapping[str, int], stalls: StallCounts, denied: Mapping[Denial, int]) -> None:
        self._statements = statements
        self._stalls = stalls
        self._denied = denied
        self.backlog: Backlog | None = None
        self.dispatching: Measures | None = None
        self.findings: Findings | None = None
        self.backup_age: float | None = None

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("waypost_build", "The running program.", {"version": version("waypost")})
        statements = CounterMetricFamily("waypost_sql_statements", "SQL statements sent, by name.", labels=["name"])
        sent = Counter(self._statements) + Counter({} if self.dispatching is None else self.dispatching.statements)
        for name, count in sorted(sent.items()):
            statements.add_metric([name], count)
        yield statements
        yield from self._loops()
        denied = CounterMetricFamily(
            "waypost_access_denied", "Sign-ins and calls that were denied access.", labels=["reason"]
        )
        for denial in Denial:
            denied.add_metric([denial], self._denied.get(denial, 0))
        yield denied
        if self.dispatching is not None:
            yield from _dispatching(self.dispatching)
        yield GaugeMetricFamily(
            "waypost_database_up", "1 if the database responds, otherwise 0.", self.backlog is not None
        )
        if self.backlog is not None:
            yield from _queue(self.backlog)
        if self.backup_age is not None:
            yield GaugeMetricFamily(
                "waypost_backup_age_seconds", "How old the newest scheduled backup is; +Inf: none.", self.backup_age
            )
        if self.findings is not None:
            yield from _reconciliation(self.findings)

    def _loops(self) -> Iterator[Metric]:
        stalls = CounterMetricFamily(
            "waypost_loop_stalls",
            "How often an event loop was blocked for more than 100 ms; the log says what ran.",
            labels=["loop"],
        )
        longest = GaugeMetricFamily(
            "waypost_loop_longest_stall_seconds",
            "The longest time since the start for which an event loop was blocked.",
            labels=["loop"],
        )
        busiest = GaugeMetricFamily(
            "waypost_loop_busiest_stall_seconds",
            "The most processor time for which an event loop was blocked since the start. If it is far below the"
            " longest time, the machine was too busy to run Waypost.",
            labels=["loop"],
        )
        held = {"main": (self._stalls.count, self._stalls.longest, self._stalls.busiest)}
        if (dispatching := self.dispatching) is not None:
            held["dispatch"] = dispatching.stalls, dispatching.longest_stall, dispatching.busiest_stall
        for loop, (count, seconds, worked) in held.items():
            stalls.add_metric([loop], count)
            longest.add_metric([loop], seconds)
            busiest.add_metric([loop], worked)
        yield from (stalls, longest, busiest)


def _dispatching(measures: Measures) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "waypost_dispatchers", "Dispatchers that share the endpoints, including this one.", measures.peers + 1
    )
    yield GaugeMetricFamily("waypost_attempts_in_flight", "Attempts in flight.", measures.in_flight)
    yield GaugeMetricFamily(
        "waypost_results_unrecorded", "Finished attempts that are not committed yet.", measures.unrecorded
    )
    attempts = CounterMetricFamily("waypost_attempts", "Finished attempts, excluding tests.", labels=["outcome"])
    for outcome in Outcome:
        attempts.add_metric([outcome], measures.attempts.get(outcome, 0))
    yield attempts
    yield HistogramMetricFamily(
        "waypost_attempt_seconds",
        "Duration of attempts that got a response, whatever its status.",
        buckets=_buckets(measures.latency),
        sum_value=measures.latency_seconds,
    )
    stages = HistogramMetricFamily(
        "waypost_delivery_stage_seconds",
        "How long deliveries, excluding tests, spent in each stage: `claim` until PostgreSQL begins to claim what is"
        " due, `lease` until the claim returns, `slot` until the attempt may begin, `request` until it is signed,"
        " `response` until the endpoint responds, `record` until the result is committed.",
        labels=["stage"],
    )
    for stage in DeliveryStage:
        counts, seconds = measures.stages.get(stage, ()), measures.stage_seconds.get(stage, 0.0)
        stages.add_metric([stage], _buckets(counts), seconds)
    yield stages
    breakers = GaugeMetricFamily(
        "waypost_breakers", "Endpoints whose circuit breaker is not closed, by its state.", labels=["state"]
    )
    for state in BreakerState:
        if state is not BreakerState.CLOSED:
            breakers.add_metric([state], measures.breakers.get(state, 0))
    yield breakers


def _buckets(counts: Sequence[int]) -> list[tuple[str, float]]:
    """Return counts as cumulative buckets for Prometheus; values beyond all bounds count in the last bucket."""
    sums = list(accumulate(counts or [0] * len(BOUNDS_MS)))
    return [
        *((str(bound / 1000), total) for bound, total in zip(BOUNDS_MS[:-1], sums, strict=False)),
        ("+Inf", sums[-1]),
    ]


def _queue(backlog: Backlog) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "waypost_deliveries_due", "Deliveries that are due and not being sent, counted up to 100,000.", backlog.due
    )
    yield GaugeMetricFamily(
        "waypost_oldest_due_seconds", "How many seconds the oldest of them has been due.", backlog.oldest_seconds
    )


def _reconciliation(findings: Findings) -> Iterator[Metric]:
    wrong = GaugeMetricFamily(
        "waypost_reconciliation_broken",
        "Deliveries that break the guarantee that nothing is dropped, in the keeper's last round: always 0.",
        labels=["fault"],
    )
    for fault, count in findings.wrong.items():
        wrong.add_metric([fault], count)
    yield wrong
    examined = GaugeMetricFamily(
        "waypost_reconciliation_examined",
        "What that round checked: events, and waiting deliveries.",
        labels=["of"],
    )
    examined.add_metric(["events"], findings.events)
    examined.add_metric(["waiting"], findings.waiting)
    yield examined

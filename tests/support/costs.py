"""A pytest plugin that reports what tests cost: ``make test T="-p tests.support.costs tests/flow/test_intake.py"``.

At the end of a run it lists tests, files and fixtures, the dearest first: seconds on the clock, then seconds of
processor, which are about the same on a machine that has other work, too. They count the process that runs the tests
and all that it started, PostgreSQL and browsers included. A shared fixture counts where it was first asked for.
"""

import os
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.terminal import TerminalReporter

TICKS = os.sysconf("SC_CLK_TCK")
SHOWN = 30
TIMES = slice(11, 15)
"""The position of a process's times, and of those of its exited children, after its name."""


class Cost(NamedTuple):
    """Seconds on the clock and of processor."""

    clock: float
    processor: float

    def since(self, before: "Cost") -> "Cost":
        """Return what was spent between two readings."""
        return Cost(self.clock - before.clock, max(0.0, self.processor - before.processor))


def spent() -> Cost:
    """Return what this process has spent so far, with all that it started, ended or not.

    What lost its parent, as when a server was killed, is not counted.
    """
    ended = os.times()
    processor = time.process_time() + ended.children_user + ended.children_system
    for process in _below(os.getpid()):
        with suppress(OSError):  # it ended as it was looked at
            values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            processor += sum(map(int, values[TIMES])) / TICKS
    return Cost(time.monotonic(), processor)


def _below(process: int) -> Iterator[int]:
    """Yield every process that this one started, and those that they started."""
    for started in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, started.read_text().split()):
                yield child
                yield from _below(child)


LAST = pytest.StashKey[Cost]()
FIXTURES = pytest.StashKey[list[tuple[str, Iterable[float]]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIXTURES] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    item.stash[LAST] = spent()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    """Note the cost of a fixture, including the fixtures it uses; parameters do not count."""
    before = spent()
    try:
        return (yield)
    finally:
        if not hasattr(request, "param"):
            request.config.stash[FIXTURES].append((fixturedef.argname, spent().since(before)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Write on each report what its part of the test cost: reports travel to the process that speaks to people."""
    report = yield
    now = spent()
    noted = item.config.stash[FIXTURES]
    report.cost = tuple(now.since(item.stash[LAST]))  # plain tuples, as nothing else gets from a worker to its run
    report.fixtures = [(name, tuple(cost)) for name, cost in noted]
    item.stash[LAST] = now
    noted.clear()
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reports = [one for group in terminalreporter.stats.values() for one in group if hasattr(one, "cost")]
    _tell(terminalreporter, "tests", ((one.nodeid, one.cost) for one in reports))
    _tell(terminalreporter, "files", ((one.nodeid.partition("::")[0], one.cost) for one in reports))
    _tell(terminalreporter, "fixtures", (noted for one in reports for noted in one.fixtures))


def _tell(reporter: TerminalReporter, title: str, costs: Iterable[tuple[str, Iterable[float]]]) -> None:
    sums: dict[str, tuple[float, float]] = {}
    for name, (clock, processor) in costs:
        known = sums.setdefault(name, (0.0, 0.0))
        sums[name] = known[0] + clock, known[1] + processor
    clock, processor = (sum(known[place] for known in sums.values()) for place in range(2))
    reporter.section(f"{title}: {clock:.1f} seconds, {processor:.1f} of processor")
    for name, (clock, processor) in sorted(sums.items(), key=lambda one: one[1][1], reverse=True)[:SHOWN]:
        reporter.write_line(f"{clock:9.2f}{processor:9.2f}  {name}")

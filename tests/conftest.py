"""The summary of the whole suite: how much of the documentation's code ran, and the results of faults."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from _pytest.terminal import TerminalReporter

from tests.support.examples import load_profiles
from tests.support.faults import Tally
from tests.support.run import make_folders, watched
from waypost.app.sending import spare_the_collector

# Programs are started by the hundred. Where the environment forbids to keep what was compiled, each would take a second
# to compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# jsonschema imports it if it is there, and it makes 38 parsers, for formats that no schema of ours has. That would take
# every process of a run more than a second.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment] # for Python: there is no such module

# Tests in the background of a shell ignore Ctrl-C, and so would every program that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

load_profiles()

FAULT = "fault"
COLUMNS = {"fault": 56, "runs": 9, "accepted": 10, "lost": 6, "duplicated": 12, "unexplained": 13, "out_of_order": 0}
FAULT_SECONDS = 3600
"""How long a test that takes minutes may take."""

Judge = Callable[[Tally], None]


@pytest.fixture
def judged(record_property: Callable[[str, object], None]) -> Judge:
    """Add a tally to the table; no delivery may be lost, repeated without a reason, or out of order."""

    def judge(tally: Tally) -> None:
        record_property(FAULT, tally.row())
        assert tally.accepted > 0
        assert (tally.lost, tally.unexplained, tally.out_of_order) == (0, 0, 0)

    return judge


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Restore how lines are logged: a command that runs in this process sets it for everything after it."""
    configured = structlog.get_config()
    yield
    structlog.configure(**configured)


class AtOnce:
    """Reports a failed test at once: a run that is killed before its end would not name it."""

    def __init__(self, reporter: TerminalReporter) -> None:
        self._reporter = reporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._reporter.write("\n")
            self._reporter.write_line(f"{report.nodeid}: {report.when} failed after {report.duration:.1f} s")
            self._reporter.write_line(report.longreprtext)


def pytest_collection_finish() -> None:
    spare_the_collector()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("faults"):
            item.add_marker(pytest.mark.timeout(FAULT_SECONDS))


WATCH = pytest.StashKey[ExitStack]()


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if WATCH in config.stash:
        config.stash[WATCH].close()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # those that run tests for this process work in its folders
        config.stash[WATCH] = ExitStack()
        config.stash[WATCH].enter_context(watched(*make_folders()))
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:  # only who speaks to people has one, not each of the processes that run tests
        config.pluginmanager.register(AtOnce(reporter))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    for counted in _told(terminalreporter, "code blocks"):
        _tell_code(terminalreporter, counted)
    if rows := list(_told(terminalreporter, FAULT)):
        _tell_faults(terminalreporter, rows)


def _told(reporter: TerminalReporter, name: str) -> Iterator[dict[str, Any]]:
    """Return the notes of tests under a name, without duplicates."""
    for report in reporter.stats.get("passed", []) + reporter.stats.get("failed", []):
        if report.when == "call":
            yield from (value for noted, value in report.user_properties if noted == name)


def _tell_code(reporter: TerminalReporter, counted: dict[str, Any]) -> None:
    """Print how much of the documentation's code ran, and the reasons for the rest."""
    left = counted["not run"]
    reporter.write_line(f"code blocks of the documentation: {counted['all'] - len(left)} ran, {len(left)} did not")
    for block, why in left.items():
        reporter.write_line(f"  {block}: {why}")


def _tell_faults(reporter: TerminalReporter, rows: list[dict[str, Any]]) -> None:
    """Print the deliveries that were lost, repeated or out of order, beside the allowed numbers."""
    reporter.section("faults, counted in deliveries")
    reporter.write_line("".join(name.replace("_", " ").ljust(width) for name, width in COLUMNS.items()))
    for row in sorted(rows, key=lambda one: str(one["fault"])):
        reporter.write_line(
            "".join(
                f"{row[name]:,}".ljust(width) if name != "fault" else row[name].ljust(width)
                for name, width in COLUMNS.items()
            )
        )
        reporter.write_line(f"    target: {row['target']}")
        if row["measured"]:
            reporter.write_line(f"    measured: {row['measured']}")

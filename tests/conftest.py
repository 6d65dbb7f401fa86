"""The table of faults at the end of a run: what was lost, came twice or out of order, beside what may be."""

from collections.abc import Callable

import pytest

from tests.support.faults import Tally

PROPERTY = "fault"
COLUMNS = {
    "fault": 52,
    "runs": 8,
    "accepted": 10,
    "lost": 6,
    "duplicated": 12,
    "unexplained": 13,
    "out_of_order": 14,
    "target": 0,
}
Judge = Callable[[Tally], None]


@pytest.fixture
def judged(record_property: Callable[[str, object], None]) -> Judge:
    """Take a tally into the table; nothing may be lost, come twice without a reason, nor out of order."""

    def judge(tally: Tally) -> None:
        record_property(PROPERTY, tally.row())
        assert tally.accepted > 0
        assert (tally.lost, tally.unexplained, tally.out_of_order) == (0, 0, 0)

    return judge


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    rows = [value for report in reports for name, value in report.user_properties if name == PROPERTY]
    if not rows:
        return
    terminalreporter.section("faults, counted in deliveries")
    for row in ({name: name.replace("_", " ") for name in COLUMNS}, *rows):
        terminalreporter.write_line("".join(str(row[name]).ljust(width) for name, width in COLUMNS.items()))

"""What the whole suite says at its end."""

from typing import Any

from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Tell how much of the documentation's code ran, and why the rest did not."""
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", []):
        for name, value in getattr(report, "user_properties", ()):
            if name == "code blocks" and report.when == "call":
                _tell(terminalreporter, value)


def _tell(reporter: TerminalReporter, counted: dict[str, Any]) -> None:
    left = counted["not run"]
    reporter.write_line(f"code blocks of the documentation: {counted['all'] - len(left)} ran, {len(left)} did not")
    for block, why in left.items():
        reporter.write_line(f"  {block}: {why}")

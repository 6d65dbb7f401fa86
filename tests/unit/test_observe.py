"""Log lines and metrics are machine-readable and contain no secrets or terminal escapes."""

import io
import json
import logging
from collections.abc import Callable

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from waypost.actions.denials import Denial
from waypost.app.watchdog import Stalls
from waypost.cli.options import chosen, chosen_for_server, progress
from waypost.dispatch.measures import Measures
from waypost.domain.latency import BOUNDS_MS
from waypost.domain.trackings import SkipReason
from waypost.observe.logs import configure_logging
from waypost.observe.metrics import Metrics
from waypost.settings import Settings
from waypost.store.measures import Backlog
from waypost.store.reconciliation import Findings


def test_log_lines_are_json_without_secrets(capsys):
    configure_logging("info", "json")

    structlog.get_logger().info("asked", endpoint="ep_1", api_key="wk_live_x", client_secret="s", url="a\nb")

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["endpoint"], line["url"]) == ("asked", "ep_1", "a\nb")
    assert (line["api_key"], line["client_secret"]) == ("[redacted]", "[redacted]")


def test_text_logs_contain_no_terminal_escapes_or_extra_lines(capsys):
    configure_logging("info", "text")

    structlog.get_logger().info("asked", url="\x1b[2J\n2026 [error] forged")

    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "\x1b[2J" not in told


@pytest.mark.parametrize(
    ("on_terminal", "log_format", "server_is_json", "command_is_json"),
    [(True, None, False, False), (False, None, True, False), (False, "text", False, False), (True, "json", True, True)],
)
def test_all_lines_of_a_stream_have_one_format(
    monkeypatch: pytest.MonkeyPatch,
    *,
    on_terminal: bool,
    log_format: str | None,
    server_is_json: bool,
    command_is_json: bool,
):
    def lines(choose: Callable[[], Settings]) -> list[str]:
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda: on_terminal)
        monkeypatch.setattr("sys.stderr", stream)
        choose()
        progress("Waypost listens")
        structlog.get_logger().info("loop_stalled")
        logging.getLogger("granian").warning("foreign")
        return stream.getvalue().splitlines()

    if log_format is not None:
        monkeypatch.setenv("WAYPOST_LOG_FORMAT", log_format)
    of_server, of_command = lines(chosen_for_server), lines(chosen)

    assert [line.startswith("{") for line in of_server] == [server_is_json] * 3
    assert [line.startswith("{") for line in of_command] == [command_is_json] * 3


def test_lines_below_the_log_level_are_omitted(capsys):
    configure_logging("warning", "json")

    structlog.get_logger().info("asked")

    assert capsys.readouterr().err == ""


def test_a_line_that_cannot_be_written_raises_nothing(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("info", "json")
    logger = structlog.get_logger()
    logger.info("asked")
    stream.close()

    logger.info("asked again")


def samples(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_metrics_show_counts_kept_elsewhere():
    skipped = {("dhl", SkipReason.TIME): 3}
    metrics = Metrics({"claim": 7}, Stalls(), denied={Denial.PASSWORD: 2}, unread={"api": 4}, skipped=skipped)
    dispatching = Measures(running=True, in_flight=3, unrecorded=4, peers=1, statements={"claim": 5})

    text = metrics.render(Backlog(due=12, oldest_seconds=1.5), dispatching, Findings(events=9, missing=2))
    found = samples(text)

    assert found["waypost_sql_statements_total"] == 12
    assert 'waypost_access_denied_total{reason="password"} 2.0' in text.decode()
    assert 'waypost_scans_unread_total{source="api"} 4.0' in text.decode()
    assert 'waypost_scans_skipped_total{reason="time",source="dhl"} 3.0' in text.decode()
    assert 'waypost_access_denied_total{reason="key_unknown"} 0.0' in text.decode()
    assert found["waypost_attempts_in_flight"] == 3
    assert (found["waypost_results_unrecorded"], found["waypost_dispatchers"]) == (4, 2)
    assert (found["waypost_deliveries_due"], found["waypost_oldest_due_seconds"]) == (12, 1.5)
    assert found["waypost_database_up"] == 1
    assert found["waypost_reconciliation_examined"] == 0  # the last of its samples: waiting


def test_metrics_count_attempts_by_outcome_and_latency_and_breakers_by_state():
    dispatching = Measures(
        running=True, in_flight=0, attempts={"http_5xx": 6}, breakers={"open": 2},
        latency=[1, 2, *[0] * (len(BOUNDS_MS) - 3), 1], latency_seconds=40.5,
    )  # fmt: skip

    lines = Metrics({}, Stalls()).render(None, dispatching, None).decode().splitlines()

    assert {
        'waypost_attempts_total{outcome="http_5xx"} 6.0',
        'waypost_attempts_total{outcome="succeeded"} 0.0',
        'waypost_attempt_seconds_bucket{le="0.002"} 1.0',
        'waypost_attempt_seconds_bucket{le="0.005"} 3.0',
        'waypost_attempt_seconds_bucket{le="15.0"} 3.0',
        'waypost_attempt_seconds_bucket{le="+Inf"} 4.0',
        "waypost_attempt_seconds_sum 40.5",
        'waypost_breakers{state="open"} 2.0',
        'waypost_breakers{state="ramping"} 0.0',
    } <= set(lines)


def test_metrics_show_how_long_deliveries_spent_in_each_stage():
    dispatching = Measures(
        running=True, in_flight=0,
        stages={"claim": [0, 2, *[0] * (len(BOUNDS_MS) - 2)]}, stage_seconds={"claim": 0.007},
    )  # fmt: skip

    lines = Metrics({}, Stalls()).render(None, dispatching, None).decode().splitlines()

    assert {
        'waypost_delivery_stage_seconds_bucket{le="0.002",stage="claim"} 0.0',
        'waypost_delivery_stage_seconds_bucket{le="0.005",stage="claim"} 2.0',
        'waypost_delivery_stage_seconds_sum{stage="claim"} 0.007',
        'waypost_delivery_stage_seconds_count{stage="record"} 0.0',
    } <= set(lines)


def test_without_a_database_its_metrics_are_omitted_and_it_is_reported_down():
    found = samples(Metrics({}, Stalls()).render(None, None, None))

    assert found["waypost_database_up"] == 0
    assert "waypost_deliveries_due" not in found
    assert "waypost_attempts_in_flight" not in found


def test_stalls_of_each_event_loop_are_reported():
    dispatching = Measures(running=True, in_flight=0, stalls=1, longest_stall=0.2, busiest_stall=0.05)

    lines = Metrics({}, Stalls(count=2, longest=0.3, busiest=0.1)).render(None, dispatching, None).decode().splitlines()

    assert {
        'waypost_loop_stalls_total{loop="main"} 2.0',
        'waypost_loop_stalls_total{loop="dispatch"} 1.0',
        'waypost_loop_longest_stall_seconds{loop="main"} 0.3',
        'waypost_loop_longest_stall_seconds{loop="dispatch"} 0.2',
        'waypost_loop_busiest_stall_seconds{loop="main"} 0.1',
        'waypost_loop_busiest_stall_seconds{loop="dispatch"} 0.05',
    } <= set(lines)

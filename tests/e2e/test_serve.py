"""`waypost serve` and related commands as processes: how they start, respond, stop, and restart."""

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.commands import call_waypost
from tests.support.ledger import Ledger
from tests.support.serving import Program, Serving, run_waypost, serving

PROCESSES = 2
SCAN = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Out for delivery"}


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving(WAYPOST_RETRY_BASE_SECONDS="0.1") as server:
        yield server


def report(number: str) -> dict[str, object]:
    return {"updates": [{"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [SCAN]}]}


def text_at(server: Program, path: str) -> str:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_it_starts_from_nothing_delivers_and_stops_without_leaving_anything(server: Serving, ledger: Ledger) -> None:
    server.from_nothing = True
    server.start()
    shop = server.account()
    shop.post("/v1/endpoints", {"url": ledger.url})

    (result,) = shop.post("/v1/updates", report("A1"))["results"]

    ledger.wait_for({result["event_id"]})
    postgres = [pid for pid in children_of(server.process.pid) if alive(pid)]
    assert postgres
    assert server.stop() == 0
    assert [pid for pid in postgres if alive(pid)] == []
    lines = [json.loads(line) for line in server.said().splitlines()]  # of a server without a terminal
    assert lines[-1]["event"] == "server_stopped"
    assert "Traceback" not in server.said()


def test_metrics_are_prometheus_text(shared_server: Serving) -> None:
    families = {family.name: family for family in text_string_to_metric_families(text_at(shared_server, "/metrics"))}

    assert families["waypost_database_up"].samples[0].value == 1
    assert families["waypost_deliveries_due"].samples[0].value == 0
    assert "process_cpu_seconds" in families


def test_created_objects_survive_a_restart(server: Serving) -> None:
    server.start()
    shop = server.account()
    made = shop.post("/v1/endpoints", {"url": "http://127.0.0.1:8080/"})
    assert server.stop() == 0
    first = server.said()

    server.start()

    assert server.site(shop.headers["tracking-api-key"]).get("/v1/endpoints")["items"][0]["id"] == made["id"]
    assert "`waypost account create`" in first
    assert "`waypost account create`" not in server.said()[len(first) :]


def test_a_port_in_use_is_reported_in_one_sentence_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        as_text = {"WAYPOST_LOG_FORMAT": "text"}
        ended = run_waypost("serve", "--port", str(port), "--data-dir", str(tmp_path / "data"), **as_text)

    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"waypost: Port {port} is already in use: stop the program that listens on it, or choose another with --port."
    ]
    assert not (tmp_path / "data").exists()


def test_serve_refuses_to_start_with_a_wrong_secret_key(server: Serving) -> None:
    server.start()
    server.stop()

    ended = run_waypost(
        "serve", "--port", "0", "--data-dir", str(server.data_dir), WAYPOST_SECRET_KEY="another key than before"
    )

    assert ended.returncode == 1
    assert "WAYPOST_SECRET_KEY is not the key" in ended.stderr
    assert "another key than before" not in ended.stderr


def test_a_killed_postgresql_restarts_and_deliveries_resume(server: Serving, ledger: Ledger) -> None:
    server.start()
    shop = server.account()
    shop.post("/v1/endpoints", {"url": ledger.url})
    first = shop.post("/v1/updates", report("A1"))["results"][0]["event_id"]
    ledger.wait_for({first})

    for pid in children_of(server.process.pid):
        os.kill(pid, signal.SIGKILL)
    server.wait_for(lambda: "postgres_restarted" in server.said())
    server.wait_for(lambda: shop.status("/health/ready") == 200)

    second = shop.post("/v1/updates", report("A2"))["results"][0]["event_id"]
    ledger.wait_for({first, second})
    assert server.stop() == 0
    assert server.said().count("database_unavailable") <= PROCESSES


class TestAccountCreate:
    def test_account_create_shows_the_key_and_rejects_the_same_email_again(self, shared_server: Serving) -> None:
        given = ("--name", "Shop", "--password", "correct horse", "--data-dir", str(shared_server.data_dir))

        first = run_waypost("account", "create", "--email", "Created@Example.com", *given)
        again = call_waypost("account", "create", "--email", "created@example.com", *given)

        assert (first.returncode, first.stderr) == (0, "")
        assert "API key  " in first.stdout
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr == "waypost: email: belongs to another account\n"

    def test_account_create_works_between_the_migration_and_the_first_start(self, server: Serving) -> None:
        server.data_dir.parent.mkdir(exist_ok=True)
        run_waypost("migrate", "--data-dir", str(server.data_dir))
        made = run_waypost(
            *("account", "create", "--email", "shop@example.com", "--name", "Shop", "--password-stdin", "--json"),
            *("--data-dir", str(server.data_dir)),
            stdin="correct horse\n",
        )

        shown = json.loads(made.stdout)
        assert list(shown) == ["account_id", "email", "api_key"]
        server.start()
        site = server.site(shown["api_key"])
        assert site.get("/v1/endpoints")["items"] == []

    @pytest.mark.parametrize(
        ("arguments", "stdin", "field"),
        [
            (("--email", "nobody", "--name", "Shop", "--password", "correct horse"), "", "email"),
            (("--email", "a@b.co", "--name", " ", "--password", "correct horse"), "", "name"),
            (("--email", "a@b.co", "--name", "Shop", "--password", "short"), "", "password"),
            (("--email", "a@b.co", "--name", "Shop", "--password-stdin"), "short\n", "password"),
            (("--email", "a@b.co", "--name", "Shop"), "", "password"),
        ],
    )
    def test_invalid_options_are_named(
        self, tmp_path: Path, arguments: tuple[str, ...], stdin: str, field: str
    ) -> None:
        ended = call_waypost("account", "create", *arguments, "--data-dir", str(tmp_path / "data"), stdin=stdin)

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"waypost: {field}: ")
        assert not (tmp_path / "data").exists()


def test_migrate_makes_the_database_and_a_check_only_looks(server: Serving) -> None:
    server.data_dir.parent.mkdir(exist_ok=True)
    at = ("--data-dir", str(server.data_dir))

    missing = run_waypost("migrate", "--check", *at)
    applied = run_waypost("migrate", *at)
    checked = run_waypost("migrate", "--check", *at)

    assert (missing.returncode, applied.returncode, checked.returncode) == (1, 0, 0)
    assert "There is no Waypost in" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--help",), 0), (("serve", "--help"), 0), (("--version",), 0), (("fly",), 2), (("serve", "--porta", "1"), 2)],
)
def test_help_is_shown_and_wrong_usage_has_its_own_exit_status(arguments: tuple[str, ...], code: int) -> None:
    ended = call_waypost(*arguments)

    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_invalid_settings_are_named_one_per_line() -> None:
    ended = run_waypost("serve", WAYPOST_HISTORY_DAYS="1", WAYPOST_EGRESS_PORTS="0", WAYPOST_DATA_DRI="x")

    assert ended.returncode == 2
    named = sorted(line.split(": ")[1].split(" ")[0] for line in ended.stderr.splitlines())
    assert named == ["WAYPOST_DATA_DRI", "WAYPOST_EGRESS_PORTS", "WAYPOST_HISTORY_DAYS"]


def test_a_rejected_large_report_is_answered_while_its_client_still_sends() -> None:
    with serving(WAYPOST_RATE_LIMIT="on", WAYPOST_UPDATES_BYTES_PER_SECOND="1") as server:
        server.start()
        api = server.account()
        body = b'{"updates": []}'.ljust(4 << 20)
        reports = [
            httpx.post(f"{server.url}/v1/updates", content=body, headers=api.headers, timeout=60) for _ in range(2)
        ]

    assert [answer.status_code for answer in reports] == [422, 429]

"""`waypost listen`, `trigger`, `verify` and `mcp` as processes, beside a running server and a local program."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from examples.demo.site import Site
from tests.support.hooks import Hooks, receiving_hooks
from tests.support.seeding import report
from tests.support.serving import WAYPOST, Serving, environment, run_waypost, serving
from tests.support.webhooks import SECRET
from waypost.app.address import held_address
from waypost.receiver import verify

SECONDS = 40


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def hooks() -> Iterator[Hooks]:
    with receiving_hooks() as hooks:
        yield hooks


@pytest.fixture(scope="module")
def account(server: Serving) -> Site:
    return server.account()


@pytest.fixture
def since() -> str:
    """Return the time from which events belong to the test."""
    return datetime.now(UTC).isoformat()


class Listening:
    """A running ``waypost listen --json``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: Queue[str] = Queue()
        for stream in (process.stdout, process.stderr):
            Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line)

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait for this number of events."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            line = self._lines.get(timeout=SECONDS)
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def note(self, words: str) -> None:
        """Wait until it has said something."""
        while words not in self._lines.get(timeout=SECONDS):
            pass

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(SECONDS)


@contextmanager
def listening(account: Site, folder: Path, *options: str, keyboard: int = subprocess.DEVNULL) -> Iterator[Listening]:
    process = subprocess.Popen(
        (*WAYPOST, "listen", "--json", "--state", str(folder / "state.json"), *options),
        cwd=folder,
        env=environment(WAYPOST_URL=account.url, WAYPOST_API_KEY=account.headers["tracking-api-key"]),
        stdin=keyboard,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Listening(process)
        finally:
            process.kill()


def numbers(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one["event"]["tracking_number"], one["event"]["sequence"]) for one in events]


def run_for(account: Site, *words: str) -> subprocess.CompletedProcess[str]:
    return run_waypost(*words, WAYPOST_URL=account.url, WAYPOST_API_KEY=account.headers["tracking-api-key"])


def test_events_reach_a_local_program_signed_like_deliveries(
    account: Site, hooks: Hooks, tmp_path: Path, since: str
) -> None:
    report(account, "AWAY", 1)  # before anybody listened
    options = ("--forward", f"{hooks.url}/ok/signed", "--secret", SECRET, "--since", since)
    with listening(account, tmp_path, *options) as listener:
        report(account, "HERE", 1)
        told = listener.events(2)
        assert listener.end() == 0

    first, second = hooks.wait_for("/ok/signed", 2)
    assert numbers(told) == [("AWAY", 1), ("HERE", 1)]
    assert [one["answer"]["status_code"] for one in told] == [200, 200]
    assert first.headers["waypost-attempt"] == "1"
    events = [verify(hook.body, hook.headers, SECRET) for hook in (first, second)]
    assert [(event.id, event.sequence) for event in events] == [(one["event"]["id"], 1) for one in told]
    assert b", " not in first.body.partition(b"data")[0]


def test_events_during_a_pause_are_neither_lost_nor_repeated(account: Site, tmp_path: Path, since: str) -> None:
    with listening(account, tmp_path, "--since", since) as listener:
        report(account, "W1", 1)
        first = listener.events(1)
        report(account, "W1", 2)
        first += listener.events(1)
        listener.end()
    report(account, "W1", 3)
    report(account, "W2", 1)
    with listening(account, tmp_path) as listener:
        second = listener.events(2)
        report(account, "W2", 2)
        second += listener.events(1)

    assert numbers(first + second) == [("W1", 1), ("W1", 2), ("W1", 3), ("W2", 1), ("W2", 2)]


def test_listening_goes_on_over_pages_that_end_early_because_a_parcel_is_at_its_maximum_size(
    account: Site, tmp_path: Path, since: str
) -> None:
    def add(*scans: tuple[int, str]) -> None:
        checkpoints = [
            {"checkpoint_date": f"2026-07-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}", "tracking_detail": text}
            for n, text in scans
        ]
        told = {"tracking_number": "LARGE", "courier_code": "dhl", "create": True, "checkpoints": checkpoints}
        account.post("/v1/updates", {"updates": [told]})

    for begin in (0, 200):
        add(*((n, f"{n} {'Held at the depot until its papers are there. ' * 21}") for n in range(begin, begin + 200)))
    for n in range(400, 420):
        add((n, f"Seen at the depot, {n}"))
    first = account.get(f"/v1/events?limit=200&{urlencode({'since': since})}")["items"]

    with listening(account, tmp_path, "--since", since) as listener:
        told = listener.events(22)

    assert 1 < len(first) < 22
    assert numbers(told) == [("LARGE", sequence) for sequence in range(1, 23)]


def test_only_the_chosen_statuses_are_forwarded(account: Site, tmp_path: Path, since: str) -> None:
    with listening(account, tmp_path, "--since", since, "--status", "delivered", "--status", "pickup") as listener:
        for scans in range(1, 6):
            report(account, "C1", scans)
        told = listener.events(2)

    assert [one["event"]["status"] for one in told] == ["pickup", "delivered"]


def test_listen_waits_for_a_program_that_is_not_running(account: Site, tmp_path: Path, since: str) -> None:
    with receiving_hooks() as gone:
        port = int(gone.url.rpartition(":")[2])
    report(account, "P1", 1)
    options = ("--forward", f"http://127.0.0.1:{port}/ok", "--since", since)
    with held_address("127.0.0.1", port), listening(account, tmp_path, *options) as listener:
        listener.note("is not there")
        with receiving_hooks(port) as back:
            told = listener.events(1)

    assert [hook.path for hook in back.received] == ["/ok"]
    assert told[0]["answer"]["status_code"] == 200


def test_a_redirect_is_shown_and_not_followed(account: Site, hooks: Hooks, tmp_path: Path, since: str) -> None:
    report(account, "R1", 1)
    with listening(account, tmp_path, "--forward", f"{hooks.url}/moved", "--since", since) as listener:
        told = listener.events(1)

    assert told[0]["answer"]["status_code"] == 301
    assert [hook.path for hook in hooks.received if hook.path.startswith("/moved")] == ["/moved"]


def test_a_terminal_key_repeats_the_last_event(account: Site, hooks: Hooks, tmp_path: Path, since: str) -> None:
    report(account, "K1", 1)
    ours, theirs = pty.openpty()
    options = ("--forward", f"{hooks.url}/broken/again", "--since", since)
    with listening(account, tmp_path, *options, keyboard=theirs) as listener:
        told = listener.events(1)
        os.write(ours, b"xr")
        told += listener.events(1)
    os.close(theirs)
    os.close(ours)

    assert [(one["attempt"], one["answer"]["status_code"]) for one in told] == [(1, 500), (2, 500)]
    first, second = hooks.wait_for("/broken/again", 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (first.headers["waypost-attempt"], second.headers["waypost-attempt"]) == ("1", "2")


def test_an_invalid_key_ends_it_with_the_servers_reason(server: Serving, tmp_path: Path) -> None:
    ran = run_waypost(
        *("listen", "--url", server.url, "--state", str(tmp_path / "state.json")), WAYPOST_API_KEY="wp_not_a_key"
    )

    assert ran.returncode == 1
    assert "The API key is not valid" in ran.stderr


def test_listen_survives_a_restart_of_the_server(account: Site, server: Serving, tmp_path: Path, since: str) -> None:
    with listening(account, tmp_path, "--since", since) as listener:
        report(account, "S1", 1)
        before = listener.events(1)
        port = server.url.rpartition(":")[2]
        server.stop()
        with held_address("127.0.0.1", int(port)):  # the system could give it to another test's server
            listener.note("can't be reached")
            server.launch("serve", "--data-dir", str(server.data_dir), port=port)
            server.wait_until_ready()
        report(account, "S1", 2)
        after = listener.events(1)

    assert numbers(before + after) == [("S1", 1), ("S1", 2)]


def test_trigger_sends_a_test_and_explains_its_response(account: Site, hooks: Hooks) -> None:
    none = run_for(account, "trigger", "delivered")
    good = account.post("/v1/endpoints", {"url": f"{hooks.url}/ok/test"})
    taken = run_for(account, "trigger", "delivered")
    bad = account.post("/v1/endpoints", {"url": f"{hooks.url}/broken"})
    unclear = run_for(account, "trigger", "delivered")
    refused = run_for(account, "trigger", "exception", "--endpoint", bad["id"])
    asked = run_for(account, "trigger", "pickup", "--endpoint", good["id"], "--json")
    pending = run_for(account, "trigger", "pending", "--endpoint", good["id"])

    assert (none.returncode, taken.returncode, unclear.returncode) == (1, 0, 1)
    assert "the account has none" in none.stderr
    assert (pending.returncode, "must be one of inforeceived" in pending.stderr) == (1, True)
    assert taken.stdout.startswith("The test was accepted. Accepted by the endpoint.\n")
    assert good["id"] in unclear.stderr
    assert bad["id"] in unclear.stderr
    assert refused.returncode == 1
    assert "The test was not accepted. The endpoint returned 500." in refused.stdout
    assert json.loads(asked.stdout)["state"] == "delivered"
    assert [hook.headers["waypost-test"] for hook in hooks.wait_for("/ok/test", 2)] == ["true", "true"]


def test_a_captured_webhook_is_explained(account: Site, hooks: Hooks, tmp_path: Path) -> None:
    endpoint = account.post("/v1/endpoints", {"url": f"{hooks.url}/ok/captured"})
    run_for(account, "trigger", "delivered", "--endpoint", endpoint["id"])
    [hook] = hooks.wait_for("/ok/captured")
    body, headers = tmp_path / "body.json", tmp_path / "headers.txt"
    body.write_bytes(hook.body)
    headers.write_text("POST /ok HTTP/1.1\n" + "".join(f"{name}: {text}\n" for name, text in hook.headers.items()))
    known = ("--headers", str(headers), "--secret", endpoint["secret"])

    right = run_waypost("verify", str(body), *known)
    changed = run_waypost("verify", *known, "--json", stdin=hook.body.decode() + "\n")
    old = run_waypost("verify", str(body), *known, "--received-at", "2030-01-01T00:00:00Z")
    nothing = run_waypost("verify", str(body), "--header", "x: y")

    assert (right.returncode, changed.returncode, old.returncode, nothing.returncode) == (0, 1, 1, 1)
    assert right.stdout.endswith("All checks passed: this webhook is genuine.\n")
    assert "without the white space around it" in json.loads(changed.stdout)["findings"][1]["text"]
    assert "seconds old" in old.stdout
    assert "give --secret" in nothing.stderr


async def test_an_assistant_starts_mcp_and_asks_the_server(account: Site) -> None:
    report(account, "MCP1", 1)
    own = environment(WAYPOST_URL=account.url, WAYPOST_API_KEY=account.headers["tracking-api-key"])
    program, *words = (*WAYPOST, "mcp", "--allow-writes")
    async with Client(stdio_client(StdioServerParameters(command=program, args=words, env=own))) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        told = await client.call_tool("explain_webhooks", {"tracking_number": "MCP1"})

    assert tools == {"list_parcels", "find_parcel", "explain_webhooks", "explain_delivery", "register_parcel"}
    assert not told.is_error
    assert "Parcel MCP1" in str(told.content[0])


def test_mcp_without_a_key_or_its_package_says_so_in_one_line() -> None:
    without_key = run_waypost("mcp", WAYPOST_API_KEY="")
    hidden = "import sys; sys.modules['mcp'] = None; from waypost.cli import main; sys.exit(main(['mcp']))"
    without_package = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)

    assert (without_key.returncode, without_key.stdout) == (1, "")
    assert without_key.stderr == "waypost: WAYPOST_API_KEY: is missing: set it in the environment of the command\n"
    assert without_package.returncode == 1
    assert without_package.stderr.count("\n") == 1
    assert 'run pip install "waypost[mcp]"' in without_package.stderr

"""`waypost connections` beside a running server, with a carrier on loopback."""

import json
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.support.commands import call_waypost
from tests.support.serving import Serving, run_waypost, serving

EMAIL = "carriers@example.com"
ACCOUNT = ("--account", EMAIL.title())
Run = Callable[..., subprocess.CompletedProcess[str]]
RIGHT = {"api_key": "right"}


class Dhl(BaseHTTPRequestHandler):
    """A carrier that knows one key and no parcel."""

    def do_GET(self) -> None:
        known = self.headers["dhl-api-key"] == RIGHT["api_key"]
        status, title = (404, "No shipment") if known else (401, "Unauthorized")
        body = json.dumps({"status": status, "title": title, "detail": "by the test"}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def carrier() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Dhl) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def server(shared_server: Serving) -> Serving:
    shared_server.account(EMAIL)
    return shared_server


@pytest.fixture(scope="module")
def with_key() -> Iterator[Serving]:
    with serving(WAYPOST_CARRIER_DHL_API_KEY="the-operators") as server:
        server.start()
        server.account()
        server.account("other@example.com")
        yield server


def ask(
    server: Serving, carrier: str, *words: str, given: object = None, run: Run = call_waypost
) -> tuple[int, str, str]:
    ran = run(
        *("connections", *words, "--data-dir", str(server.data_dir)),
        stdin=json.dumps(given),
        WAYPOST_CARRIER_DHL_BASE_URL=carrier,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_carrier_is_connected_tested_changed_and_deleted(server: Serving, carrier: str) -> None:
    wrong, _, why = ask(server, carrier, "add", "dhl", *ACCOUNT, given={"api_key": "wrong"})
    code, told, _ = ask(
        server, carrier, "add", "dhl", *ACCOUNT, "--name", "Main", "--json", given=RIGHT, run=run_waypost
    )
    made = json.loads(told)
    one = (made["id"], *ACCOUNT)
    tested, says, _ = ask(server, carrier, "test", *one)
    ask(server, carrier, "change", *one, "--daily-calls", "500", "--no-enabled")
    _, listed, _ = ask(server, carrier, "list", *ACCOUNT, "--json")
    deleted, _, _ = ask(server, carrier, "delete", *one)
    again, _, gone = ask(server, carrier, "delete", *one)

    assert (wrong, why.strip()) == (1, "waypost: DHL rejected the credentials (401): by the test")
    assert (code, made["name"], made["state"]) == (0, "Main", "new")
    assert (tested, says.strip()) == (0, "DHL accepts the credentials.")
    [row] = json.loads(listed)
    assert (row["state"], row["settings"], row["enabled"]) == ("paused", {"daily_calls": "500"}, False)
    assert RIGHT["api_key"] not in listed
    assert (deleted, again) == (0, 1)
    assert gone.strip()


def test_carriers_are_listed_with_their_required_fields() -> None:
    ran = call_waypost("connections", "carriers", "--json")

    known = {one["source"]: one["credentials"] for one in json.loads(ran.stdout)}
    assert ran.returncode == 0
    assert known["dhl"] == {"api_key": "API Key"}
    assert known["ups"]["client_secret"] == "Client Secret"


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("add", "nobody"), {}, "source: must be one of dhl"),
        (("add", "dhl"), {}, "credentials.api_key: is required"),
        (("add", "dhl"), ["right"], "must come on standard input as a JSON object"),
        (("test", "con_1"), None, "was deleted or never existed"),
    ],
)
def test_errors_are_one_line(server: Serving, carrier: str, words: tuple[str, ...], given: object, said: str) -> None:
    code, told, why = ask(server, carrier, *words, *ACCOUNT, given=given)

    assert (code, told) == (1, "")
    assert said in why
    assert len(why.splitlines()) == 1


def test_the_operator_chooses_which_accounts_may_use_the_operators_connection(with_key: Serving, carrier: str) -> None:
    def share(*words: str) -> object:
        code, told, why = ask(with_key, carrier, "share", "dhl", *words, "--json")
        return json.loads(told)["accounts"] if code == 0 else why.strip()

    def sees(email: str) -> int:
        _, told, _ = ask(with_key, carrier, "list", "--account", email, "--json")
        return len(json.loads(told))

    assert share() is None
    assert sees("shop@example.com") == 1
    assert share("--with", "other@example.com") == ["other@example.com"]
    assert (sees("shop@example.com"), sees("other@example.com")) == (0, 1)
    assert share("--with-none") == []
    assert share("--with-all") is None
    assert "not an account's e-mail" in str(share("--with", "nobody@example.com"))
    assert "can't be given together" in str(share("--with-all", "--with-none"))
    code, _, why = ask(with_key, carrier, "share", "ups")
    assert (code, "is not connected by the settings of this command (these are: dhl)" in why) == (1, True)

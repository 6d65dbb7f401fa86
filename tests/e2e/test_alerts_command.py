"""`waypost alerts` beside a running server, which sends the tests."""

import json
from collections.abc import Iterator

import pytest

from tests.support.commands import call_waypost
from tests.support.hooks import Hooks, receiving_hooks
from tests.support.serving import LOOPBACK, Serving

ACCOUNT = ("--account", "Alerted@example.com")


@pytest.fixture(scope="module")
def server(shared_server: Serving) -> Serving:
    shared_server.account("alerted@example.com")
    return shared_server


@pytest.fixture(scope="module")
def hooks() -> Iterator[Hooks]:
    with receiving_hooks() as hooks:
        yield hooks


def ask(server: Serving, *words: str, given: object = None) -> tuple[int, str, str]:
    place = ("--data-dir", str(server.data_dir))
    ran = call_waypost("alerts", *words, *ACCOUNT, *place, stdin=json.dumps(given), **LOOPBACK)
    return ran.returncode, ran.stdout, ran.stderr


def test_a_channel_is_added_tested_changed_and_deleted(server: Serving, hooks: Hooks) -> None:
    _, made, _ = ask(server, "add", "webhook", "--name", "Duty", "--json", given={"url": f"{hooks.url}/ok/alerts"})
    channel = json.loads(made)
    tested, accepted, _ = ask(server, "test", channel["id"])
    options = ("--kind", "endpoint_failing", "--quiet-from", "22:00", "--quiet-until", "06:30", "--no-enabled")
    ask(server, "change", channel["id"], *options)
    _, listed, _ = ask(server, "list", "--json")
    _, table, _ = ask(server, "list")
    deleted, _, _ = ask(server, "delete", channel["id"])

    assert channel["secret"].startswith("whsec_")
    assert (tested, "The test was accepted" in accepted) == (0, True)
    [hook] = hooks.wait_for("/ok/alerts")
    assert json.loads(hook.body)["what"] == "test"
    [row] = json.loads(listed)
    assert (row["kinds"], row["quiet_from"], row["enabled"]) == (["endpoint_failing"], "22:00", False)
    assert "Duty" in table
    assert channel["secret"] not in listed + table
    assert (deleted, ask(server, "list", "--json")[1].strip()) == (0, "[]")


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("add", "pigeon"), {}, "service: must be one of email"),
        (("add", "slack"), {}, "url: is required"),
        (
            ("add", "slack"),
            {"url": "http://10.0.0.1/"},
            "not allowed: WAYPOST_EGRESS_PORTS allows 1024-65535. This command reads it from its own",
        ),
        (("add", "slack"), {"url": "http://8.8.8.8:8080/../"}, "must not contain the segments . or .."),
        (("add", "slack"), ["https://shop.example"], "must come on standard input as a JSON object"),
        (("add", "slack", "--kind", "rain"), {"url": "http://127.0.0.1:8080/"}, "kinds: must be"),
        (("test", "ach_1"), None, "was deleted or never existed"),
        (("delete", "ach_0192f4f05b0e70008000000000000001"), None, "was deleted or never existed"),
    ],
)
def test_errors_are_one_line(server: Serving, words: tuple[str, ...], given: object, said: str) -> None:
    code, told, why = ask(server, *words, given=given)

    assert (code, told) == (1, "")
    assert said in why
    assert len(why.splitlines()) == 1

"""`waypost apikey` beside a running server."""

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.support.commands import call_waypost
from tests.support.serving import Serving, run_waypost

Run = Callable[..., subprocess.CompletedProcess[str]]
ACCOUNT = ("--account", "Keys@example.com")


@pytest.fixture(scope="module")
def server(shared_server: Serving) -> Serving:
    shared_server.account("keys@example.com")
    return shared_server


def ask(server: Serving, *words: str, run: Run = call_waypost) -> tuple[int, str, str]:
    ran = run("apikey", *words, "--data-dir", str(server.data_dir))
    return ran.returncode, ran.stdout, ran.stderr


def test_a_key_is_created_listed_used_and_revoked(server: Serving) -> None:
    given = ("--name", "Orders", "--permission", "read", "--days", "30", "--json")
    code, told, _ = ask(server, "create", *ACCOUNT, *given, run=run_waypost)
    made = json.loads(told)
    used = server.site(made["api_key"]).get("/v1/endpoints")
    _, listed, _ = ask(server, "list", *ACCOUNT, "--json", run=run_waypost)
    revoked, _, _ = ask(server, "revoke", made["id"], *ACCOUNT, run=run_waypost)
    again, _, why = ask(server, "revoke", made["id"], *ACCOUNT)

    assert (code, used["items"], made["scopes"]) == (0, [], ["read"])
    [row] = [row for row in json.loads(listed) if row["id"] == made["id"]]
    assert (row["name"], row["state"], row["prefix"]) == ("Orders", "active", made["api_key"][:12])
    assert row["last_used_at"] is not None
    assert made["api_key"] not in listed
    assert (revoked, again) == (0, 1)
    assert "is not an active key of this account" in why


def test_the_list_is_a_readable_table_with_any_key_names(server: Serving) -> None:
    ask(server, "create", *ACCOUNT, "--name", "[/x]")

    code, told, _ = ask(server, "list", *ACCOUNT)

    assert code == 0
    assert "Test" in told  # the key of the account
    assert "[/x]" in told
    assert told.split("\n")[0].split() == [
        "Id",
        "Name",
        "Prefix",
        "Permissions",
        "Last",
        "used",
        "Created",
        "by",
        "State",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "--account", "nobody@example.com", "--name", "A"), "is not an account's e-mail address"),
        (("list", "--account", "n\udcff@example.com"), "is not an account's e-mail address"),
        (("create", *ACCOUNT, "--name", "A", "--days", "0"), "days: must be 1 to 3650"),
        (("create", *ACCOUNT, "--name", ""), "name: must have 1 to 100"),
        (("revoke", "key_1", *ACCOUNT), "is not an active key of this account"),
    ],
)
def test_errors_are_one_sentence(server: Serving, words: tuple[str, ...], said: str) -> None:
    code, told, why = ask(server, *words)

    assert (code, told) == (1, "")
    assert said in why
    assert len(why.splitlines()) == 1


def test_an_unknown_permission_is_wrong_usage(server: Serving) -> None:
    assert ask(server, "create", *ACCOUNT, "--name", "A", "--scope", "all")[0] == 2

"""`waypost account`: beside a running server, and where there is none."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.commands import call_waypost
from tests.support.serving import Serving, run_waypost

EMAIL = "quotas@example.com"


@pytest.fixture(scope="module")
def server(shared_server: Serving) -> Serving:
    shared_server.account(EMAIL)
    return shared_server


def test_a_quota_can_be_set_shown_and_reset_to_the_default(server: Serving) -> None:
    place = ("--data-dir", str(server.data_dir))

    made = run_waypost(
        "account", "quota", "--account", EMAIL, "--parcels", "2", "--disk-bytes", "unlimited", "--json", *place
    )
    shown = call_waypost("account", "quota", "--account", EMAIL, *place)
    given_back = call_waypost("account", "quota", "--account", EMAIL, "--parcels", "default", "--json", *place)

    assert json.loads(made.stdout) == {
        "parcels": {"used": 0, "quota": 2},
        "updates_per_day": {"used": 0, "quota": None},
        "disk_bytes": {"used": 0, "quota": None},
    }
    assert "0 of 2" in shown.stdout
    assert json.loads(given_back.stdout)["parcels"]["quota"] is None  # this command does not know the server's settings


def test_an_invalid_quota_is_rejected_and_changes_nothing(server: Serving) -> None:
    place = ("--data-dir", str(server.data_dir))

    refused = call_waypost("account", "quota", "--account", EMAIL, "--parcels", "-1", *place)
    unknown = call_waypost("account", "quota", "--account", "nobody@example.com", *place)

    assert (refused.returncode != 0, unknown.returncode != 0) == (True, True)
    assert "parcels" in refused.stderr
    assert "is not an account's e-mail address" in unknown.stderr


def test_accounts_and_users_are_listed_with_whole_ids(server: Serving) -> None:
    place = ("--data-dir", str(server.data_dir))

    accounts = json.loads(call_waypost("account", "list", "--json", *place).stdout)
    heading, *rows = call_waypost("account", "list", *place).stdout.splitlines()
    users = json.loads(call_waypost("user", "list", "--json", *place).stdout)

    [account] = [one for one in accounts if one["email"] == EMAIL]
    [row] = [one for one in rows if EMAIL in one]
    [user] = [one for one in users if one["email"] == EMAIL]
    assert (account["email"], account["users"], account["keys"]) == (EMAIL, 1, 1)
    assert heading.split() == ["Account", "E-mail", "Name", "Created", "Users", "API", "keys"]
    assert row.split()[:2] == [account["id"], EMAIL]
    assert (user["email"], user["account"], user["role"]) == (EMAIL, EMAIL, "owner")


@pytest.mark.parametrize(
    "command",
    [
        ("account", "list"),
        ("account", "create", "--email", EMAIL, "--name", "Shop", "--password", "correct horse"),
        ("apikey", "list", "--account", EMAIL),
        ("user", "login-link", "--email", EMAIL),
        ("migrate", "--check"),
        ("trackings", "export", "--account", EMAIL),
        ("audit", "verify", "--account", EMAIL),
        ("connections", "list", "--account", EMAIL),
        ("backup", "there"),
    ],
    ids=" ".join,
)
def test_a_command_in_the_wrong_place_makes_no_second_waypost_and_names_the_running_one(
    server: Serving, tmp_path: Path, command: tuple[str, ...]
) -> None:
    nowhere = tmp_path / "nowhere"

    refused = call_waypost(*command, "--data-dir", str(nowhere))

    assert refused.returncode == 1
    assert f"There is no Waypost in {nowhere}. Running: " in refused.stderr
    assert str(server.data_dir.parent.parent) in refused.stderr or " more. " in refused.stderr
    assert not nowhere.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these classes")
def test_a_backup_that_another_program_calls_leaves_its_priority(tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)

    call_waypost("backup", "there", "--data-dir", str(tmp_path / "nowhere"))

    assert os.sched_getscheduler(0) == before


def test_deleting_an_account_lists_its_contents_first(server: Serving) -> None:
    place = ("--data-dir", str(server.data_dir))
    server.account("closing@example.com")

    asked = call_waypost("account", "delete", "--account", "closing@example.com", *place)
    deleted = run_waypost("account", "delete", "--account", "closing@example.com", "--yes", "--json", *place)
    again = call_waypost("account", "delete", "--account", "closing@example.com", "--yes", *place)

    assert (asked.returncode, asked.stdout) == (1, "")
    assert "0 parcels, 0 endpoints, 0 connections, 0 alert channels, 1 API key and 1 user. Give --yes." in asked.stderr
    assert deleted.returncode == 0, deleted.stderr
    assert json.loads(deleted.stdout) == {
        "account": "closing@example.com",
        "parcels": 0,
        "endpoints": 0,
        "connections": 0,
        "alert_channels": 0,
        "api_keys": 1,
        "users": 1,
    }
    assert "is not an account's e-mail address" in again.stderr
    assert "closing@example.com" not in call_waypost("account", "list", *place).stdout

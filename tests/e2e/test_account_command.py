"""`waypost account quota` beside a running server."""

import json
from collections.abc import Iterator

import pytest

from tests.support.commands import call_waypost
from tests.support.serving import Serving, run_waypost, serving

EMAIL = "shop@example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(WAYPOST_QUOTA_PARCELS="50") as server:
        server.start()
        server.account(EMAIL)
        yield server


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
    assert json.loads(given_back.stdout)["parcels"]["quota"] is None  # this command was not told the server's settings


def test_an_invalid_quota_is_rejected_and_changes_nothing(server: Serving) -> None:
    place = ("--data-dir", str(server.data_dir))

    refused = call_waypost("account", "quota", "--account", EMAIL, "--parcels", "-1", *place)
    unknown = call_waypost("account", "quota", "--account", "nobody@example.com", *place)

    assert (refused.returncode != 0, unknown.returncode != 0) == (True, True)
    assert "parcels" in refused.stderr
    assert "is not an account's e-mail address" in unknown.stderr

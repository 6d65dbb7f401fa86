"""A server with a full disk reports it to its operator, and `waypost incidents` lists it."""

import json

from tests.support.commands import call_waypost
from tests.support.hooks import receiving_hooks
from tests.support.serving import serving

EMAIL = "shop@example.com"


def test_a_server_posts_its_incidents_to_its_operator_and_lists_them() -> None:
    with (
        receiving_hooks() as hooks,
        serving(WAYPOST_MIN_FREE_DISK="1000000000", WAYPOST_OPERATOR_ALERT_URL=f"{hooks.url}/ok") as server,
    ):
        server.start(until_ready=False)
        (alert,) = hooks.wait_for("/ok")
        server.account(EMAIL)
        here = ("--data-dir", str(server.data_dir))
        listed = call_waypost("incidents", "--json", *here)
        shown = call_waypost("incidents", *here)
        of_account = call_waypost("incidents", "--account", EMAIL, *here)

    assert "The disk is nearly full" in json.loads(alert.body)["text"]
    subjects = {one["subject"] for one in json.loads(listed.stdout)["incidents"]}
    assert "disk" in subjects
    assert "operator disk: The disk is nearly full" in shown.stdout
    assert of_account.stdout == "No open incidents.\n"

"""The log of a complete server: every line is JSON if configured, failures are logged, and secrets never are."""

import json

from tests.support.commands import call_waypost
from tests.support.serving import serving

SECRET = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
SCAN = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Handed to Ms Meier"}
PARCEL = {"tracking_number": "PRIVATE77", "courier_code": "dhl", "create": True, "customer_name": "Erika Meier"}


def test_every_log_line_is_json_with_failures_but_no_secrets_or_customer_data() -> None:
    settings = {"WAYPOST_LOG_FORMAT": "json", "WAYPOST_LOG_LEVEL": "debug", "WAYPOST_DISPATCH_INSIDE": "off"}
    with serving(**settings) as server:
        server.start()
        shop = server.account("erika@example.com")
        endpoint = shop.post("/v1/endpoints", {"url": "http://127.0.0.1:1024/hook?token=hidden", "secret": SECRET})
        shop.post("/v1/updates", {"updates": [{**PARCEL, "checkpoints": [SCAN]}]})
        server.site("wk_live_wrong").status("/v1/endpoints")
        shop.status("/login/token-of-a-link")
        server.wait_for(lambda: "attempt_failed" in server.said())
        shop.post(f"/v1/endpoints/{endpoint['id']}/disable", {})
        at = ("--data-dir", str(server.data_dir), "--password", "correct horse")
        given = ("--email", "erika@example.com", "--account", "erika@example.com")
        refused = call_waypost("user", "create", *given, *at, WAYPOST_LOG_FORMAT="json")
        server.stop()
        said = server.said()

    assert json.loads(refused.stderr.splitlines()[-1])["message"] == "email: belongs to another user"
    lines = [json.loads(line) for line in said.splitlines()]
    events = {line["event"]: line for line in lines}
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert {
        "server_started",
        "server_stopping",
        "server_stopped",
        "access_denied",
        "endpoint_disabled",
    } <= events.keys()
    assert events["attempt_failed"]["endpoint"] == endpoint["id"]
    assert events["attempt_failed"]["process"].startswith("dispatch-")
    requests = {(line["method"], line["path"]): line for line in lines if line["event"] == "request_answered"}
    assert requests["POST", "/v1/updates"]["account"].startswith("acc_")
    assert ("GET", "/login/…") in requests
    for hidden in (SECRET, "hidden", "token-of-a-link", "wk_live", "PRIVATE77", "Meier", "erika@", "correct horse"):
        assert hidden not in said, hidden


def test_a_failed_command_reports_its_error_as_json() -> None:
    ended = call_waypost("doctor", "--data-dir", "/nowhere/at/all", WAYPOST_LOG_FORMAT="json")

    assert ended.returncode == 1
    assert [json.loads(line)["level"] for line in ended.stderr.splitlines()][-1] == "error"

"""Fills an account with data that pages have to handle: a failing endpoint, a long URL, retries, tests, skips."""

from collections.abc import Sequence

from examples.demo.site import Site
from tests.support.hooks import Hooks

CSV_EXPORT = "Order;Tracking No.;Carrier;Gift note\n1001;CSV1;DHL Express;Hello\n1002;CSV2;ups;\n1003;?;ups;\n"
LONG = "/ok/" + "very-long-path-segment/" * 85 + "x" * 5
SCANS = (
    ("2026-07-01T08:00:00", "Label created", "inforeceived001"),
    ("2026-07-02T09:10:00", "Picked up", "transit001"),
    ("2026-07-03T10:20:00", "Arrived at the hub <b>north</b>", "transit002"),
    ("2026-07-04T07:30:00", "Out for delivery", "pickup001"),
    ("2026-07-04T14:40:00", "Delivered", "delivered001"),
)
MANY = tuple((f"2026-06-{n // 24 + 1:02}T{n % 24:02}:00:00", f"Scanned, {n}", "transit002") for n in range(195))
"""With the others, as many scans as one update may contain."""


def seed(api: Site, hooks: Hooks) -> list[str]:
    """Add four endpoints and move parcels; gives the endpoints' ids: healthy, failing, long, off."""
    added = [
        api.post("/v1/endpoints", fields)
        for fields in (
            {"url": f"{hooks.url}/ok", "description": "The shop", "headers": {"x-shop": "little"}},
            {"url": f"{hooks.url}/broken", "description": "Warehouse <script>alert(1)</script>", "version": "V3"},
            {"url": f"{hooks.url}{LONG}"[:2048], "statuses": ["delivered"], "trigger": "status_change"},
            {"url": f"{hooks.url}/closed", "description": "Switched off", "version": "V2"},
        )
    ]
    healthy, failing, long, off = [str(one["id"]) for one in added]
    api.post(f"/v1/endpoints/{off}/disable", {})
    for number in range(1, 4):
        for count in range(1, len(SCANS) + 1):
            report(api, f"SEED{number:04}", count)
    report(api, "SEED0003", len(SCANS), extra=MANY)
    report(api, "SEED0004", 4)
    hooks.wait_for("/ok", 17)
    hooks.wait_for("/broken", 3)
    api.post(f"/v1/endpoints/{healthy}/test", {"status": "exception"})
    api.post(f"/v1/endpoints/{failing}/test", {"status": "delivered"})
    api.post(f"/v1/endpoints/{healthy}/rotate-secret", {})
    while api.get("/v1/deliveries?state=waiting&limit=1")["items"]:
        pass  # what came is recorded a moment later
    return [healthy, failing, long, off]


def connect_carriers(api: Site) -> list[str]:
    """Connect UPS twice, once with credentials that it does not accept; gives the ids, that one first."""
    bad = {"client_id": "me", "client_secret": "wrong"}
    fields = {"source": "ups", "name": "UPS <b>old</b>", "credentials": bad, "untested": True}
    refused = api.post("/v1/connections", fields)
    api.post("/v4/trackings/create", {"tracking_number": "1Z5R89390357567127", "courier_code": "ups"})
    connection = str(refused["id"])
    while api.get(f"/v1/connections/{connection}")["state"] == "new":
        pass  # its first parcel is polled within a second or two
    good = {"client_id": "me", "client_secret": "right"}
    works = api.post("/v1/connections", {"source": "ups", "name": "UPS, warehouse " + "x" * 60, "credentials": good})
    return [connection, str(works["id"])]


def report(api: Site, number: str, scans: int, extra: Sequence[tuple[str, str, str]] = ()) -> None:
    """Report a parcel after this number of scans, and ``extra`` ones."""
    checkpoints = [
        {
            "checkpoint_date": at,
            "tracking_detail": detail,
            "location": "Bremen, DE",
            "checkpoint_delivery_status": substatus.rstrip("0123456789"),
            "checkpoint_delivery_substatus": substatus,
        }
        for at, detail, substatus in (*SCANS[:scans], *extra)
    ]
    update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": checkpoints}
    api.post("/v1/updates", {"updates": [update]})

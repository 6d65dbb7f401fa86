"""EasyPost's own client as a second opinion: it accepts the signed samples, and reads what we read."""

from pathlib import Path

import pytest
from easypost.util import receive_event, validate_webhook

from tests.contract.test_pushes import CREDENTIALS, SAMPLES, push_of
from tests.support.carrier_cases import SHARED
from waypost.domain.inbound import Push
from waypost.sources import senders

MAIN = {
    "pre_transit": "inforeceived",
    "in_transit": "transit",
    "out_for_delivery": "pickup",
    "available_for_pickup": "pickup",
    "delivered": "delivered",
    "return_to_sender": "exception",
    "cancelled": "exception",
}
"""Our main status of each of EasyPost's that says one."""
OURS = Path(__file__).with_name("pushes") / "easypost.json"
THEIRS = SHARED / "sources" / "pushes" / "easypost.json"


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one["source"] == "easypost"])
def test_its_client_accepts_our_signature_vectors(sample: dict[str, str]) -> None:
    push = push_of(sample)

    event = validate_webhook(push.body, {"X-Hmac-Signature": push.headers["x-hmac-signature"]}, CREDENTIALS["secret"])

    assert event["object"] == "Event"


@pytest.mark.parametrize("path", [OURS, THEIRS], ids=["ours", "theirs"])
def test_its_client_reads_the_scans_that_we_read(path: Path) -> None:
    if not path.exists():
        pytest.skip("the shared data is not here")
    body, sender = path.read_bytes(), senders.find("easypost")
    assert sender is not None
    (told,) = sender.read(Push(body, {}), 1_900_000_000_000).told
    assert told.update is not None

    tracker = receive_event(body.decode()).result

    assert told.tracking_number == tracker.tracking_code
    read = [(one.tracking_detail, one.checkpoint_delivery_status) for one in told.update.checkpoints]
    assert read == [(one.message, MAIN[one.status]) for one in tracker.tracking_details]

"""The example shop from outside: over HTTP, with webhooks signed by a reference library."""

import base64
import http.client
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from examples.shop.ledger import Ledger
from examples.shop.mail import Outbox
from examples.shop.server import Shop

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
NOW = 1_790_000_000


class Visitor:
    """Talks to a shop, each request over a new connection."""

    def __init__(self, port: int, file: Path) -> None:
        self.port = port
        self.file = file

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> "Answer":
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read().decode())
        connection.close()
        return answer

    def deliver(self, body: bytes, headers: dict[str, str]) -> int:
        return self.ask("POST", "/webhooks/waypost", body, headers).status

    def ledger(self) -> Any:
        return json.loads(self.ask("GET", "/_ledger").text)


class Answer:
    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.text = text


@contextmanager
def running_shop(file: Path) -> Iterator[Visitor]:
    with Shop(0, Ledger(file, Outbox(file.parent / "outbox")), SECRET, now=lambda: NOW) as shop:
        thread = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Visitor(shop.server_port, file)
        finally:
            shop.shutdown()
            thread.join()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Visitor]:
    with running_shop(tmp_path / "shop.sqlite3") as visitor:
        yield visitor


def webhook(**changes: Any) -> bytes:
    scan = {
        "checkpoint_date": "2026-11-23T08:15:00",
        "checkpoint_delivery_status": "transit",
        "checkpoint_delivery_substatus": "transit002",
        "tracking_detail": "Arrived at hub",
        "location": "BONN",
    }
    data = {
        "id": "0193" + "0" * 28,
        "tracking_number": "JD0146",
        "courier_code": "dhl",
        "order_number": "ORD-1",
        "title": "Tea pot",
        "customer_name": "A. Buyer",
        "delivery_status": "transit",
        "substatus": "transit002",
        "latest_event": "Arrived at hub, BONN",
        "origin_info": {"trackinfo": [scan]},
    } | changes
    return json.dumps({"code": 200, "message": "Request response is successful", "data": data}).encode()


def signed(
    body: bytes, webhook_id: str = "evt_1", *, sequence: int = 1, at: int = NOW, secret: str = SECRET
) -> dict[str, str]:
    signature = Webhook(secret).sign(webhook_id, datetime.fromtimestamp(at, UTC), body.decode())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
        "waypost-sequence": str(sequence),
    }


def test_a_signed_webhook_is_stored_and_listed(shop: Visitor) -> None:
    body = webhook()

    status = shop.deliver(body, signed(body, sequence=4))

    assert status == 200
    (kept,) = shop.ledger()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", kept.pop("at"))
    assert kept == {
        "id": "evt_1",
        "verdict": "kept",
        "verified": True,
        "tracking_number": "JD0146",
        "status": "transit",
        "sequence": 4,
    }


def test_a_200_response_means_committed(shop: Visitor) -> None:
    body = webhook()

    shop.deliver(body, signed(body))

    with sqlite3.connect(shop.file) as other_process:
        assert other_process.execute("select id, verdict from webhooks").fetchall() == [("evt_1", "kept")]


@pytest.mark.parametrize(
    ("change", "age"),
    [
        ({}, 301),
        ({}, -301),
        ({"webhook-signature": ""}, 0),
        ({"webhook-signature": "v1,AAAA"}, 0),
        ({"webhook-signature": "v1,\xe4\xf6"}, 0),
        ({"webhook-id": "evt_2"}, 0),
        ({"webhook-id": ""}, 0),
        ({"webhook-id": "e" * 300}, 0),
        ({"webhook-timestamp": "soon"}, 0),
        ({"webhook-timestamp": "9" * 5000}, 0),
        ({"webhook-timestamp": str(NOW - 1)}, 0),
    ],
)
def test_a_webhook_with_a_wrong_header_is_rejected_and_not_shown(
    shop: Visitor, change: dict[str, str], age: int
) -> None:
    body = webhook()

    status = shop.deliver(body, signed(body, at=NOW - age) | change)

    assert status == 401
    (refused,) = shop.ledger()
    assert (refused["verified"], refused["tracking_number"], refused["sequence"]) == (False, None, None)
    assert shop.ask("GET", "/track/JD0146").status == 404


@pytest.mark.parametrize("age", [300, -300])
def test_clocks_may_differ_by_five_minutes(shop: Visitor, age: int) -> None:
    body = webhook()

    assert shop.deliver(body, signed(body, at=NOW - age)) == 200


def test_one_changed_byte_of_the_body_is_rejected(shop: Visitor) -> None:
    body = webhook()

    assert shop.deliver(body.replace(b"transit002", b"transit003"), signed(body)) == 401


def test_a_webhook_of_another_endpoint_is_rejected(shop: Visitor) -> None:
    body = webhook()

    assert shop.deliver(body, signed(body, secret=OTHER_SECRET)) == 401


def test_during_a_rotation_one_matching_signature_is_enough(shop: Visitor) -> None:
    body = webhook()
    old = signed(body, secret=OTHER_SECRET)["webhook-signature"]
    new = signed(body)["webhook-signature"]

    assert shop.deliver(body, signed(body) | {"webhook-signature": f"{old} {new}"}) == 200


def test_a_repeated_webhook_is_stored_once_and_answered_with_200_twice(shop: Visitor) -> None:
    body = webhook()

    statuses = [shop.deliver(body, signed(body)), shop.deliver(body, signed(body))]

    assert statuses == [200, 200]
    assert [one["verdict"] for one in shop.ledger()] == ["kept", "duplicate"]


def test_a_rejected_copy_does_not_make_the_genuine_webhook_a_duplicate(shop: Visitor) -> None:
    body = webhook()

    shop.deliver(body, signed(body, secret=OTHER_SECRET))
    shop.deliver(body, signed(body))

    assert [one["verdict"] for one in shop.ledger()] == ["refused", "kept"]


def test_a_late_webhook_does_not_revert_the_parcel(shop: Visitor) -> None:
    newer, older = webhook(delivery_status="delivered", substatus="delivered001"), webhook()

    shop.deliver(newer, signed(newer, "evt_2", sequence=2))
    shop.deliver(older, signed(older, "evt_1", sequence=1))

    assert "Delivered</h1>" in shop.ask("GET", "/track/JD0146").text


def test_a_parcel_registered_again_starts_from_scratch(shop: Visitor) -> None:
    before, after = webhook(delivery_status="expired", substatus="expired001"), webhook(id="0194" + "0" * 28)

    shop.deliver(before, signed(before, "evt_1", sequence=9))
    shop.deliver(after, signed(after, "evt_2", sequence=1))

    assert "In transit</h1>" in shop.ask("GET", "/track/JD0146").text


def mails(shop: Visitor) -> list[EmailMessage]:
    files = sorted((shop.file.parent / "outbox").iterdir())
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def test_the_customer_gets_one_mail_when_out_for_delivery_and_one_when_delivered(shop: Visitor) -> None:
    way = ("transit", "transit001"), ("pickup", "pickup001"), ("pickup", "pickup003"), ("delivered", "delivered001")
    for sequence, (status, substatus) in enumerate(way, start=1):
        body = webhook(delivery_status=status, substatus=substatus, customer_email="a@buyers.example")
        for _ in range(2):
            shop.deliver(body, signed(body, f"evt_{sequence}", sequence=sequence))

    delivered, out = mails(shop)
    assert [mail["to"] for mail in (out, delivered)] == ["a@buyers.example"] * 2
    assert out["subject"] == "Your order ORD-1 is out for delivery"
    assert delivered["subject"] == "Your order ORD-1 was delivered"
    assert f"http://127.0.0.1:{shop.port}/track/JD0146\r\n" in delivered.get_content()


def test_late_webhooks_send_no_mail_to_the_customer(shop: Visitor) -> None:
    address = {"customer_email": "a@buyers.example"}
    newer = webhook(delivery_status="delivered", substatus="delivered001", **address)
    older = webhook(delivery_status="pickup", substatus="pickup001", **address)

    shop.deliver(newer, signed(newer, "evt_2", sequence=2))
    shop.deliver(older, signed(older, "evt_1", sequence=1))

    assert [mail["subject"] for mail in mails(shop)] == ["Your order ORD-1 was delivered"]


@pytest.mark.parametrize("address", [None, "", "nobody", "a@b\r\nbcc: c@d", "a b@c", 5])
def test_without_a_valid_address_no_mail_is_sent_but_the_webhook_is_accepted(shop: Visitor, address: object) -> None:
    evil = "ORD\r\nBcc: all@customers.example"
    body = webhook(delivery_status="delivered", customer_email=address, id="../../up")
    other = webhook(delivery_status="delivered", customer_email="a@b.example", order_number=evil, id="../over")

    assert [shop.deliver(one, signed(one, f"evt_{len(one)}")) for one in (body, other)] == [200, 200]

    [mail] = mails(shop)
    assert mail["bcc"] is None
    assert mail["subject"] == "Your order ORD Bcc: all@customers.example was delivered"


def test_a_test_of_the_endpoint_is_accepted_but_shows_no_parcel(shop: Visitor) -> None:
    body = webhook(delivery_status="delivered", customer_email="a@buyers.example")

    assert shop.deliver(body, signed(body) | {"waypost-test": "true"}) == 200
    assert mails(shop) == []
    assert shop.ask("GET", "/track/JD0146").status == 404


def test_a_genuine_body_without_an_event_is_answered_with_400(shop: Visitor) -> None:
    assert shop.deliver(b"{}", signed(b"{}")) == 400


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    body = webhook()

    with running_shop(tmp_path / "shop.sqlite3") as before:
        before.deliver(body, signed(body))

    with running_shop(tmp_path / "shop.sqlite3") as after:
        after.deliver(body, signed(body))
        assert [one["verdict"] for one in after.ledger()] == ["kept", "duplicate"]


@pytest.mark.parametrize("length", ["-1", "1000000", "9" * 5000, "ten", "\u0663"])
def test_a_body_with_an_invalid_length_is_not_read(shop: Visitor, length: str) -> None:
    answer = shop.ask("POST", "/webhooks/waypost", b"", {"content-length": length.encode().decode("latin-1")})

    assert answer.status == 404
    assert shop.ledger() == []


def test_hostile_texts_are_shown_as_text(shop: Visitor) -> None:
    evil = "<script>alert(1)</script>\"'&$word ${sign}"
    scan = json.loads(webhook())["data"]["origin_info"]["trackinfo"][0] | {"tracking_detail": evil, "location": evil}
    body = webhook(
        tracking_number='A/"><B', title=evil, order_number=evil, latest_event=evil, delivery_status=evil,
        substatus=evil, origin_info={"trackinfo": [scan]},
    )  # fmt: skip
    shop.deliver(body, signed(body))

    pages = shop.ask("GET", "/").text + shop.ask("GET", "/track/A/%22%3E%3CB").text

    assert pages.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;$word ${sign}") > 4
    assert "<script" not in pages
    assert '"><B' not in pages


def test_the_track_page_shows_status_steps_and_timeline_but_no_customer(shop: Visitor) -> None:
    body = webhook()
    shop.deliver(body, signed(body))

    page = shop.ask("GET", "/track/JD0146").text

    assert "In transit</h1>" in page
    assert re.findall(r'<li class="(\w+)">([\w ]+)', page) == [
        ("done", "Info received"),
        ("done", "In transit"),
        ("open", "Out for delivery"),
        ("open", "Delivered"),
    ]
    assert "Arrived at hub" in page
    assert "BONN" in page
    assert "A. Buyer" not in page


@pytest.mark.parametrize("path", ["/", "/track/JD0146"])
def test_pages_have_no_scripts_or_external_resources_and_forbid_both(shop: Visitor, path: str) -> None:
    body = webhook()
    shop.deliver(body, signed(body))

    answer = shop.ask("GET", path)

    assert answer.status == 200
    assert "default-src 'none'; style-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script|style=|\bon\w+=|https?://|//\w", answer.text)
    assert shop.ask("GET", "/style.css").headers["content-type"] == "text/css"


def test_the_style_fits_a_phone_and_both_themes(shop: Visitor) -> None:
    style = shop.ask("GET", "/style.css").text

    assert "prefers-color-scheme: dark" in style
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"[^-]width: *\d{3,}px", style)


def test_the_shop_is_small_enough_to_copy() -> None:
    folder = Path(__file__).parents[2] / "examples" / "shop"

    lines = [line for file in folder.glob("*.py") for line in file.read_text("utf-8").splitlines() if line.strip()]

    assert len(lines) <= 200

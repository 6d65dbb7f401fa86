"""The webhooks that a receiver accepts, and the errors for all others."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.webhooks import BROUGHT, EMAIL, EVENT, NOW, OTHER_SECRET, SECRET, Hook, hook, v4_only
from waypost import receiver
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE
from waypost.receiver import (
    Check,
    MalformedPartError,
    MissingPartError,
    ReceiverError,
    RefusedWebhookError,
    UnreadableEventError,
    UntimelyWebhookError,
    UnusableSecretError,
    WrongSignatureError,
    verify,
    verify_v2,
    verify_v3,
)
from waypost.signing.standard import standard_secret

STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
SOURCE = Path(receiver.__file__).parents[2]
ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
import waypost.receiver
print(*(name for name in sys.modules if name.partition(".")[0] not in sys.stdlib_module_names | {"__main__"}))
"""


def test_importing_it_needs_only_the_standard_library():
    ran = subprocess.run(
        (sys.executable, "-I", "-S", "-c", ALONE, str(SOURCE)), capture_output=True, text=True, check=True
    )

    parts = {".".join(name.split(".")[:2]) for name in ran.stdout.split()}
    assert parts == {"waypost", "waypost.receiver", "waypost.signing"}


def test_every_public_name_exists():
    assert sorted(receiver.__all__) == sorted(set(receiver.__all__))
    assert [name for name in receiver.__all__ if not hasattr(receiver, name)] == []


@pytest.mark.parametrize("version", Version)
def test_genuine_webhooks_of_every_version_verify_with_the_endpoints_secret(version):
    sent = hook(version, sequence=7)

    event = verify(sent.body, sent.headers, SECRET, now=NOW)

    assert (event.version, event.id, event.sequence, event.status) == (version, EVENT, 7, "delivered")


@pytest.mark.parametrize(
    "shape",
    [
        lambda headers: {name.upper(): text for name, text in headers.items()},
        lambda headers: [(name.title(), text) for name, text in headers.items()],
        lambda headers: [(name.encode(), text.encode()) for name, text in headers.items()],
        lambda headers: iter(headers.items()),
        lambda headers: {name: [text] for name, text in headers.items()},
        lambda headers: {name: ["another", text] for name, text in headers.items()},
        lambda headers: {name: (text,) for name, text in headers.items()} | {"x-empty": None, "x-none": []},
        lambda headers: {name.encode(): [text.encode()] for name, text in headers.items()},
        lambda headers: [*headers.items(), ("x-empty", None)],
    ],
)
def test_headers_are_accepted_in_any_common_type(shape):
    sent = hook()

    assert verify(sent.body, shape(sent.headers), SECRET, now=NOW).id == EVENT


def test_several_secrets_are_tried_during_a_rotation():
    sent = hook(secret=OTHER_SECRET)

    assert verify(sent.body, sent.headers, [SECRET, OTHER_SECRET], now=NOW).id == EVENT
    with pytest.raises(WrongSignatureError):
        verify(sent.body, sent.headers, [SECRET, BROUGHT], now=NOW)


def test_the_machines_clock_is_the_default():
    sent = hook(at=int(datetime.now(UTC).timestamp()))

    assert verify(sent.body, sent.headers, SECRET).id == EVENT


def test_webhooks_of_trackingmore_itself_verify_with_its_secret():
    sent = v4_only(hook(secret=BROUGHT))

    event = verify(sent.body, sent.headers, BROUGHT, now=NOW)

    assert event.tracking_number == "9400100000000000000000"
    assert event.sequence is None


def test_the_official_v4_vector_verifies():
    headers = {
        "Timestamp": "1662371528",
        "Signature": "a37084ab68ae16b77db1f8463f31be9fcc965e2515e03efecf8139bb1e511b06",
    }

    assert verify(hook().body, headers, BROUGHT, now=1662371528).version == "V4"


def test_a_webhook_stripped_of_its_standard_signature_is_rejected_unless_v4_is_accepted():
    sent = v4_only(hook())
    changed = sent.body.replace(b"delivered", b"exception")

    with pytest.raises(MissingPartError, match="accept_v4") as refused:
        verify(changed, sent.headers, SECRET, now=NOW)
    assert refused.value.check is Check.SIGNATURE_MISSING
    with pytest.raises(MissingPartError):
        verify(sent.body, v4_only(hook(secret=BROUGHT)).headers, BROUGHT, accept_v4=False, now=NOW)
    assert verify(sent.body, sent.headers, SECRET, accept_v4=True, now=NOW).status == "delivered"


@pytest.mark.parametrize("left", [STANDARD[:1], STANDARD[1:2], STANDARD[2:], STANDARD[:2], STANDARD[1:]])
def test_incomplete_standard_headers_are_not_rescued_by_v4(left):
    sent = hook(secret=BROUGHT)
    headers = {name: text for name, text in sent.headers.items() if name in left or name not in STANDARD}

    with pytest.raises(MissingPartError):
        verify(sent.body, headers, BROUGHT, accept_v4=True, now=NOW)


@pytest.mark.parametrize(
    ("changes", "kind", "check"),
    [
        ({"webhook-id": ""}, MissingPartError, Check.ID_MISSING),
        ({"webhook-id": "a b"}, MalformedPartError, Check.ID_MALFORMED),
        ({"webhook-id": EVENT[:-1]}, WrongSignatureError, Check.SIGNATURE_MISMATCH),
        ({"webhook-timestamp": ""}, MissingPartError, Check.TIMESTAMP_MISSING),
        ({"webhook-timestamp": "now"}, MalformedPartError, Check.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": str(NOW - 301)}, UntimelyWebhookError, Check.TIMESTAMP_TOO_OLD),
        ({"webhook-timestamp": str(NOW + 301)}, UntimelyWebhookError, Check.TIMESTAMP_TOO_NEW),
        ({"webhook-signature": ""}, MissingPartError, Check.SIGNATURE_MISSING),
        ({"webhook-signature": "v2,abc"}, MalformedPartError, Check.SIGNATURE_MALFORMED),
        ({"webhook-signature": "v1,abc"}, WrongSignatureError, Check.SIGNATURE_MISMATCH),
    ],
)
def test_a_failed_check_is_reported_by_kind_and_name(changes, kind, check):
    sent = hook()

    with pytest.raises(kind) as refused:
        verify(sent.body, {**sent.headers, **changes}, SECRET, now=NOW)

    assert refused.value.check is check
    assert SECRET not in str(refused.value)


def test_a_webhook_without_any_of_our_headers_is_rejected():
    with pytest.raises(MissingPartError):
        verify(hook().body, {"content-type": "application/json"}, SECRET, now=NOW)


def test_the_receiver_chooses_the_tolerance():
    sent = hook()

    assert verify(sent.body, sent.headers, SECRET, tolerance=3_600, now=NOW + 3_600).id == EVENT
    with pytest.raises(UntimelyWebhookError):
        verify(sent.body, sent.headers, SECRET, tolerance=10, now=NOW + 11)


@pytest.mark.parametrize("secret", ["", "short", "whsec_!!!", [], [SECRET, ""]])
def test_an_unusable_secret_is_a_programming_error_and_not_shown(secret):
    sent = hook()

    with pytest.raises(UnusableSecretError) as refused:
        verify(sent.body, sent.headers, secret, now=NOW)

    assert "!!!" not in str(refused.value)


@given(st.data())
def test_any_change_of_body_id_timestamp_or_signature_is_rejected(data):
    sent = hook(data.draw(st.sampled_from(list(Version))), data.draw(st.sampled_from(SELECTABLE)))
    what = data.draw(st.sampled_from(("body", *STANDARD)))
    before = sent.body if what == "body" else sent.headers[what].encode()
    place = data.draw(st.integers(0, len(before) - 1))
    cut = data.draw(st.integers(place, min(len(before), place + 3)))
    put = data.draw(st.binary(max_size=3) if what == "body" else st.text("abcxyzABC0123456789+/=_., ", max_size=3))
    put = put if isinstance(put, bytes) else put.encode()
    after = before[:place] + put + before[cut:]
    assume(after.strip() != before and (what != "webhook-signature" or before not in after.split()))
    changed = Hook(after, sent.headers) if what == "body" else Hook(sent.body, {**sent.headers, what: after.decode()})

    with pytest.raises(RefusedWebhookError):
        verify(changed.body, changed.headers, SECRET, now=NOW)


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from([*STANDARD, "timestamp", "signature"]), st.text()))
def test_no_foreign_input_verifies_or_raises_another_error(body, headers):
    for take in (
        lambda: verify(body, headers, [SECRET, BROUGHT], accept_v4=True, now=NOW),
        lambda: verify_v2(body, headers, EMAIL, now=NOW),
        lambda: verify_v3(body, headers, EMAIL, now=NOW),
    ):
        with pytest.raises(ReceiverError):
            take()


@pytest.mark.parametrize("judge", [standardwebhooks.Webhook, svix.webhooks.Webhook])
@pytest.mark.parametrize("secret", [SECRET, BROUGHT])
def test_signatures_of_reference_libraries_verify(judge, secret):
    body = hook().body
    signature = judge(standard_secret(secret)).sign(EVENT, datetime.fromtimestamp(NOW, UTC), body.decode())
    headers = {"webhook-id": EVENT, "webhook-timestamp": str(NOW), "webhook-signature": signature}

    assert verify(body, headers, secret, now=NOW).id == EVENT


@pytest.mark.parametrize(
    ("check", "version", "member", "name"),
    [(verify_v2, Version.V2, "verifyInfo", "timeStr"), (verify_v3, Version.V3, "verify", "timestamp")],
)
def test_v2_and_v3_verify_only_with_the_exact_email(check, version, member, name):
    sent = hook(version, sequence=3)

    event = check(sent.body, sent.headers, EMAIL, now=NOW)

    assert (event.version, event.id, event.sequence, event.status) == (version, EVENT, 3, "delivered")
    for body, email, at, kind in (
        (sent.body, EMAIL.upper(), NOW, WrongSignatureError),
        (sent.body, EMAIL, NOW + 301, UntimelyWebhookError),
        (sent.body, "", NOW, UnusableSecretError),
        (with_member(sent.body, member, {name: NOW}), EMAIL, NOW, MissingPartError),
        (with_member(sent.body, member, {name: NOW, "signature": "0" * 64}), EMAIL, NOW, WrongSignatureError),
        (with_member(sent.body, member, {name: "soon", "signature": "0" * 64}), EMAIL, NOW, MalformedPartError),
        (with_member(sent.body, member, []), EMAIL, NOW, MissingPartError),
        (hook(Version.V4).body, EMAIL, NOW, MissingPartError),
    ):
        with pytest.raises(kind):
            check(body, {}, email, now=at)


def with_member(body, name, value):
    return json.dumps({**json.loads(body), name: value}).encode()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'{"data":[]}', b'{"data":{}}', b"[" * 100_000])
def test_a_genuine_body_without_an_event_is_told_apart_from_a_forged_one(body):
    signature = standardwebhooks.Webhook(SECRET).sign(EVENT, datetime.fromtimestamp(NOW, UTC), body.decode())
    headers = {"webhook-id": EVENT, "webhook-timestamp": str(NOW), "webhook-signature": signature}

    with pytest.raises(UnreadableEventError):
        verify(body, headers, SECRET, now=NOW)

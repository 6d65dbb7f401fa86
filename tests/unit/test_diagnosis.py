"""The diagnosis of a captured webhook, for each way in which it can be wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.signing import v2v3
from waypost.signing.diagnosis import diagnose
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
OTHER = "whsec_" + "QUFB" * 10 + "QUE="
EMAIL = "shop@example.com"
NOW = 1_772_629_200
BODY = b'{"code":200,"message":"\\u00e9","data":{"tracking_number":"A1"}}'
EVENT = "evt_019ca825fc007000800000000000cafe"


def signed(body: bytes = BODY, secret: str = SECRET, *, at: int = NOW) -> dict[str, str]:
    return dict((*v4_headers(Secrets(secret), at), *standard_headers(Secrets(secret), EVENT, at, body)))


def said(body: bytes, headers: dict[str, str], secret: str = SECRET, *, now: int = NOW) -> list[tuple[bool, str]]:
    return [(one.passed, one.text) for one in diagnose(body, headers, secret=secret, email=None, now=now)]


def test_a_genuine_webhook_passes_every_check():
    found = said(BODY, signed())

    assert len(found) == 4
    assert all(passed for passed, _ in found)


def test_an_old_webhook_is_reported_as_old_and_still_fully_checked():
    found = said(BODY, signed(), now=NOW + 3_600)

    assert [passed for passed, _ in found] == [False, True, False, True]
    assert found[0][1] == "The timestamp is 3,600 seconds old; a receiver accepts 300 at most."


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (BODY + b"\n", "without the white space around it"),
        (json.dumps(json.loads(BODY)).encode(), "parsed and written again"),
        (json.dumps(json.loads(BODY), ensure_ascii=False, separators=(",", ":")).encode(), "parsed and written again"),
        (BODY.replace(b"A1", b"A2"), "the body or the id was changed"),
    ],
)
def test_a_changed_body_is_reported_with_the_kind_of_change(body, words):
    passed, text = said(body, signed())[1]

    assert not passed
    assert words in text


def test_a_wrong_secret_is_told_apart_from_a_changed_body():
    assert "different secret" in said(BODY, signed(secret=OTHER))[1][1]


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name):
    headers = signed()
    del headers[name]

    assert said(BODY, headers)[0] == (False, f"The header {name} is missing.")


def test_an_invalid_secret_is_reported_before_anything_is_compared():
    assert said(BODY, signed(), "short")[0] == (False, "The secret has fewer than 16 characters.")


@pytest.mark.parametrize(
    ("version", "member", "name"), [("V3", "verify", "timestamp"), ("V2", "verifyInfo", "timeStr")]
)
def test_v2_and_v3_are_checked_with_the_email(version, member, name):
    body = json.dumps({"data": {}, member: {name: NOW, "signature": v2v3.sign(NOW, EMAIL)}}).encode()

    right = diagnose(body, {}, secret=None, email=EMAIL, now=NOW)
    wrong = diagnose(body, {}, secret=None, email="SHOP@example.com", now=NOW)

    assert [one.about for one in right] == [f"TrackingMore {version}"] * 2
    assert [one.passed for one in right] == [True, True]
    assert [one.passed for one in wrong] == [True, False]


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(sorted(signed())), st.text(max_size=80)), st.text())
def test_no_pasted_text_breaks_the_diagnosis(body, headers, secret):
    for one in diagnose(body, headers, secret=secret, email=secret, now=NOW):
        assert one.text

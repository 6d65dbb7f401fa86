import base64
import json
import time
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from waypost.signing import standard
from waypost.signing.errors import Check, InvalidSecret, VerificationError

ID = "evt_019ca8695000700080000000000000ff"
NOW = 1_700_000_000
BODY = b'{"code":200,"data":{"note":"na\\u00efve"}}'
OURS = standard.make_secret(bytes(range(32)))
BROUGHT = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
JUDGES = [standardwebhooks.Webhook, svix.webhooks.Webhook]

secrets = st.one_of(
    st.binary(min_size=32, max_size=32).map(standard.make_secret),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=16, max_size=128).filter(
        lambda text: not text.startswith(standard.PREFIX) and text == text.strip()
    ),
)


def verify(*, message_id=ID, timestamp=str(NOW), signatures=None, body=BODY, key=None, now=NOW):
    key = standard.key_of(OURS) if key is None else key
    standard.verify(message_id, timestamp, signatures, body, key, now=now)


def signed(secret=OURS, *, timestamp=NOW, body=BODY):
    return standard.sign(ID, timestamp, body, standard.key_of(secret))


def test_a_generated_secret_is_the_base64_of_its_random_bytes():
    secret = standard.make_secret(bytes(range(32)))

    assert secret == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert standard.key_of(secret) == bytes(range(32))
    assert standard.standard_secret(secret) == secret


def test_a_generated_secret_requires_exactly_32_bytes():
    with pytest.raises(ValueError, match="32 random bytes"):
        standard.make_secret(b"short")


def test_an_imported_secret_signs_with_its_own_bytes():
    key = standard.key_of(BROUGHT)

    assert key == BROUGHT.encode()
    assert standard.standard_secret(BROUGHT) == "whsec_" + base64.b64encode(BROUGHT.encode()).decode()


@given(secrets)
def test_both_forms_of_a_secret_give_the_same_key(secret):
    standard.check_secret(secret)

    assert standard.key_of(standard.standard_secret(secret)) == standard.key_of(secret)


@given(st.binary(min_size=16, max_size=90))
def test_an_imported_secret_in_standard_form_is_kept(key):
    secret = "whsec_" + base64.b64encode(key).decode()

    standard.check_secret(secret)

    assert standard.key_of(secret) == key
    assert standard.standard_secret(secret) == secret


@pytest.mark.parametrize("length", [16, 128])
def test_an_imported_secret_may_have_16_to_128_characters(length):
    standard.check_secret("x" * length)


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "fewer than 16"),
        ("x" * 15, "fewer than 16"),
        ("x" * 129, "more than 128"),
        ("x" * 20 + "\u00e4", "printable ASCII"),
        ("x" * 20 + "\n" + "x", "printable ASCII"),
        ("x" * 20 + "\x7f", "printable ASCII"),
        (" " + "x" * 20, "white space at one end"),
        ("x" * 20 + " ", "white space at one end"),
        ("v1," + OURS, "must begin with whsec_"),
        ("v1, " + OURS, "must begin with whsec_"),
        (OURS.replace("whsec_", "WHSEC_"), "must begin with whsec_"),
        ("whsec_not base64 at all!", "base64"),
        ("whsec_" + base64.b64encode(b"x" * 15).decode(), "base64 of at least 16 bytes"),
        (OURS.removesuffix("="), "base64"),
        (OURS[:-2] + "9=", "base64"),
        (OURS.replace("whsec_", "whsec_-_"), "base64"),
    ],
)
def test_an_unusable_secret_is_rejected_with_the_reason_but_not_shown(secret, reason):
    with pytest.raises(InvalidSecret, match=reason) as refused:
        standard.check_secret(secret)

    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize("judge", JUDGES)
@given(secret=secrets, document=st.dictionaries(st.text(max_size=5), st.text(max_size=20)))
def test_reference_libraries_verify_our_signatures(judge, secret, document):
    body = json.dumps(document).encode()
    timestamp = int(time.time())
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signed(secret, timestamp=timestamp, body=body),
    }

    judge(standard.standard_secret(secret)).verify(body, headers)


@pytest.mark.parametrize("judge", JUDGES)
def test_reference_libraries_reject_a_changed_body(judge):
    timestamp = int(time.time())
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signed(timestamp=timestamp, body=BODY),
    }

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        judge(OURS).verify(BODY.replace(b"200", b"201"), headers)


@pytest.mark.parametrize("judge", JUDGES)
@given(secret=secrets, body=st.text(st.characters(exclude_categories=["Cs"])))
def test_we_verify_signatures_of_reference_libraries(judge, secret, body):
    signature = judge(standard.standard_secret(secret)).sign(ID, datetime.fromtimestamp(NOW, UTC), body)

    verify(signatures=signature, body=body.encode(), key=standard.key_of(secret))


@given(secret=secrets, body=st.binary(max_size=200))
def test_any_signed_bytes_verify(secret, body):
    verify(signatures=signed(secret, body=body), body=body, key=standard.key_of(secret))


def test_one_matching_signature_among_several_is_enough():
    other = signed(BROUGHT)

    verify(signatures=f"v1a,xyz  {other} junk v1, {signed()}")


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"message_id": None}, Check.ID_MISSING),
        ({"message_id": ""}, Check.ID_MISSING),
        ({"message_id": "evt 1"}, Check.ID_MALFORMED),
        ({"message_id": "evt_\ud800"}, Check.ID_MALFORMED),
        ({"message_id": "x" * 257}, Check.ID_MALFORMED),
        ({"message_id": ID[:-1]}, Check.SIGNATURE_MISMATCH),
        ({"timestamp": None}, Check.TIMESTAMP_MISSING),
        ({"timestamp": "1700000000.5"}, Check.TIMESTAMP_MALFORMED),
        ({"timestamp": str(NOW + 1)}, Check.SIGNATURE_MISMATCH),
        ({"now": NOW + 301}, Check.TIMESTAMP_TOO_OLD),
        ({"now": NOW - 301}, Check.TIMESTAMP_TOO_NEW),
        ({"signatures": None}, Check.SIGNATURE_MISSING),
        ({"signatures": ""}, Check.SIGNATURE_MISSING),
        ({"signatures": "v1a,xyz"}, Check.SIGNATURE_MALFORMED),
        ({"signatures": "v1,\u00e9\ud800"}, Check.SIGNATURE_MALFORMED),
        ({"signatures": signed()[:-1]}, Check.SIGNATURE_MISMATCH),
        ({"signatures": signed()[:10]}, Check.SIGNATURE_MISMATCH),
        ({"signatures": "v1,"}, Check.SIGNATURE_MISMATCH),
        ({"body": BODY + b"\n"}, Check.SIGNATURE_MISMATCH),
        ({"key": standard.key_of(BROUGHT)}, Check.SIGNATURE_MISMATCH),
    ],
)
def test_each_mismatch_is_rejected_by_name(changed, check):
    with pytest.raises(VerificationError) as refused:
        verify(**{"signatures": signed(), **changed})

    assert refused.value.check is check

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.signing import v2v3, v4
from waypost.signing.errors import Check, VerificationError

SECRET = "00000000-1111-2222-3333-444444444444"
NOW = 1_700_000_000
SIGNATURE = "eb525631873f32ac305b968b4b31d722d126c24eba94f061fc86aaa057352aca"


@pytest.mark.parametrize(
    ("secret", "timestamp", "signature"),
    [
        (
            "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f",
            1662371528,
            "a37084ab68ae16b77db1f8463f31be9fcc965e2515e03efecf8139bb1e511b06",
        ),
        (SECRET, NOW, SIGNATURE),
    ],
)
def test_v4_signs_the_known_vectors(secret, timestamp, signature):
    assert v4.sign(timestamp, secret) == signature


@pytest.mark.parametrize(
    ("email", "timestamp", "signature"),
    [
        ("info@trackingmore.org", 1653632765, "0d90bb874fed0b056d8b3aa794529ebacd49932a0cea691629b63eaf2ca9d400"),
        ("ops@example.test", NOW, "86b6b97c9cdeb2e07d7d79129995410fcc12b2b5dbc5e7477b7ec19274e0de99"),
    ],
)
def test_v2_and_v3_sign_the_known_vectors(email, timestamp, signature):
    assert v2v3.sign(timestamp, email) == signature


@given(st.integers(0, 10**11), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_v4_signature_is_the_hmac_of_the_timestamp_with_the_secrets_text(timestamp, secret):
    signature = v4.sign(timestamp, secret)

    assert signature == hmac.new(secret.encode(), str(timestamp).encode(), hashlib.sha256).hexdigest()


@given(st.integers(0, 10**11), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_signed_webhooks_verify(timestamp, key):
    v4.verify(str(timestamp), v4.sign(timestamp, key), key, now=timestamp)
    v2v3.verify(timestamp, v2v3.sign(timestamp, key), key, now=timestamp)
    v2v3.verify(str(timestamp), v2v3.sign(timestamp, key), key, now=timestamp)


@pytest.mark.parametrize("age", [-300, 0, 300])
def test_a_timestamp_within_the_tolerance_is_accepted(age):
    v4.verify(str(NOW), SIGNATURE, SECRET, now=NOW + age, tolerance=300)


@pytest.mark.parametrize(
    ("timestamp", "check"),
    [
        (None, Check.TIMESTAMP_MISSING),
        ("", Check.TIMESTAMP_MISSING),
        ("now", Check.TIMESTAMP_MALFORMED),
        ("1700000000.0", Check.TIMESTAMP_MALFORMED),
        ("+1700000000", Check.TIMESTAMP_MALFORMED),
        ("01700000000", Check.TIMESTAMP_MALFORMED),
        (" 1700000000", Check.TIMESTAMP_MALFORMED),
        ("1700000000\n", Check.TIMESTAMP_MALFORMED),
        ("\u0661700000000", Check.TIMESTAMP_MALFORMED),
        ("1" * 5000, Check.TIMESTAMP_MALFORMED),
        (str(NOW - 301), Check.TIMESTAMP_TOO_OLD),
        (str(NOW + 301), Check.TIMESTAMP_TOO_NEW),
    ],
)
def test_an_implausible_timestamp_is_rejected_by_name(timestamp, check):
    with pytest.raises(VerificationError) as refused:
        v4.verify(timestamp, SIGNATURE, SECRET, now=NOW, tolerance=300)

    assert refused.value.check is check


@pytest.mark.parametrize(
    ("signature", "check"),
    [
        (None, Check.SIGNATURE_MISSING),
        ("", Check.SIGNATURE_MISSING),
        (SIGNATURE.upper(), Check.SIGNATURE_MALFORMED),
        (SIGNATURE[:-1], Check.SIGNATURE_MALFORMED),
        (SIGNATURE + "0", Check.SIGNATURE_MALFORMED),
        (SIGNATURE + "\n", Check.SIGNATURE_MALFORMED),
        ("\u0661" * 64, Check.SIGNATURE_MALFORMED),
        ("0" * 64, Check.SIGNATURE_MISMATCH),
    ],
)
def test_a_signature_that_does_not_match_is_rejected_by_name(signature, check):
    with pytest.raises(VerificationError) as refused:
        v4.verify(str(NOW), signature, SECRET, now=NOW)

    assert refused.value.check is check


def test_a_signature_with_another_secret_is_rejected():
    signature = v4.sign(NOW, SECRET + "x")

    with pytest.raises(VerificationError) as refused:
        v4.verify(str(NOW), signature, SECRET, now=NOW)

    assert refused.value.check is Check.SIGNATURE_MISMATCH


@pytest.mark.parametrize("timestamp", [True, 1.7e9, [], {}, -1, 10**12, pytest.param(10**5000, id="huge")])
def test_a_body_with_an_invalid_timestamp_is_rejected(timestamp):
    with pytest.raises(VerificationError) as refused:
        v2v3.verify(timestamp, SIGNATURE, "ops@example.test", now=NOW)

    assert refused.value.check is Check.TIMESTAMP_MALFORMED


@pytest.mark.parametrize("signature", [True, 5, [], {"signature": SIGNATURE}])
def test_a_body_whose_signature_is_not_text_is_rejected(signature):
    with pytest.raises(VerificationError) as refused:
        v2v3.verify(NOW, signature, "ops@example.test", now=NOW)

    assert refused.value.check is Check.SIGNATURE_MALFORMED

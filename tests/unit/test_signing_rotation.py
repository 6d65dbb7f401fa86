import time

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from waypost.signing import standard, v4
from waypost.signing.errors import InvalidSecret
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

ID = "evt_019ca8695000700080000000000000ff"
BODY = b'{"code":200}'
OLD = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
NEW = standard.make_secret(bytes(range(32)))
UNTIL = 1_700_000_000


def test_without_a_rotation_every_signature_uses_the_only_secret():
    secrets = Secrets(NEW)

    lines = v4_headers(secrets, UNTIL) + standard_headers(secrets, ID, UNTIL, BODY)

    assert lines == (
        ("timestamp", str(UNTIL)),
        ("signature", v4.sign(UNTIL, NEW)),
        ("webhook-id", ID),
        ("webhook-timestamp", str(UNTIL)),
        ("webhook-signature", standard.sign(ID, UNTIL, BODY, standard.key_of(NEW))),
    )


def test_during_the_overlap_v4_signs_with_the_previous_secret():
    lines = v4_headers(Secrets(NEW, OLD, UNTIL), UNTIL - 1)

    assert lines == (("timestamp", str(UNTIL - 1)), ("signature", v4.sign(UNTIL - 1, OLD)))


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_during_the_overlap_either_secret_verifies(secret):
    now = int(time.time())
    headers = dict(standard_headers(Secrets(NEW, OLD, now + 60), ID, now, BODY))

    standardwebhooks.Webhook(standard.standard_secret(secret)).verify(BODY, headers)


def test_both_signatures_share_one_header_current_secret_first():
    lines = dict(standard_headers(Secrets(NEW, OLD, UNTIL), ID, UNTIL - 1, BODY))

    expected = [standard.sign(ID, UNTIL - 1, BODY, standard.key_of(secret)) for secret in (NEW, OLD)]
    assert lines["webhook-signature"] == " ".join(expected)


@given(st.integers(0, 10**6))
def test_after_the_overlap_the_previous_secret_signs_nothing(later):
    timestamp = UNTIL + later
    rotated, settled = Secrets(NEW, OLD, UNTIL), Secrets(NEW)

    assert v4_headers(rotated, timestamp) == v4_headers(settled, timestamp)
    assert standard_headers(rotated, ID, timestamp, BODY) == standard_headers(settled, ID, timestamp, BODY)


def test_secrets_are_hidden_in_their_repr():
    shown = repr(Secrets(NEW, OLD, UNTIL))

    assert NEW not in shown
    assert OLD not in shown


def test_a_secret_without_a_key_is_rejected_instead_of_used():
    with pytest.raises(InvalidSecret):
        standard_headers(Secrets(""), ID, UNTIL, BODY)

"""Which passwords users may have."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from waypost.domain.accounts import check_password
from waypost.domain.errors import InvalidInput
from waypost.portal.logins import hash_of_nobody


@pytest.mark.parametrize("common", ["password", "12345678", "qwertyuiop", "Iloveyou", "PASSWORD", "letmein1"])
def test_the_most_common_passwords_are_rejected_with_the_reason(common):
    with pytest.raises(InvalidInput, match="most common passwords"):
        check_password(common)


def test_at_least_twenty_thousand_passwords_are_known_as_common():
    from waypost.domain.accounts import _common_passwords  # noqa: PLC0415 - the list itself, of no other use

    assert len(_common_passwords()) >= 20_000


@pytest.mark.parametrize("other", ["correct horse", "x7#kkQ2z", "a password"])
def test_other_passwords_are_accepted(other):
    assert check_password(other) == other


@pytest.mark.parametrize("hasher", [PasswordHasher(), PasswordHasher(time_cost=1, memory_cost=64, hash_len=16)])
def test_the_hash_for_unknown_addresses_costs_as_much_as_any_and_fits_no_password(hasher: PasswordHasher) -> None:
    nobody = hash_of_nobody(hasher)

    assert extract_parameters(nobody) == extract_parameters(hasher.hash("a password"))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nobody, "nobody has this password")

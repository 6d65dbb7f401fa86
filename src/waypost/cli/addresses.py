"""E-mail addresses by which commands name accounts and users that are there."""

from typing import Final

from waypost.domain.accounts import may_be_email
from waypost.domain.errors import InvalidInput

NO_ACCOUNT: Final = "is no account's e-mail address: see `waypost account create --help`"


def known_address(field: str, text: str, otherwise: str) -> str:
    """Give an address without spaces around it; InvalidInput ``otherwise`` for what nobody here can have."""
    email = text.strip()
    if not may_be_email(email):
        raise InvalidInput(field, otherwise)
    return email

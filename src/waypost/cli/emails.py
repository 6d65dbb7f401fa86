"""E-mail addresses by which commands name accounts and users that are there."""

from typing import Final
from uuid import UUID

from waypost.domain.accounts import may_be_email
from waypost.domain.errors import InvalidInput
from waypost.store.accounts import find_account
from waypost.store.statements import Session

NO_ACCOUNT: Final = "is not an account's e-mail address: see `waypost account create --help`"


def known_address(field: str, text: str, otherwise: str) -> str:
    """Give an address without spaces around it; InvalidInput ``otherwise`` for what nobody here can have."""
    email = text.strip()
    if not may_be_email(email):
        raise InvalidInput(field, otherwise)
    return email


async def account_of(session: Session, email: str) -> UUID:
    """Give the account that a command names by its address; InvalidInput when there is none."""
    account = await find_account(session, known_address("account", email, NO_ACCOUNT))
    if account is None:
        raise InvalidInput("account", NO_ACCOUNT)
    return account

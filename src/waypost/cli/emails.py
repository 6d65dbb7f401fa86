"""Accounts and users, as commands name them: by e-mail address."""

from typing import Final

from waypost.actions.actor import Actor, operator
from waypost.domain.accounts import may_be_email
from waypost.domain.errors import InvalidInput
from waypost.store.accounts import Visitor, find_account, find_login, find_visitor
from waypost.store.database import Database

_NO_ACCOUNT: Final = "is not an account's e-mail address: `waypost account list` shows them"
_NO_USER: Final = "is not a user's e-mail address: `waypost user list` shows them"


async def operator_for(database: Database, email: str) -> Actor:
    """Return the operator, acting for the account with this e-mail address. Raise InvalidInput if there is none."""
    if may_be_email(email.strip()):
        async with database.serving.acquire() as session:
            account = await find_account(session, email.strip())
        if account is not None:
            return operator(account)
    raise InvalidInput("account", _NO_ACCOUNT)


async def known_user(database: Database, email: str) -> Visitor:
    """Return the user with this e-mail address, and the account. Raise InvalidInput if there is none."""
    if may_be_email(email.strip()):
        async with database.serving.acquire() as session:
            login = await find_login(session, email.strip())
            visitor = None if login is None else await find_visitor(session, login.id)
        if visitor is not None:
            return visitor
    raise InvalidInput("email", _NO_USER)

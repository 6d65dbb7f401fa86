"""Links in mail, read."""

from uuid import UUID

import msgspec

from waypost.store.statements import Session, fetch_one


class MailLink(msgspec.Struct, frozen=True):
    """A link that was not used yet. It confirms ``new_email``, or without one lets its user choose a password."""

    account_user: UUID
    account: UUID
    user_email: str
    new_email: str | None


class AddressedUser(msgspec.Struct, frozen=True):
    """The user who signs in with an address, and the name of the account."""

    id: UUID
    account: UUID
    email: str
    shop: str


async def find(session: Session, digest: bytes) -> MailLink | None:
    """Return a link by its digest; None if it was used, has expired, or never existed."""
    row = await fetch_one(session, "find_mail_link", digest)
    return None if row is None else MailLink(**row)


async def user_of_address(session: Session, email: str) -> AddressedUser | None:
    """Return the user who signs in with an address."""
    row = await fetch_one(session, "user_of_address", email)
    return None if row is None else AddressedUser(**row)

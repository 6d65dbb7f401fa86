"""Mail for one person with one thing to do: what it says, and how long its link works."""

from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

PASSWORD_LINK: Final = timedelta(hours=1)
INVITATION_LINK: Final = timedelta(days=7)
ADDRESS_LINK: Final = timedelta(hours=24)
TOKEN_BYTES: Final = 32
MOST_LINKS: Final = 3
"""How many links of a user can wait at a time, so that nobody's mailbox is flooded with them."""

SENT_WITHIN: Final = timedelta(days=1)
"""How long a letter without a link that expires is retried."""


class Purpose(StrEnum):
    """What a letter is for."""

    INVITATION = "invitation"
    LOST_PASSWORD = "lost_password"  # noqa: S105 - the word is no secret
    NEW_ADDRESS = "new_address"
    ADDRESS_CHANGED = "address_changed"


class LetterState(StrEnum):
    """The state of a letter. It has ``failed`` if it was given up."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Letter(msgspec.Struct, frozen=True):
    """A mail: ``action`` names the link, and ``why`` says why the reader gets it.

    Without a link it is the request for a letter that has one.
    """

    purpose: Purpose
    to: str
    title: str
    text: str
    link: str
    action: str
    why: str


def invitation(to: str, *, shop: str, inviter: str, link: str) -> Letter:
    """Return the mail to a new user of an account."""
    return Letter(
        Purpose.INVITATION,
        to,
        f"You are invited to {_one_line(shop)} on Waypost",
        f"{inviter} has added you to the account {_one_line(shop)}. Choose a password to sign in. The link works for 7"
        " days, once.",
        link,
        "Choose a password",
        "If you don't know why you got this, ignore it: without a password nobody can sign in with this address.",
    )


def lost_password(to: str, *, link: str) -> Letter:
    """Return the mail to a user who has lost the password."""
    return Letter(
        Purpose.LOST_PASSWORD,
        to,
        "Choose a new Waypost password",
        "Somebody asked for a new password for this address. The link works for an hour, once. Choosing a password ends"
        " all sessions.",
        link,
        "Choose a new password",
        "If it was not you, ignore this: your password stays as it is.",
    )


def new_address(to: str, *, link: str) -> Letter:
    """Return the mail to an address that a user wants to sign in with."""
    return Letter(
        Purpose.NEW_ADDRESS,
        to,
        "Confirm your new Waypost address",
        "A user of Waypost wants to sign in with this address from now on. The link works for a day, once.",
        link,
        "Confirm this address",
        "If it was not you, ignore this: nothing changes.",
    )


def address_changed(to: str, *, new: str, link: str) -> Letter:
    """Return the mail to the address that a user signed in with before."""
    return Letter(
        Purpose.ADDRESS_CHANGED,
        to,
        "Your Waypost address was changed",
        f"You sign in with {new} from now on, and no longer with this address.",
        link,
        "Sign in",
        "If it was not you, ask an owner of the account or the operator of the server for help at once.",
    )


def request_for_password(to: str) -> Letter:
    """Return the request for ``lost_password``: whether the address is a user's is found out before it is sent."""
    return Letter(Purpose.LOST_PASSWORD, to, "", "", "", "", "")


def digest_of(token: str) -> bytes:
    """Return what is stored of a link's token."""
    return sha256(token.encode()).digest()


def _one_line(text: str) -> str:
    return " ".join(text.split())

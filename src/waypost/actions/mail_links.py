"""Actions by links in mail: choose a password after an invitation or a loss, confirm a new address.

A link works once and for a limited time; only its digest is stored. Each function raises Conflict without a mail
server, NotFound for a link that does not work, and Invalid for invalid values.
"""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from waypost.actions import users
from waypost.actions.actor import Actor, note
from waypost.actions.context import Context, Mailing
from waypost.actions.refusals import Conflict, Fault, Invalid, checking, present
from waypost.domain import letters
from waypost.domain.accounts import check_email, may_be_email
from waypost.domain.audit import Action
from waypost.domain.letters import ADDRESS_LINK, INVITATION_LINK, MOST_LINKS, PASSWORD_LINK
from waypost.store import mail_link_changes, mail_links, user_changes
from waypost.store.accounts import AccountExists
from waypost.store.mail_links import AddressedUser, MailLink
from waypost.store.statements import Session, transaction

NO_PASSWORD: Final = "!"  # noqa: S105 - no hash looks like this, so no password matches
_TOKEN_BYTES: Final = 32
_LONGEST_TOKEN: Final = 100
_TAKEN: Final = Fault("email", "belongs to another user")


async def invite(context: Context, actor: Actor, *, email: str, role: str) -> str | None:
    """Add a user without a password and mail a link to choose one.

    Return None, or why the mail was not accepted: the user can ask for another link on the sign-in page.
    """
    mailing = _mailing(context)
    with checking():
        email = check_email(email)
    await users.add(context, actor, email=email, password_hash=NO_PASSWORD, role=role)
    async with context.database.serving.acquire() as session:
        invited = present(await mail_links.user_of_address(session, email))
        link = await _password_link(session, mailing, invited, INVITATION_LINK)
    return await mailing.send(letters.invitation(email, shop=invited.shop, inviter=actor.name, link=link))


async def send_password_link(context: Context, email: str) -> None:
    """Mail a link to choose a new password, if a user has this address and not too many links already.

    The caller can't see which: call it after the response.
    """
    mailing = _mailing(context)
    if not may_be_email(email):
        return
    async with context.database.serving.acquire() as session:
        user = await mail_links.user_of_address(session, email)
        if user is None:
            return
        try:
            link = await _password_link(session, mailing, user, PASSWORD_LINK)
        except Conflict:
            return
    await mailing.send(letters.lost_password(user.email, link=link))


async def find(context: Context, token: str, *, confirms_address: bool) -> MailLink:
    """Return a link of one of the two purposes that works."""
    async with context.database.serving.acquire() as session:
        return await _found(session, token, confirms_address=confirms_address)


async def choose_password(context: Context, token: str, password_hash: str, *, address: str) -> str:
    """Set the password of a link's user, end all sessions and links, and return the user's e-mail address."""
    async with context.database.serving.acquire() as session, transaction(session):
        link = await _found(session, token, confirms_address=False)
        if not await mail_link_changes.delete_mail_link(session, _digest(token)):
            present(None)
        await user_changes.update_password(session, link.account, link.user_email, password_hash)
        await mail_link_changes.delete_mail_links_of(session, link.account_user)
        actor = Actor(link.account, link.user_email, address)
        await note(session, actor, Action.PASSWORD_CHANGED, link.user_email, {"by": (None, "link in mail")})
    return link.user_email


async def ask_for_address(context: Context, user: UUID, email: str) -> str | None:
    """Mail a link to the address that a user wants to sign in with. Return None, or why the mail was not accepted."""
    mailing = _mailing(context)
    with checking():
        email = check_email(email)
    async with context.database.serving.acquire() as session:
        if await mail_links.user_of_address(session, email) is not None:
            raise Invalid([_TAKEN])
        token = await _insert(session, user, email, ADDRESS_LINK)
    return await mailing.send(letters.new_address(email, link=f"{mailing.origin}/address/{token}"))


async def confirm_address(context: Context, token: str, *, address: str) -> MailLink:
    """Change the address that a link's user signs in with, and report it to the old one."""
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                link = await _found(session, token, confirms_address=True)
                new = str(link.new_email)
                if not await mail_link_changes.delete_mail_link(session, _digest(token)):
                    present(None)
                await mail_link_changes.update_address(session, link.account_user, link.user_email, new)
                await mail_link_changes.delete_mail_links_of(session, link.account_user)
                actor = Actor(link.account, link.user_email, address)
                changed = {"email": (link.user_email, new)}
                await note(session, actor, Action.ADDRESS_CHANGED, new, dict(changed))
        except AccountExists as error:
            raise Invalid([_TAKEN]) from error
    if context.mailing is not None:
        sign_in = f"{context.mailing.origin}/login"
        await context.mailing.send(letters.address_changed(link.user_email, new=new, link=sign_in))
    return link


def _mailing(context: Context) -> Mailing:
    if context.mailing is None:
        raise Conflict(
            "mail_unavailable",
            "This server sends no mail. Its operator can set WAYPOST_SMTP_URL and WAYPOST_PUBLIC_URL.",
        )
    return context.mailing


async def _password_link(session: Session, mailing: Mailing, user: AddressedUser, works_for: timedelta) -> str:
    token = await _insert(session, user.id, None, works_for)
    return f"{mailing.origin}/password/{token}"


async def _insert(session: Session, user: UUID, email: str | None, works_for: timedelta) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    added = await mail_link_changes.insert_mail_link(
        session, _digest(token), user, email, works_for=works_for, most=MOST_LINKS
    )
    if not added:
        message = f"{MOST_LINKS} links were mailed already and still work. Use one of them, or wait."
        raise Conflict("too_many_links", message)
    return token


async def _found(session: Session, token: str, *, confirms_address: bool) -> MailLink:
    link = None if len(token) > _LONGEST_TOKEN else await mail_links.find(session, _digest(token))
    if link is not None and (link.new_email is not None) != confirms_address:
        link = None
    return present(link)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()

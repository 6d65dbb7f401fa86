"""Actions by links in mail: choose a password after an invitation or a loss, confirm a new address.

A link works once and for a limited time; only its digest is stored. Its letter is written in the same transaction, and
sent by ``alerts``. Each function raises Conflict without a mail server, NotFound for a link that does not work, and
Invalid for invalid values.
"""

import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from waypost.actions import users
from waypost.actions.actor import Actor, note
from waypost.actions.context import Context, Mailing
from waypost.actions.refusals import Conflict, Fault, Invalid, checking, present
from waypost.domain import letters
from waypost.domain.accounts import check_email, may_be_email
from waypost.domain.audit import Action
from waypost.domain.letters import (
    ADDRESS_LINK,
    INVITATION_LINK,
    MOST_LINKS,
    PASSWORD_LINK,
    SENT_WITHIN,
    TOKEN_BYTES,
    digest_of,
)
from waypost.store import letter_changes, mail_link_changes, mail_links, user_changes
from waypost.store import letters as letter_rows
from waypost.store.accounts import AccountExists
from waypost.store.letters import UndeliveredLetter
from waypost.store.mail_links import MailLink
from waypost.store.statements import Session, transaction

NO_PASSWORD: Final = "!"  # noqa: S105 - no hash looks like this, so no password matches
_LONGEST_TOKEN: Final = 100
_TAKEN: Final = Fault("email", "belongs to another user")


async def invite(context: Context, actor: Actor, *, email: str, role: str) -> None:
    """Add a user without a password, and mail a link to choose one."""
    mailing = _mailing(context)
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                user = await users.insert(session, actor, email=email, password_hash=NO_PASSWORD, role=role)
                invited = present(await mail_links.user_of_address(session, email.strip()))
                token = await _insert(session, user, None, INVITATION_LINK)
                letter = letters.invitation(
                    invited.email, shop=invited.shop, inviter=actor.name, link=f"{mailing.origin}/password/{token}"
                )
                await letter_changes.insert_letter(
                    session, context.vault, letter, account=actor.account, user=user, works_for=INVITATION_LINK
                )
        except AccountExists as error:
            raise Invalid([_TAKEN]) from error


async def ask_for_password(context: Context, email: str) -> None:
    """Have a link to choose a new password mailed, if a user has this address and not too many links already.

    Whether that is so is found out when the letter is sent: neither the response nor its timing shows it.
    """
    _mailing(context)
    if not may_be_email(email):
        return
    async with context.database.serving.acquire() as session:
        request = letters.request_for_password(email)
        await letter_changes.insert_letter(
            session, context.vault, request, account=None, user=None, works_for=PASSWORD_LINK
        )


async def undelivered(context: Context, actor: Actor, *, user: UUID | None) -> list[UndeliveredLetter]:
    """Return the account's letters that no mail server has accepted, or those of one user, newest first."""
    async with context.database.serving.acquire() as session:
        return await letter_rows.undelivered(session, actor.account, user=user)


async def find(context: Context, token: str, *, confirms_address: bool) -> MailLink:
    """Return a link of one of the two purposes that works."""
    async with context.database.serving.acquire() as session:
        return await _found(session, token, confirms_address=confirms_address)


async def choose_password(context: Context, token: str, password_hash: str, *, address: str) -> str:
    """Set the password of a link's user, end all sessions and links, and return the user's e-mail address."""
    async with context.database.serving.acquire() as session, transaction(session):
        link = await _found(session, token, confirms_address=False)
        if not await mail_link_changes.delete_mail_link(session, digest_of(token)):
            present(None)
        await user_changes.update_password(session, link.account, link.user_email, password_hash)
        await mail_link_changes.delete_mail_links_of(session, link.account_user)
        actor = Actor(link.account, link.user_email, address)
        await note(session, actor, Action.PASSWORD_CHANGED, link.user_email, {"by": (None, "link in mail")})
    return link.user_email


async def ask_for_address(context: Context, actor: Actor, user: UUID, email: str) -> None:
    """Mail a link to the address that a user wants to sign in with."""
    mailing = _mailing(context)
    with checking():
        email = check_email(email)
    async with context.database.serving.acquire() as session, transaction(session):
        if await mail_links.user_of_address(session, email) is not None:
            raise Invalid([_TAKEN])
        token = await _insert(session, user, email, ADDRESS_LINK)
        letter = letters.new_address(email, link=f"{mailing.origin}/address/{token}")
        await letter_changes.insert_letter(
            session, context.vault, letter, account=actor.account, user=user, works_for=ADDRESS_LINK
        )


async def confirm_address(context: Context, token: str, *, address: str) -> MailLink:
    """Change the address that a link's user signs in with, and report it to the old one."""
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                link = await _found(session, token, confirms_address=True)
                new = str(link.new_email)
                if not await mail_link_changes.delete_mail_link(session, digest_of(token)):
                    present(None)
                await mail_link_changes.update_address(session, link.account_user, link.user_email, new)
                await mail_link_changes.delete_mail_links_of(session, link.account_user)
                actor = Actor(link.account, link.user_email, address)
                changed = {"email": (link.user_email, new)}
                await note(session, actor, Action.ADDRESS_CHANGED, new, dict(changed))
                if context.mailing is not None:
                    sign_in = f"{context.mailing.origin}/login"
                    letter = letters.address_changed(link.user_email, new=new, link=sign_in)
                    owner = {"account": link.account, "user": link.account_user}
                    await letter_changes.insert_letter(session, context.vault, letter, **owner, works_for=SENT_WITHIN)
        except AccountExists as error:
            raise Invalid([_TAKEN]) from error
    return link


def _mailing(context: Context) -> Mailing:
    if context.mailing is None:
        raise Conflict(
            "mail_unavailable",
            "This server sends no mail. Its operator can set WAYPOST_SMTP_URL and WAYPOST_PUBLIC_URL.",
        )
    return context.mailing


async def _insert(session: Session, user: UUID, email: str | None, works_for: timedelta) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    added = await mail_link_changes.insert_mail_link(
        session, digest_of(token), user, email, works_for=works_for, most=MOST_LINKS
    )
    if not added:
        message = f"{MOST_LINKS} links were mailed already and still work. Use one of them, or wait."
        raise Conflict("too_many_links", message)
    return token


async def _found(session: Session, token: str, *, confirms_address: bool) -> MailLink:
    link = None if len(token) > _LONGEST_TOKEN else await mail_links.find(session, digest_of(token))
    if link is not None and (link.new_email is not None) != confirms_address:
        link = None
    return present(link)

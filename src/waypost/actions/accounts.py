"""Actions on accounts: an operator creates them and sets their quotas, their owners change their settings."""

import secrets
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor, note, operator
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import Fault, Invalid, checking
from waypost.domain import ids
from waypost.domain.accounts import check_accent, check_email, check_name, check_origins
from waypost.domain.api_keys import RANDOM_BYTES, Scope, digest_of, make_key, shown_prefix
from waypost.domain.audit import Action, Changes
from waypost.domain.quotas import UNLIMITED, Quota, Usage
from waypost.store import account_changes, quota_changes, quotas, users
from waypost.store.accounts import AccountExists
from waypost.store.statements import transaction
from waypost.store.users import AccountSettings

_TAKEN: Final = Fault("email", "belongs to another account")


async def create(context: DatabaseContext, *, email: str, name: str, password_hash: str) -> tuple[UUID, str]:
    """Create an account with its first user, who has the same e-mail address, and its first API key.

    Return the account and the text of the key, which is not stored and can't be shown again. The operator is the actor:
    nobody else can act for an account before it exists. Raise Invalid, also for an e-mail address that is taken.
    """
    with checking():
        email, name = check_email(email), check_name(name)
    account, key = _new_id(), make_key(secrets.token_bytes(RANDOM_BYTES))
    async with context.database.serving.acquire() as session, transaction(session):
        try:
            await account_changes.insert_account(
                session,
                account=account,
                email=email,
                name=name,
                password_hash=password_hash,
                user=_new_id(),
                key=_new_id(),
                key_digest=digest_of(key),
                key_prefix=shown_prefix(key),
                scopes=tuple(Scope),
            )
        except AccountExists as error:
            raise Invalid([_TAKEN]) from error
        await note(session, operator(account), Action.ACCOUNT_CREATED, email, {"name": (None, name)})
    return account, key


async def change(
    context: DatabaseContext, actor: Actor, *, name: str, email: str, accent: str, embed_origins: str
) -> AccountSettings:
    """Change the account's name, e-mail address and branding; ``embed_origins`` are sites, one per line."""
    with checking():
        email, name = check_email(email), check_name(name)
        chosen = AccountSettings(email, name, check_accent(accent), check_origins(embed_origins))
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                await account_changes.lock_account(session, actor.account)
                changes = _changes(await users.settings(session, actor.account), chosen)
                if changes:
                    await account_changes.update_account(session, actor.account, chosen)
                    await note(session, actor, Action.ACCOUNT_CHANGED, chosen.name, changes)
        except AccountExists as error:
            raise Invalid([_TAKEN]) from error
    return chosen


async def set_quota(
    context: DatabaseContext, actor: Actor, chosen: Mapping[str, int | None], *, usual: Quota
) -> tuple[Quota, Usage]:
    """Set the given quotas of the account, by field; None stands for the ``usual`` quota of the installation.

    Return the quota that applies now, and the usage. Servers apply a change within ten seconds.
    """
    async with context.database.serving.acquire() as session, transaction(session):
        await account_changes.lock_account(session, actor.account)
        before, usage = await quotas.find(session, actor.account)
        own = msgspec.structs.replace(before, **chosen)
        if own != before:
            await quota_changes.update_quota(session, actor.account, own)
            subject = (await users.settings(session, actor.account)).name
            bounds = {name: (getattr(before, name), bound) for name, bound in chosen.items()}
            changes: Changes = {name: (_bound(a), _bound(b)) for name, (a, b) in bounds.items() if a != b}
            await note(session, actor, Action.QUOTA_CHANGED, subject, changes)
    return own.over(usual), usage


def _bound(bound: int | None) -> str:
    if bound is None:
        return "default"
    return "unlimited" if bound >= UNLIMITED else str(bound)


def _changes(before: AccountSettings, after: AccountSettings) -> Changes:
    shown = [
        {
            "email": one.email,
            "name": one.name,
            "accent": one.accent,
            "embed_origins": "\n".join(one.embed_origins) or None,
        }
        for one in (before, after)
    ]
    return {name: (text, shown[1][name]) for name, text in shown[0].items() if text != shown[1][name]}


def _new_id() -> UUID:
    return ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))

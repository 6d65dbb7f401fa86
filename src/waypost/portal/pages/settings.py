"""``/settings``: the account's name and branding, its users, and the visitor's password."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import accounts as account_actions
from waypost.actions import mail_links as mail_actions
from waypost.actions import users as user_actions
from waypost.actions.refusals import Conflict, Invalid, NotFound, checking
from waypost.domain import ids
from waypost.domain.accounts import check_email, check_password
from waypost.domain.letters import Purpose
from waypost.domain.quotas import UNLIMITED, Quota, Usage
from waypost.portal import colours
from waypost.portal.form_errors import errors_by_field
from waypost.portal.form_versions import FIELD, changed_since, conflict, version_of
from waypost.portal.networks import TooMany
from waypost.portal.page_error import PageError
from waypost.portal.pages.login import begin_visit, too_many
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.portal.wording import plural
from waypost.store import accounts, api_keys, users
from waypost.store.accounts import Visitor
from waypost.store.api_keys import KeyRow
from waypost.store.statements import Session
from waypost.store.users import AccountSettings

PATH: Final = "/settings"
OWNER: Final = "owner"
ADD: Final = "add"
LETTERS: Final = {
    Purpose.INVITATION: "Invitation",
    Purpose.LOST_PASSWORD: "Link for a new password",
    Purpose.NEW_ADDRESS: "Link to confirm an address",
    Purpose.ADDRESS_CHANGED: "Notice of a changed address",
}
LABELS: Final = {"name": "Name", "email": "E-mail", "accent": "Colour", "embed_origins": "Embedding sites"}
_WRONG: Final = "This is not your current password."


class Form(msgspec.Struct, frozen=True):
    """The submitted values of a settings form, and the errors by field."""

    given: dict[str, str] = {}
    errors: dict[str, str] = {}


@get(PATH)
async def show(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the settings page, with the requested dialog open."""
    visitor = await enter(request, pages)
    return await _page(request, pages, visitor)


@post(PATH)
async def change(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: change the account's name, e-mail address and branding."""
    visitor = await _owner(request, pages)
    given = await _given(request, "name", "email", "accent", "embed_origins")
    async with pages.context.database.serving.acquire() as session:
        stored = _values(await users.settings(session, visitor.account))
    if names := changed_since(str((await request.form()).get(FIELD, "")), stored):
        errors = {"": conflict(names, stored, LABELS)}
        return await _page(request, pages, visitor, account=Form(given, errors))
    try:
        with pages.logins.guessing(visitor.account):
            await account_actions.change(pages.context, actor_of(request, visitor), **given)
    except Invalid as refusal:
        return await _page(request, pages, visitor, account=Form(given, errors_by_field(refusal)))
    except TooMany as error:
        return await _page(request, pages, visitor, account=Form(given, {"email": too_many(error)}))
    notify(request, "Settings saved.")
    return go_to(PATH)


@post(PATH + "/time-zone")
async def change_time_zone(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: change the time zone in which the visitor's pages show times."""
    visitor = await enter(request, pages)
    given = await _given(request, "time_zone")
    try:
        await user_actions.change_time_zone(pages.context, actor_of(request, visitor), visitor.id, given["time_zone"])
    except Invalid as refusal:
        return await _page(request, pages, visitor, zone=Form(given, errors_by_field(refusal)))
    notify(request, "Time zone saved.")
    return go_to(PATH)


@post(PATH + "/password")
async def change_password(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: change the visitor's password, end all of the user's sessions, and start a new one here."""
    visitor = await enter(request, pages)
    given = await _given(request, "current", "password")
    try:
        known = await pages.logins.by_password(visitor.email, given["current"], request.address, signed_in=True)
    except TooMany as error:
        return await _page(request, pages, visitor, password=Form(errors={"current": too_many(error)}))
    if known is None:
        await user_actions.note_refused_password(pages.context, actor_of(request, visitor), visitor.email)
        return await _page(request, pages, visitor, password=Form(errors={"current": _WRONG}))
    try:
        with checking():
            password = check_password(given["password"])
        hashed = await pages.logins.hash(password, request.address)
    except Invalid as refusal:
        return await _page(request, pages, visitor, password=Form(errors=errors_by_field(refusal)))
    except TooMany as error:
        return await _page(request, pages, visitor, password=Form(errors={"password": too_many(error)}))
    database = pages.context.database
    await user_actions.change_password(pages.context, actor_of(request, visitor), visitor.email, hashed)
    async with database.serving.acquire() as session:
        user = await accounts.find_login(session, visitor.email)
    if user is not None and user.password_hash == hashed:
        await begin_visit(request, pages, user)
    notify(request, "Password changed. You are signed out everywhere else.")
    return go_to(PATH)


@post(PATH + "/users")
async def add_user(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: add a user."""
    visitor = await _owner(request, pages)
    given = await _given(request, "email", "password", "role")
    shown = {name: given[name] for name in ("email", "role")}
    try:
        with checking():
            check_email(given["email"])
            password = check_password(given["password"])
        hashed = await pages.logins.hash(password, request.address)
        with pages.logins.guessing(visitor.account):
            await user_actions.add(
                pages.context,
                actor_of(request, visitor),
                email=given["email"],
                password_hash=hashed,
                role=given["role"],
            )
    except (Invalid, Conflict) as refusal:
        return await _page(request, pages, visitor, adding=Form(shown, errors_by_field(refusal)))
    except TooMany as error:
        return await _page(request, pages, visitor, adding=Form(shown, {"": too_many(error)}))
    notify(request, "User added. They can sign in with this password.")
    return go_to(PATH)


@post(PATH + "/users/invite")
async def invite(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Add a member, who gets a link to choose a password."""
    visitor = await _owner(request, pages)
    given = await _given(request, "email")
    try:
        with pages.logins.guessing(visitor.account):
            await mail_actions.invite(pages.context, actor_of(request, visitor), email=given["email"], role="member")
    except Invalid as refusal:
        return await _page(request, pages, visitor, inviting=Form(given, errors_by_field(refusal)))
    except Conflict as refusal:
        notify(request, refusal.sentence)
        return go_to(PATH)
    except TooMany as error:
        return await _page(request, pages, visitor, inviting=Form(given, {"email": too_many(error)}))
    notify(request, f"User added. The invitation to {given['email'].strip()} is being sent.")
    return go_to(PATH)


@post(PATH + "/address")
async def change_address(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Mail a link to the visitor's new address, after the current password."""
    visitor = await enter(request, pages)
    given = await _given(request, "email", "current")
    shown = {"email": given["email"]}
    try:
        known = await pages.logins.by_password(visitor.email, given["current"], request.address, signed_in=True)
        if known is None:
            await user_actions.note_refused_password(pages.context, actor_of(request, visitor), visitor.email)
            return await _page(request, pages, visitor, moving=Form(shown, {"current": _WRONG}))
        with pages.logins.guessing(visitor.account):
            actor = actor_of(request, visitor)
            await mail_actions.ask_for_address(pages.context, actor, known.id, given["email"])
    except Invalid as refusal:
        return await _page(request, pages, visitor, moving=Form(shown, errors_by_field(refusal)))
    except Conflict as refusal:
        notify(request, refusal.sentence)
        return go_to(PATH)
    except TooMany as error:
        return await _page(request, pages, visitor, moving=Form(shown, {"current": too_many(error)}))
    sent = f"A link is being mailed to {given['email'].strip()}. Your address changes when you confirm it."
    notify(request, sent)
    return go_to(PATH)


@post(PATH + "/users/{user_id:str}/role")
async def change_role(request: PageRequest, pages: GivenPages, user_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: make a user an owner or a member."""
    visitor = await _owner(request, pages)
    role = (await _given(request, "role"))["role"]
    await user_actions.change_role(pages.context, actor_of(request, visitor), _user_id(user_id), role)
    notify(request, "Role changed.")
    return go_to(PATH)


@post(PATH + "/users/{user_id:str}/remove")
async def remove_user(request: PageRequest, pages: GivenPages, user_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: remove a user, and revoke the selected API keys."""
    visitor = await _owner(request, pages)
    user, given = _user_id(user_id), (await request.form()).getall("revoke", [])
    keys = [key for one in given if (key := ids.from_text(ids.API_KEY, str(one)))]
    revoked = await user_actions.remove(pages.context, actor_of(request, visitor), user, revoke=keys)
    and_keys = f" {plural(len(revoked), 'API key')} revoked." if revoked else ""
    notify(request, f"User removed and signed out everywhere.{and_keys}")
    return go_to(PATH)


async def _owner(request: PageRequest, pages: Pages) -> Visitor:
    visitor = await enter(request, pages)
    if visitor.role != OWNER:
        raise PageError(HTTPStatus.FORBIDDEN, "Only an owner of the account can do this.")
    return visitor


def _user_id(text: str) -> UUID:
    user = ids.from_text(ids.USER, text)
    if user is None:
        raise NotFound
    return user


async def _keys_of(session: Session, visitor: Visitor, maker: str) -> list[tuple[str, KeyRow]]:
    rows = await api_keys.working_of(session, visitor.account, maker, datetime.now(UTC))
    return [(ids.to_text(ids.API_KEY, row.id), row) for row in rows]


async def _given(request: PageRequest, *names: str) -> dict[str, str]:
    form = await request.form()
    return {name: str(form.get(name, "")) for name in names}


def _quotas(quota: Quota, usage: Usage) -> list[tuple[str, int, int]]:
    """Return the quotas that are set: the resource, the amount used, and the limit."""
    pairs = (
        ("Parcels", usage.parcels, quota.parcels),
        ("Updates today (UTC)", usage.updates_today, quota.updates_per_day),
        ("Bytes of parcels and events (estimate)", usage.disk_bytes, quota.disk_bytes),
    )
    return [(name, used, most) for name, used, most in pairs if most is not None and most < UNLIMITED]


def _values(kept: AccountSettings) -> dict[str, str]:
    """Return the values of the account's form."""
    return {
        "name": kept.name,
        "email": kept.email,
        "accent": kept.accent or "",
        "embed_origins": "\n".join(kept.embed_origins),
    }


async def _page(request: PageRequest, pages: Pages, visitor: Visitor, **refused: Form) -> Response[bytes]:
    """Return the page; ``refused`` are the forms with errors, by name."""
    async with pages.context.database.serving.acquire() as session:
        kept = await users.settings(session, visitor.account)
        rows = await users.of_account(session, visitor.account)
        known = [(ids.to_text(ids.USER, row.id), row) for row in rows]
        asked = request.query_params.get("remove")
        is_owner = visitor.role == OWNER
        removing = next((user for user in known if is_owner and user[0] == asked), None)
        keys = await _keys_of(session, visitor, removing[1].email) if removing else []
    quota, usage = await pages.context.quotas.of(visitor.account)
    usual = _values(kept)
    return page(
        request,
        "settings.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK,
        account=refused.get("account", Form(usual)),
        seen=version_of(usual),
        password=refused.get("password", Form()),
        zone=refused.get("zone", Form({"time_zone": visitor.own_time_zone or ""})),
        adding=refused.get("adding") or (Form() if is_owner and request.query_params.get("do") == ADD else None),
        users=known,
        quotas=_quotas(quota, usage),
        removing=removing,
        keys=keys,
        roles=user_actions.ROLES,
        is_owner=is_owner,
        inviting=refused.get("inviting", Form()),
        moving=refused.get("moving", Form()),
        undelivered=await mail_actions.undelivered(
            pages.context, actor_of(request, visitor), user=None if is_owner else visitor.id
        ),
        letters=LETTERS,
        can_mail=pages.context.mailing is not None,
        usual_colour=colours.DEFAULT,
    )


ROUTES: Final = (
    *(show, change, change_time_zone, change_password),
    *(add_user, invite, change_address, change_role, remove_user),
)

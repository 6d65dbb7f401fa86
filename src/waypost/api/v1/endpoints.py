"""``/v1/endpoints``: where an account's events go."""

import os
import secrets
import time
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath

from waypost.api.answers import answer, nothing
from waypost.api.bodies import read_json
from waypost.api.pagination import listed, read_page, read_query
from waypost.api.parts import Given, Parts
from waypost.api.problems import Problem, not_found
from waypost.api.times import rfc3339, rfc3339_or_none
from waypost.api.v1.chosen import ALL, Added, Changed, choose
from waypost.domain import ids
from waypost.domain.endpoints import DisabledReason
from waypost.signing.standard import KEY_BYTES, make_secret, standard_secret
from waypost.store import endpoints, queue
from waypost.store.endpoints import EndpointFields, EndpointRow
from waypost.store.statements import transaction

_ADDED: Final = msgspec.json.Decoder(Added)
_CHANGED: Final = msgspec.json.Decoder(Changed)
_LIST: Final = frozenset({"limit", "cursor"})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as v1 shows it."""

    id: str
    url: str
    description: str
    version: str
    statuses: str | list[str]
    trigger: str
    ordering: str
    enabled: bool
    disabled_reason: str | None
    rate_limit_per_second: float | None
    headers: dict[str, str]
    health: str
    failing_since: str | None
    last_error: str | None
    created_at: str
    updated_at: str


class NewEndpoint(Endpoint, frozen=True, kw_only=True):
    """An endpoint as its creation answers it: with its secret."""

    secret: str


class SecretAnswer(msgspec.Struct, frozen=True):
    """A secret as V4 uses it and as Standard Webhooks' libraries take it."""

    secret: str
    standard_secret: str
    previous: None = None


@get("/v1/endpoints")
async def list_endpoints(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List the account's endpoints, newest first."""
    caller = await parts.keys.caller(request.headers, scope="read")
    page = read_page(read_query(request.scope["query_string"], _LIST), ids.ENDPOINT)
    async with parts.database.serving.acquire() as session:
        rows = await endpoints.of_account(session, caller.account, before=page.before, limit=page.limit + 1)
    return answer(listed(rows, page, lambda row: ids.to_text(ids.ENDPOINT, row.id), show))


@post("/v1/endpoints")
async def add(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Add an endpoint."""
    caller = await parts.keys.caller(request.headers, scope="write")
    body = read_json(await request.body(), _ADDED)
    fields = choose(body, None, parts.check_url)
    endpoint = ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
    secret = body.secret or make_secret(os.urandom(KEY_BYTES))
    sealed = parts.vault.seal(secret, account=caller.account, endpoint=endpoint)
    async with parts.database.serving.acquire() as session:
        added = await endpoints.add(
            session,
            endpoint=endpoint,
            account=caller.account,
            fields=fields,
            secret=sealed,
            most=parts.max_endpoints,
        )
        if not added:
            raise Problem(
                HTTPStatus.CONFLICT,
                "endpoint_limit",
                f"The account has its {parts.max_endpoints} endpoints already: delete one first.",
            )
        row = await endpoints.find(session, caller.account, endpoint)
    shown = msgspec.structs.asdict(show(_there(row)))
    return answer(NewEndpoint(**shown, secret=secret), HTTPStatus.CREATED)


@get("/v1/endpoints/{endpoint_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Give one endpoint."""
    caller = await parts.keys.caller(request.headers, scope="read")
    return await _shown(parts, caller.account, _id(endpoint_id))


@patch("/v1/endpoints/{endpoint_id:str}")
async def change(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Change what is given of an endpoint; what waits is sent with what it is then."""
    caller = await parts.keys.caller(request.headers, scope="write")
    endpoint = _id(endpoint_id)
    body = read_json(await request.body(), _CHANGED)
    async with parts.database.serving.acquire() as session, transaction(session):
        if not await endpoints.lock(session, caller.account, endpoint):
            raise not_found()
        before = _there(await endpoints.find(session, caller.account, endpoint))
        known = EndpointFields(before.url, before.description, before.version, before.statuses)
        await endpoints.change(session, caller.account, endpoint, choose(body, known, parts.check_url))
    return await _shown(parts, caller.account, endpoint)


@delete("/v1/endpoints/{endpoint_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def remove(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[None]:
    """Delete an endpoint; what waits for it is cancelled."""
    caller = await parts.keys.caller(request.headers, scope="write")
    endpoint = _id(endpoint_id)
    async with parts.database.serving.acquire() as session:
        if not await endpoints.delete(session, caller.account, endpoint):
            raise not_found()
    await _cancel_waiting(parts, endpoint)
    return nothing()


@post("/v1/endpoints/{endpoint_id:str}/enable", status_code=HTTPStatus.OK)
async def enable(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Turn an endpoint on: events from now on are sent to it."""
    caller = await parts.keys.caller(request.headers, scope="write")
    return await _switch(parts, caller.account, _id(endpoint_id), None)


@post("/v1/endpoints/{endpoint_id:str}/disable", status_code=HTTPStatus.OK)
async def disable(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Turn an endpoint off; what waits for it is cancelled."""
    caller = await parts.keys.caller(request.headers, scope="write")
    return await _switch(parts, caller.account, _id(endpoint_id), DisabledReason.USER)


@get("/v1/endpoints/{endpoint_id:str}/secret")
async def secret(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Give the secret that an endpoint's webhooks are signed with."""
    caller = await parts.keys.caller(request.headers, scope="write")
    endpoint = _id(endpoint_id)
    async with parts.database.serving.acquire() as session:
        sealed = await endpoints.secret_of(session, caller.account, endpoint)
    if sealed is None:
        raise not_found()
    opened = parts.vault.open(sealed, account=caller.account, endpoint=endpoint)
    return answer(SecretAnswer(opened, standard_secret(opened)))


def show(row: EndpointRow) -> Endpoint:
    """Give an endpoint as v1 shows it."""
    return Endpoint(
        id=ids.to_text(ids.ENDPOINT, row.id),
        url=row.url,
        description=row.description,
        version=row.version,
        statuses=ALL if row.statuses is None else row.statuses,
        trigger=row.trigger,
        ordering=row.ordering,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        rate_limit_per_second=None,
        headers={},
        health=_health(row),
        failing_since=rfc3339_or_none(row.failing_since),
        last_error=row.last_error,
        created_at=rfc3339(row.created_at),
        updated_at=rfc3339(row.updated_at),
    )


def _health(row: EndpointRow) -> str:
    if row.failing_since is not None:
        return "failing"
    return "new" if row.last_success_at is None else "ok"


async def _switch(parts: Parts, account: UUID, endpoint: UUID, reason: DisabledReason | None) -> Response[bytes]:
    async with parts.database.serving.acquire() as session:
        await endpoints.switch(session, account, endpoint, reason)
    shown = await _shown(parts, account, endpoint)
    if reason is not None:
        await _cancel_waiting(parts, endpoint)
    return shown


async def _cancel_waiting(parts: Parts, endpoint: UUID) -> None:
    """Settle what waits for an endpoint that is off; what is queued at this very moment the keeper finds."""
    async with parts.database.engine.acquire() as session:
        while await queue.cancel_lane(session, endpoint):
            pass


async def _shown(parts: Parts, account: UUID, endpoint: UUID) -> Response[bytes]:
    async with parts.database.serving.acquire() as session:
        return answer(show(_there(await endpoints.find(session, account, endpoint))))


def _there(row: EndpointRow | None) -> EndpointRow:
    if row is None:
        raise not_found()
    return row


def _id(text: str) -> UUID:
    found = ids.from_text(ids.ENDPOINT, text)
    if found is None:
        raise not_found()
    return found


ROUTES: Final = (list_endpoints, add, find, change, remove, enable, disable, secret)

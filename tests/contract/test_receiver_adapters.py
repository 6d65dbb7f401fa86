"""The adapters in their frameworks: each gives the same response to the same webhook."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import django
import fastapi
import flask
import litestar
import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from httpx import ASGITransport, AsyncClient
from litestar.di import Provide
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support.webhooks import BROUGHT, EMAIL, NOW, OTHER_SECRET, SECRET, Hook, hook, v4_only
from waypost.domain.endpoints import Version
from waypost.receiver import TrackingEvent, verify, verify_v3
from waypost.receiver.adapters import Check
from waypost.receiver.adapters import flask as flask_adapter
from waypost.receiver.adapters import litestar as litestar_adapter
from waypost.receiver.adapters import starlette as starlette_adapter
from waypost.receiver.adapters.django import webhook

Ask = Callable[[Hook], tuple[int, str]]
HOOK = "/webhooks/waypost"
CHECK = partial(verify, secret=SECRET, now=NOW)


def in_starlette(check: Check) -> Ask:
    read = starlette_adapter.tracking_event(check)

    async def receive(request: Request) -> PlainTextResponse:
        return PlainTextResponse((await read(request)).tracking_number)

    return asked(Starlette(routes=[Route(HOOK, receive, methods=["POST"])]))


def in_fastapi(check: Check) -> Ask:
    application = fastapi.FastAPI()

    @application.post(HOOK, response_class=PlainTextResponse)
    async def receive(
        event: Annotated[TrackingEvent, fastapi.Depends(starlette_adapter.tracking_event(check))],
    ) -> str:
        return event.tracking_number

    return asked(application)


def in_litestar(check: Check) -> Ask:
    @litestar.post(
        HOOK, dependencies={"event": Provide(litestar_adapter.tracking_event(check))}, media_type="text/plain"
    )
    async def receive(event: litestar_adapter.Event) -> str:
        return event.tracking_number

    return asked(litestar.Litestar([receive], openapi_config=None))


def asked(application: Any) -> Ask:
    async def post(sent: Hook) -> tuple[int, str]:
        async with AsyncClient(transport=ASGITransport(application), base_url="http://shop.test") as client:
            answer = await client.post(HOOK, content=sent.body, headers=sent.headers)
        return answer.status_code, answer.text

    return lambda sent: asyncio.run(post(sent))


def in_flask(check: Check) -> Ask:
    application = flask.Flask(__name__)

    @application.post(HOOK)
    def receive() -> str:
        return flask_adapter.tracking_event(check).tracking_number

    def ask(sent: Hook) -> tuple[int, str]:
        answer = application.test_client().post(
            HOOK, data=sent.body, headers=sent.headers, content_type="application/json"
        )
        return answer.status_code, answer.text

    return ask


urlpatterns: list[Any] = []
"""Django finds a site's routes in a module: this one."""


def in_django(check: Check) -> Ask:
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"])
        django.setup()

    @webhook(check)
    def receive(request: Any, event: TrackingEvent) -> HttpResponse:
        del request
        return HttpResponse(event.tracking_number)

    urlpatterns[:] = [path(HOOK.removeprefix("/"), receive)]
    client = Client(enforce_csrf_checks=True)

    def ask(sent: Hook) -> tuple[int, str]:
        answer = client.post(HOOK, sent.body, content_type="application/json", headers=sent.headers)
        return answer.status_code, answer.content.decode()

    return ask


EVERY_FRAMEWORK = pytest.mark.parametrize("framework", [in_starlette, in_fastapi, in_litestar, in_flask, in_django])


@EVERY_FRAMEWORK
def test_genuine_webhooks_reach_the_handler_and_others_get_401_with_the_reason(
    framework: Callable[[Check], Ask],
) -> None:
    ask = framework(CHECK)
    sent = hook()

    status, text = ask(sent)
    forged_status, reason = ask(hook(secret=OTHER_SECRET))

    assert (status in (200, 201), text) == (True, "9400100000000000000000")
    assert forged_status == 401
    assert "No signature matches" in reason
    assert ask(Hook(sent.body + b" ", sent.headers))[0] == 401
    assert ask(v4_only(sent))[0] == 401


@EVERY_FRAMEWORK
def test_genuine_bodies_without_an_event_get_400(framework: Callable[[Check], Ask]) -> None:
    ask = framework(partial(verify, secret=BROUGHT, now=NOW))
    sent = v4_only(hook(secret=BROUGHT))

    status, reason = ask(Hook(b"{}", sent.headers))

    assert status == 400
    assert "not a tracking event" in reason


@EVERY_FRAMEWORK
def test_old_versions_are_verified_with_the_email(framework: Callable[[Check], Ask]) -> None:
    sent = hook(Version.V3)

    taken, _ = framework(partial(verify_v3, email=EMAIL, now=NOW))(Hook(sent.body, {}))
    refused, _ = framework(partial(verify_v3, email="ops@example.com", now=NOW))(Hook(sent.body, {}))

    assert taken in (200, 201)
    assert refused == 401


def test_django_accepts_webhooks_by_post_only() -> None:
    in_django(CHECK)

    assert Client().get(HOOK).status_code == 405

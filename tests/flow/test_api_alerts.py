"""``/v1/alert-channels``: an account chooses where its alerts go; secrets are never shown again."""

import asyncio
from typing import Any

import pytest

from tests.support.api import Api, Caller

PATH = "/v1/alert-channels"
SLACK = {"service": "slack", "target": {"url": "https://hooks.slack.com/services/T/B/secret"}}
CHANNEL_KEYS = [
    *("id", "service", "name", "target", "kinds", "quiet_from", "quiet_until", "enabled", "created_at", "updated_at"),
]


async def add(shop: Caller, **fields: object) -> Any:
    answer = await shop.post(PATH, {**SLACK, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_channel_is_added_changed_and_deleted_and_its_target_stays_secret(shop: Caller) -> None:
    made = await add(shop, name="Team", kinds=["endpoint_failing"], quiet_from="22:00", quiet_until="07:00")
    one = f"{PATH}/{made['id']}"
    changed = (await shop.call("PATCH", one, json={"kinds": "all", "quiet_from": "", "quiet_until": ""})).json()
    listed = (await shop.get(PATH)).json()["items"]
    deleted = await shop.call("DELETE", one)

    assert list(made) == [*CHANNEL_KEYS, "secret"]
    assert (made["target"], made["kinds"], made["quiet_from"], made["secret"]) == (
        *("hooks.slack.com", ["endpoint_failing"]),
        *("22:00", None),
    )
    assert (changed["kinds"], changed["quiet_from"], changed["name"]) == ("all", None, "Team")
    assert listed == [changed]
    assert (deleted.status_code, (await shop.get(one)).status_code) == (204, 404)


async def test_the_secret_of_a_signed_channel_is_shown_once(shop: Caller) -> None:
    made = await add(shop, service="webhook", target={"url": "http://127.0.0.1/alerts"})

    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in (await shop.get(PATH)).text


async def test_mail_goes_to_users_of_the_account_only(api: Api, shop: Caller) -> None:
    email = await api.database.serving.fetchval("select email from account where id = $1", shop.account)
    await api.database.serving.execute(
        "insert into account_user (id, account, email, password_hash, role) values ($1, $1, $2, '', 'owner')"
        " on conflict do nothing",
        *(shop.account, email),
    )

    refused = await shop.post(PATH, {"service": "email", "target": {"address": "victim@example.com"}})
    made = await add(shop, service="email", target={"address": email})

    (error,) = refused.json()["errors"]
    assert error == {"field": "address", "message": "must be the address of a user of this account"}
    assert made["target"] == email


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"service": "smoke"}, "service"),
        ({"target": {}}, "url"),
        ({"target": {"url": "http://10.0.0.1/"}}, "url"),
        ({"target": {"url": "ftp://example.com/"}}, "url"),
        ({"target": {"url": "https://example.com/", "token": "x"}}, "token"),
        ({"service": "telegram", "target": {"bot_token": "../../x", "chat_id": "5"}}, "bot_token"),
        ({"service": "telegram", "target": {"bot_token": "1:a", "chat_id": "5/../6"}}, "chat_id"),
        ({"service": "telegram", "target": {"bot_token": "1:a", "chat_id": "5", "url": "http://10.0.0.1"}}, "url"),
        ({"service": "ntfy", "target": {"url": "https://ntfy.sh/a/b"}}, "url"),
        ({"service": "ntfy", "target": {"url": "https://ntfy.sh/a", "token": "a\r\nx: y"}}, "token"),
        ({"service": "email", "target": {"address": "a@b.test\r\nBcc: c@d.test"}}, "address"),
        ({"kinds": ["operator"]}, "kinds"),
        ({"kinds": []}, "kinds"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from"),
        ({"name": "a\nb"}, "name"),
    ],
)
async def test_a_refused_field_is_named_and_nothing_is_added(shop: Caller, fields: dict[str, Any], field: str) -> None:
    answer = await shop.post(PATH, {**SLACK, **fields})

    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
    assert (await shop.get(PATH)).json() == {"items": []}


async def test_an_account_has_ten_channels_at_most(shop: Caller) -> None:
    for _ in range(10):
        await add(shop)

    answer = await shop.post(PATH, SLACK)

    assert (answer.status_code, answer.json()["code"]) == (409, "alert_channel_limit")


async def test_a_test_is_answered_with_its_result(api: Api, shop: Caller) -> None:
    made = await add(shop)
    asking = asyncio.create_task(shop.post(f"{PATH}/{made['id']}/test", {}))
    sent = "update alert set state = 'sent', settled_at = now(), answer = '200 ok', tries = 1"
    while await api.database.serving.execute(sent) == "UPDATE 0":
        pass  # until the test waits to be sent

    answer = await asking

    assert (answer.status_code, answer.json()["state"], answer.json()["answer"]) == (200, "sent", "200 ok")
    assert (await shop.get("/v1/alerts")).json()["items"] == [answer.json()]

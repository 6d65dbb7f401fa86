"""Responses with a secret or a new key are never compressed, neither by this server nor by a proxy."""

from tests.support.api import Caller
from tests.support.visiting import Browser, Portal

HOME = "/developer/webhooks"
UNCOMPRESSED = "no-store, no-transform"
SECRET = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"


async def test_pages_that_show_a_secret_forbid_compression(portal: Portal, shop: Caller, browser: Browser) -> None:
    one = f"{HOME}/{await portal.endpoint(shop, secret=SECRET)}?do=secret"
    refused = {"url": "ftp://x", "version": "V4", "which": "all", "secret": SECRET}
    debugged = {"body": "{}", "headers": "", "secret": SECRET, "email": ""}
    await browser.post("/developer/apikeys", form={"name": "New", "scope": "read", "days": ""})

    answers = {
        "endpoint": await browser.get(one),
        "form": await browser.post(HOME, form=refused),
        "debugger": await browser.post("/developer/debugger", form=debugged),
        "key": await browser.get("/developer/apikeys"),
    }

    told = {name: answer.headers["cache-control"] for name, answer in answers.items()}
    assert told == dict.fromkeys(answers, UNCOMPRESSED)
    shown = {name: (SECRET if name != "key" else "wk_live_") in answer.text for name, answer in answers.items()}
    assert shown == dict.fromkeys(answers, True)


async def test_other_pages_may_be_compressed(portal: Portal, shop: Caller, browser: Browser) -> None:
    await portal.endpoint(shop, secret=SECRET)

    for path in ("/", HOME, "/trackings", "/settings"):
        answer = await browser.get(path)
        assert (answer.headers["cache-control"], SECRET in answer.text) == ("no-store", False), path


async def test_api_responses_with_a_secret_forbid_compression(shop: Caller) -> None:
    made = await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/hook"})
    path = f"/v1/endpoints/{made.json()['id']}"

    answers = [made, await shop.get(f"{path}/secret"), await shop.post(f"{path}/rotate-secret", {})]
    other = await shop.get(path)

    assert {answer.headers["cache-control"] for answer in answers} == {UNCOMPRESSED}
    assert other.headers["cache-control"] == "no-store"

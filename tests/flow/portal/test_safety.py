"""Security rules of every page and form, checked over all routes of the pages."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from httpx import Response

from tests.flow.portal.page_routes import (
    ALERT_CHANNEL,
    CONNECTION,
    FORMS,
    HOME,
    NOBODY,
    OF_PUSHES,
    ONE,
    OPEN,
    PAGES,
    PARCEL,
    PUSHES,
)
from tests.support.api import Caller
from tests.support.visiting import EMAIL, HASH, Document, Portal, serving_pages
from waypost.actions import bulk_actions, users
from waypost.actions.actor import operator
from waypost.domain import ids
from waypost.domain.bulk_actions import BulkKind
from waypost.domain.history import HistoryFilter
from waypost.portal.application import ROUTES
from waypost.portal.help.documentation import folder
from waypost.store.database import Database

OTHER = "other@example.com"


class Seeded:
    """Two accounts, each with an endpoint and a delivery."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.ids: dict[str, dict[str, str]] = {}
        self.shops: dict[str, Caller] = {}

    async def add(self, email: str) -> None:
        shop = self.shops[email] = await self.portal.account(email)
        endpoint = await self.portal.endpoint(shop)
        scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Out for delivery"}
        update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        assert (await shop.post("/v1/updates", {"updates": [update]})).status_code == 200
        (delivery,) = (await shop.get("/v1/deliveries")).json()["items"]
        key = await self.portal.database.serving.fetchval("select id from api_key where account = $1", shop.account)
        context, second = self.portal.pages.context, f"second-{email}"
        await users.add(context, operator(shop.account), email=second, password_hash=HASH, role="member")
        user = await self.portal.database.serving.fetchval("select id from account_user where email = $1", second)
        made = {"source": "ups", "credentials": {"client_id": "me", "client_secret": "secret"}}
        connection = (await shop.post("/v1/connections", made)).json()["id"]
        pushes = {"source": "easypost", "credentials": {"secret": PUSHES["credential-secret"]}}
        pushed = (await shop.post("/v1/connections", pushes)).json()["id"]
        wanted = {"endpoint_id": endpoint, "since": "2026-01-01T00:00:00Z", "only": "failed"}
        recovery = (await shop.post("/v1/recoveries", wanted)).json()["id"]
        channel = (await shop.post("/v1/alert-channels", ALERT_CHANNEL)).json()["id"]
        asked = await bulk_actions.count(context, operator(shop.account), BulkKind.CANCEL, HistoryFilter(), query="")
        self.ids[email] = {
            "action_id:str": ids.to_text(ids.BULK_ACTION, asked.id),
            "recovery_id:str": recovery,
            "channel_id:str": channel,
            "connection_id:str": connection,
            "pushed": pushed,
            "tracking_id:str": delivery["tracking_id"],
            "user_id:str": ids.to_text(ids.USER, user),
            "endpoint_id:str": endpoint,
            "delivery_id:str": delivery["id"],
            "key_id:str": ids.to_text(ids.API_KEY, key),
        }

    def path(self, template: str, email: str = EMAIL, **other: str) -> str:
        """Fill a route's path with an account's ids."""
        given = {"chapter:str": "webhooks", "name:str": "retry", "token:str": "x", "source:str": "ups"}
        given |= self.ids[email]
        if template.rpartition("/")[2] in OF_PUSHES:
            given["connection_id:str"] = given["pushed"]
        if "connect-push" in template:
            given["source:str"] = "easypost"
        for name, text in given.items():
            template = template.replace(f"{{{name}}}", other.get(name.partition(":")[0], text))
        return template

    async def contents(self) -> list[Any]:
        """Return everything that forms can change."""
        statements = (
            "select * from account order by id",
            "select id, archived, status from tracking order by id",
            "select * from account_user order by id",
            "select * from audit_entry order by account, number",
            "select * from endpoint order by id",
            "select id from tracking order by id",
            "select id, name, revoked_at from api_key order by id",
            "select id, endpoint, sample from due order by id",
            "select id, endpoint, state from settled order by id",
            "select digest, data from web_session order by digest",
            "select * from login_link order by digest",
            "select * from connection order by id",
            "select * from bulk_action order by id",
        )
        return [[tuple(row) for row in await self.portal.database.serving.fetch(text)] for text in statements]


@pytest.fixture
async def seeded(portal: Portal) -> Seeded:
    seeded = Seeded(portal)
    await seeded.add(EMAIL)
    await seeded.add(OTHER)
    return seeded


def assert_strict(answer: Response) -> None:
    headers = answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'", answer.url
    assert set(policy) == {"script-src", "style-src", "img-src", "connect-src", "form-action"}
    assert set(policy.values()) == {"'self'"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"  # no-referrer makes browsers say of our own forms: from nowhere
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] in ("no-store", "no-store, no-transform")


def known_routes() -> set[tuple[str, str]]:
    return {(str(method), path) for route in ROUTES for path in route.paths for method in route.http_methods}


def test_every_route_of_the_pages_is_covered_here() -> None:
    assert known_routes() == OPEN | {("GET", path) for path in PAGES} | {("POST", path) for path in FORMS}


async def test_every_page_form_error_and_redirect_carries_the_strict_headers(portal: Portal, seeded: Seeded) -> None:
    browser, nobody = await portal.visitor(EMAIL), portal.browser()
    paths = [*(path for method, path in known_routes() if method == "GET" and not path.endswith("/history/new"))]
    paths += [f"{ONE}?do={name}" for name in ("update", "test", "disable", "delete", "rotate", "secret")]
    paths += [f"{HOME}?do=add", f"{HOME}/ep_x", "/nothing-here", f"{HOME}/history?since=x", "/logout"]

    for path in paths:
        for visitor in (browser, nobody):
            assert_strict(await visitor.get(seeded.path(path)))
    for visitor in (nobody, browser):
        for path, fields in {**FORMS, "/login": {}, "/logout": {}}.items():
            assert_strict(await visitor.post(seeded.path(path), form=fields))
            assert_strict(await visitor.post(seeded.path(path), token="wrong"))
            assert_strict(await visitor.post(seeded.path(path), headers={"origin": "https://evil.example"}))


async def test_a_wrong_method_lists_the_allowed_ones(portal: Portal) -> None:
    answer = await portal.browser().get("/logout")

    assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert "POST" in answer.headers["allow"]
    assert "GET" not in answer.headers["allow"]


async def test_scripts_and_styles_are_served_with_nosniff(portal: Portal, seeded: Seeded) -> None:
    browser = await portal.visitor(EMAIL)
    document = Document((await browser.get(HOME)).text)
    places = [
        one.attributes.get("src") or one.attributes["href"]
        for one in document.elements
        if one.tag in ("link", "script")
    ]

    answers = [await browser.get(place) for place in [*places, seeded.path(f"{HOME}/history/new")]]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    types = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    assert types == ["image/svg+xml", "text/css", "text/javascript", "application/json"]


async def test_cacheable_responses_carry_no_cookie(portal: Portal) -> None:
    await portal.account(EMAIL)
    signed_in = await portal.visitor(EMAIL)
    fresh = portal.browser()
    fresh.plant(str(signed_in.cookie()))

    picture = next(one.name for one in (folder() / "webhooks" / "images").iterdir() if one.name.endswith(".png"))

    answer = await fresh.get(f"/help/images/{picture}")

    assert answer.status_code == 200
    assert "no-store" not in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


async def test_a_page_redirects_to_the_login_and_back(
    portal: Portal, seeded: Seeded, subtests: pytest.Subtests
) -> None:
    for path in sorted(PAGES):
        with subtests.test(path):
            wanted = seeded.path(path)

            answer = await portal.browser().get(f"{wanted}?status=transit")

            assert (answer.status_code, answer.content) == (303, b"")
            assert answer.headers["location"] == f"/login?next={quote(f'{wanted}?status=transit', safe='')}"


async def test_a_form_without_a_session_redirects_to_the_login_and_does_nothing(
    portal: Portal, seeded: Seeded, subtests: pytest.Subtests
) -> None:
    before = await seeded.contents()
    for path, form in FORMS.items():
        with subtests.test(path):
            answer = await portal.browser().post(seeded.path(path), form=form)

            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
            assert await seeded.contents() == before


async def refused_ways(portal: Portal) -> dict[str, dict[str, Any]]:
    """Return the ways in which a forged form arrives."""
    stranger = portal.browser()
    return {
        "no token": {"token": ""},
        "another browser's token": {"token": await stranger.token()},
        "a token made up": {"token": "ab" * 64},
        "a token that is no ASCII": {"token": "\u00e9" * 128},
        "another site": {"headers": {"origin": "https://evil.example"}},
        "another port": {"headers": {"origin": "http://waypost.test:8081"}},
        "no origin to speak of": {"headers": {"origin": "null"}},
        "an invalid origin": {"headers": {"origin": "http://[waypost.test"}},
        "cross-site": {"headers": {"sec-fetch-site": "cross-site"}},
        "a sibling": {"headers": {"sec-fetch-site": "same-site", "origin": "http://waypost.test"}},
    }


async def test_a_form_sent_from_a_foreign_page_is_rejected(
    portal: Portal, seeded: Seeded, subtests: pytest.Subtests
) -> None:
    browser, ways = await portal.visitor(EMAIL), await refused_ways(portal)
    before = await seeded.contents()
    for path in (*FORMS, "/login", "/logout"):
        form = {"email": OTHER, "password": "correct horse", **FORMS.get(path, {})}
        for name, way in ways.items():
            with subtests.test(f"{path} with {name}"):
                answer = await browser.post(seeded.path(path), form=form, **way)

                assert answer.status_code == 403
                assert await seeded.contents() == before


async def test_each_of_these_forms_is_accepted_from_our_own_page(portal: Portal, seeded: Seeded) -> None:
    browser = await portal.visitor(EMAIL)
    ours = {"origin": "http://waypost.test", "sec-fetch-site": "same-origin"}

    answers = {path: await browser.post(seeded.path(path), form=form, headers=ours) for path, form in FORMS.items()}

    taken = {path: (answer.status_code, answer.headers.get("location", "")) for path, answer in answers.items()}
    assert taken.pop("/developer/debugger") == (200, "")
    for name in ("refresh", "retrack"):  # nobody is asked about the parcel, and it has not expired
        assert taken.pop(f"{PARCEL}/{name}") == (409, "")
    assert taken.pop("/trackings/import") == (200, "")
    assert taken.pop(f"{CONNECTION}/test") == (200, "")
    assert {path: status for path, (status, _) in taken.items() if status != 303} == {}
    places = (HOME, "/developer/apikeys", "/settings", "/trackings", "/sources")
    assert all(place.startswith(places) for _, place in taken.values())


async def test_behind_a_proxy_that_changes_the_host_the_public_url_counts_as_ours(database: Database) -> None:
    async with serving_pages(database, public_url="https://Shop.Example:443") as portal:
        browser = portal.browser()
        token = await browser.token()
        statuses = [
            (await browser.post("/login", token=token, headers={"host": "internal:8080", "origin": origin})).status_code
            for origin in (
                "https://shop.example",
                "https://internal:8080",
                "http://internal:8080",
                "http://shop.example",
            )
        ]

    assert statuses == [422, 422, 403, 403]


OF_IDS = [
    *[("GET", path) for path in sorted(PAGES) if "_id:" in path],
    *[("POST", path) for path in FORMS if "_id:" in path],
]


async def test_other_accounts_objects_are_answered_like_missing_ones(
    portal: Portal, seeded: Seeded, subtests: pytest.Subtests
) -> None:
    browser, before = await portal.visitor(EMAIL), await seeded.contents()
    nobody = UUID(NOBODY).hex
    unknown = {"endpoint_id": f"ep_{nobody}", "delivery_id": f"dlv_{nobody}", "key_id": f"key_{nobody}"}
    unknown |= {
        "action_id": f"blk_{nobody}",
        "recovery_id": f"rec_{nobody}",
        "user_id": f"usr_{nobody}",
        "tracking_id": nobody,
    }
    unknown |= {"connection_id": f"con_{nobody}", "channel_id": f"ach_{nobody}"}
    own = seeded.ids[EMAIL]
    crossed = dict.fromkeys(unknown, own["endpoint_id:str"])
    crossed["endpoint_id"] = own["key_id:str"]
    for method, path in OF_IDS:
        with subtests.test(f"{method} {path}"):
            asked = [
                seeded.path(path, OTHER),
                *[seeded.path(path, **wrong) for wrong in (unknown, crossed, dict.fromkeys(unknown, "%00"))],
            ]

            answers = [
                await (browser.get(one) if method == "GET" else browser.post(one, form=FORMS[path])) for one in asked
            ]

            assert [answer.status_code for answer in answers] == [404] * 4
            texts = [answer.text.replace(Document(answer.text).value("_csrf_token"), "") for answer in answers]
            assert len(set(texts)) == 1
            assert await seeded.contents() == before


async def test_objects_named_in_a_query_must_be_ones_own_too(portal: Portal, seeded: Seeded) -> None:
    browser, theirs = await portal.visitor(EMAIL), seeded.ids[OTHER]
    own = seeded.path(ONE)

    tested = [
        await browser.get(f"{own}?do=test&result={one}")
        for one in (theirs["delivery_id:str"], f"dlv_{UUID(NOBODY).hex}")
    ]
    listed = await browser.get(f"{HOME}/history?endpoint={theirs['endpoint_id:str']}")
    counted = await browser.get(f"{HOME}/history/new?endpoint={theirs['endpoint_id:str']}")

    assert Document(tested[0].text).text == Document(tested[1].text).text
    assert "No deliveries match these filters" in Document(listed.text).text
    assert theirs["endpoint_id:str"] not in listed.text.replace(f"endpoint={theirs['endpoint_id:str']}", "")
    assert counted.json() == {"count": 0}

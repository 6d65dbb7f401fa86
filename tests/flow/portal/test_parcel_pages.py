"""The pages of parcels: list, search, form; one parcel with its events and their deliveries, or why there are none."""

import json
import re
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from jinja2 import Environment

from tests.support.api import Caller
from tests.support.rounds import looks_per_slice
from tests.support.visiting import Browser, Document, Portal, assert_harmless
from waypost.domain.trackings import Source, Update
from waypost.intake.requests import Request
from waypost.portal import rendering
from waypost.portal.rendering import compile_templates, plain_environment

HOOK = "http://127.0.0.1/"


async def report(shop: Caller, number: str = "A1", status: str = "transit", **facts: Any) -> str:
    """Report a scan of a parcel and give the parcel's id."""
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": f"It is {status}", "location": "Bremen"}
    scan["checkpoint_delivery_status"] = status
    update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan], **facts}
    answer = await shop.post("/v1/updates", {"updates": [update]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["results"][0]["tracking_id"])


def numbers(page: Document) -> list[str]:
    """Return the numbers in a list."""
    return [one.text for one in page.all("a") if re.fullmatch("/trackings/[0-9a-f]{32}", one.attributes["href"])]


async def listed(browser: Browser, query: str = "") -> list[str]:
    return numbers(Document((await browser.get(f"/trackings{query}")).text))


async def test_parcels_are_found_by_both_ends_of_their_number_by_order_and_by_courier(
    shop: Caller, browser: Browser
) -> None:
    await report(shop, "A1", order_number="#ORD-77")
    await report(shop, "A2", "delivered")
    await report(shop, "B71")

    found = {
        query: await listed(browser, query)
        for query in (
            *("", "?search=a", "?search=ORD-7", "?search=%23ORD-77", "?search=1", "?search=71", "?status=delivered"),
            *("?courier=ups", "?courier=dhl express", "?courier=dhl", "?search=a&status=transit"),
        )
    }

    assert found == {
        "": ["B71", "A2", "A1"],
        "?search=a": ["A2", "A1"],
        "?search=ORD-7": ["A1"],
        "?search=%23ORD-77": ["A1"],
        "?search=1": ["B71", "A1"],
        "?search=71": ["B71"],
        "?status=delivered": ["A2"],
        "?courier=ups": [],
        "?courier=dhl express": ["B71", "A2", "A1"],
        "?courier=dhl": ["B71", "A2", "A1"],
        "?search=a&status=transit": ["A1"],
    }


async def test_parcels_are_found_by_the_beginning_of_their_customers_first_or_last_name(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    names = ("Anna Müller", "Jörg Straßer", "王小明", "100%_sure Shop", "100 percent", "x" * 245 + " von Berg")
    for place, name in enumerate(names):
        await report(shop, f"P{place}", customer_name=name)
    await report(await portal.account("other@example.com"), "P9", customer_name="Anna Other")

    found = {
        text: await listed(browser, f"?search={quote(text)}")
        for text in ("anna", "MULL", "müller", "ann mull", "strass", "王", "明", "100%", "100_", "%", "x" * 100, "berg")
    }

    assert found == {
        **{text: ["P0"] for text in ("anna", "MULL", "müller")},
        **{text: [] for text in ("ann mull", "明", "100_", "%")},
        "strass": ["P1"],
        "王": ["P2"],
        "100%": ["P3"],
        "x" * 100: ["P5"],
        "berg": ["P5"],
    }


async def test_a_new_name_replaces_the_one_that_a_parcel_was_found_by(shop: Caller, browser: Browser) -> None:
    parcel = await report(shop, "A1", customer_name="Anna")

    await shop.call("PUT", f"/v4/trackings/update/{parcel}", json={"customer_name": "Berta"})

    assert await listed(browser, "?search=anna") == []
    assert await listed(browser, "?search=berta") == ["A1"]


async def test_the_list_continues_where_it_ended_despite_new_parcels(shop: Caller, browser: Browser) -> None:
    parcels = [
        {"tracking_number": f"N{place:03}", "courier_code": "dhl", "create": True, "checkpoints": []}
        for place in range(60)
    ]
    assert (await shop.post("/v1/updates", {"updates": parcels})).status_code == 200
    first = Document((await browser.get("/trackings")).text)
    (older,) = [one.attributes["href"] for one in first.all("a") if one.text == "Older"]
    await report(shop, "LATER")

    rest = Document((await browser.get(older)).text)

    assert len(numbers(first)) == 50
    assert sorted(numbers(first) + numbers(rest)) == [f"N{place:03}" for place in range(60)]
    assert not [one for one in rest.all("a") if one.text == "Older"]


@pytest.mark.parametrize(
    ("query", "place"),
    [("status=x", "status"), ("courier=A%20B", "courier"), ("archived=x", "archived"), ("search=%00", "search")],
)
async def test_an_invalid_search_is_reported_at_its_field(
    shop: Caller, browser: Browser, query: str, place: str
) -> None:
    await report(shop)

    answer = await browser.get(f"/trackings?{query}")

    page = assert_harmless(answer.text)
    assert answer.status_code == 422
    assert [one.attributes["id"] for one in page.all("p", **{"class": "error"})] == [f"{place}-error"]
    assert numbers(page) == []


@pytest.mark.parametrize(
    ("fields", "courier"),
    [
        ({"tracking_number": " a 1 ", "courier_code": "ups", "order_number": "O", "title": "<b>Shoes</b>"}, "ups"),
        ({"tracking_number": "1Z999AA10123456784", "courier_code": ""}, "ups"),
    ],
)
async def test_a_parcel_is_added_with_a_chosen_or_detected_courier(
    shop: Caller, browser: Browser, fields: dict[str, str], courier: str
) -> None:
    answer = await browser.post("/trackings", form=fields)

    page = assert_harmless((await browser.get(answer.headers["location"])).text)
    (made,) = (await shop.get("/v4/trackings/get")).json()["data"]
    assert answer.status_code == 303
    assert (made["courier_code"], made["source"], made["tracking_number"]) == (
        courier,
        "WEB",
        fields["tracking_number"].replace(" ", "").upper(),
    )
    assert fields.get("title", "") in page.text


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"tracking_number": "", "courier_code": "dhl"}, "tracking_number"),
        ({"tracking_number": "*", "courier_code": "dhl"}, "tracking_number"),
        ({"tracking_number": "B1", "courier_code": "A B"}, "courier_code"),
        ({"tracking_number": "?-no-courier-has-this-?", "courier_code": ""}, "tracking_number"),
        ({"tracking_number": "A1", "courier_code": "dhl"}, "tracking_number"),
        ({"tracking_number": "B1", "courier_code": "dhl", "title": "x" * 501}, "title"),
        ({"tracking_number": "B1", "courier_code": "postnl-3s"}, "courier_code"),
    ],
)
async def test_an_invalid_parcel_is_reported_at_its_field(
    shop: Caller, browser: Browser, fields: dict[str, str], place: str
) -> None:
    await report(shop)

    answer = await browser.post("/trackings", form=fields)

    page = Document(answer.text)
    assert answer.status_code == 422
    assert [one.attributes["id"] for one in page.all("p", **{"class": "error"})] == [f"{place}-error"]
    assert page.value("tracking_number") == fields["tracking_number"]
    assert len((await shop.get("/v4/trackings/get")).json()["data"]) == 1


async def test_a_parcels_page_explains_for_each_event_why_an_endpoint_got_nothing(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    await portal.endpoint(shop, HOOK, description="Takes all")
    await portal.endpoint(shop, HOOK, description="Delivered only", statuses=["delivered"])
    await portal.endpoint(shop, HOOK, description="Changes only", trigger="status_change")
    off = await portal.endpoint(shop, HOOK, description="Is off")
    await shop.post(f"/v1/endpoints/{off}/disable", {})
    parcel = await report(shop)
    await report(shop, scheduled_delivery_date="2026-07-02")
    await shop.call("DELETE", f"/v1/endpoints/{off}")
    await portal.endpoint(shop, HOOK, description="Came later")

    page = assert_harmless((await browser.get(f"/trackings/{parcel}")).text)

    second, first = [
        " ".join(one.text.split()) for one in page.all("li", **{"class": "card"}) if one.text.strip().startswith("#")
    ]
    assert re.search(r"Waiting Takes all", first)
    assert re.search(r"Queued behind earlier event Takes all", second)
    for said in (first, second):
        assert "Not sent Delivered only The endpoint does not receive this status." in said
        assert "Not sent Is off (deleted) The endpoint was disabled." in said
        assert "Not sent Came later The endpoint was added later." in said
    assert "Waiting Changes only" in first
    assert "Not sent Changes only The endpoint receives status changes only" in second


async def test_the_result_of_a_delivery_is_shown_beside_its_event(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    hooks = [await portal.endpoint(shop, HOOK, description=name) for name in ("In order", "Any order")]
    await shop.call("PATCH", f"/v1/endpoints/{hooks[1]}", json={"ordering": "unordered"})
    parcel = await report(shop)
    await shop.post(f"/v1/endpoints/{hooks[0]}/disable", {})

    page = assert_harmless((await browser.get(f"/trackings/{parcel}")).text)

    (event,) = [" ".join(one.text.split()) for one in page.all("li", **{"class": "card"})]
    assert "Cancelled In order The endpoint was disabled or deleted." in event
    assert "Waiting Any order" in event


async def test_older_events_are_on_further_pages(shop: Caller, browser: Browser) -> None:
    parcel = ""
    for day in range(1, 33):
        parcel = await report(shop, scheduled_delivery_date=f"2026-08-{day:02}")
    first = Document((await browser.get(f"/trackings/{parcel}")).text)
    (older,) = [one.attributes["href"] for one in first.all("a") if one.text == "Older events"]

    rest = Document((await browser.get(older.partition("#")[0])).text)

    counted = [len(page.all("li", **{"class": "card"})) for page in (first, rest)]
    assert counted == [30, 2]


async def test_a_parcel_is_archived_unarchived_and_deleted(portal: Portal, shop: Caller, browser: Browser) -> None:
    parcel = await report(shop)
    here = f"/trackings/{parcel}"

    archived = await browser.post(f"{here}/archive")
    hidden, shown = await listed(browser), await listed(browser, "?archived=only")
    back = await browser.post(f"{here}/unarchive")
    again = await listed(browser)
    asked = Document((await browser.get(f"{here}?do=delete")).text)
    deleted = await browser.post(f"{here}/delete")

    assert [one.headers["location"] for one in (archived, back, deleted)] == [here, here, "/trackings"]
    assert (hidden, shown, again) == ([], ["A1"], ["A1"])
    assert "open" in asked.all("dialog")[0].attributes
    assert (await browser.get(here)).status_code == 404
    assert (await browser.get(portal.pages.context.track_links.path(UUID(parcel)))).status_code == 404


@pytest.mark.parametrize(("action", "reason"), [("refresh", "No source is connected"), ("retrack", "Only an expired")])
async def test_unsupported_actions_are_explained(shop: Caller, browser: Browser, action: str, reason: str) -> None:
    parcel = await report(shop)

    answer = await browser.post(f"/trackings/{parcel}/{action}")

    assert answer.status_code == 409
    assert reason in Document(answer.text).text


async def test_an_expired_parcel_is_retracked(portal: Portal, shop: Caller, browser: Browser) -> None:
    parcel = await report(shop)
    await expire(portal, shop, parcel)

    offered = Document((await browser.get(f"/trackings/{parcel}")).text)
    answer = await browser.post(f"/trackings/{parcel}/retrack")

    assert [one.text for one in offered.all("button", role="menuitem")] == ["Refresh", "Retrack", "Archive"]
    assert answer.status_code == 303
    assert (await shop.get("/v4/trackings/get")).json()["data"][0]["delivery_status"] == "transit"


async def expire(portal: Portal, shop: Caller, parcel: str) -> None:
    update = Update(Source.EXPIRY, expires=True)
    await portal.pages.context.intake.submit([Request(shop.account, "A1", "dhl", update, tracking=UUID(parcel))])


async def test_the_page_links_to_the_tracking_page(portal: Portal, shop: Caller, browser: Browser) -> None:
    parcel = await report(shop)

    page = Document((await browser.get(f"/trackings/{parcel}")).text)

    (link,) = [one.attributes["href"] for one in page.all("a") if one.text == "Open tracking page"]
    assert link == portal.pages.context.track_links.path(UUID(parcel))
    assert "It is transit" in page.text


async def test_the_window_of_the_scheduled_day_is_shown_as_one(shop: Caller, browser: Browser) -> None:
    window = {"scheduled_delivery_from": "2026-07-02T09:00:00", "scheduled_delivery_to": "2026-07-02T11:00:00"}
    parcel = await report(shop, scheduled_delivery_date="2026-07-02", **window)

    page = assert_harmless((await browser.get(f"/trackings/{parcel}")).text)

    facts = {name.text: said.text for name, said in zip(page.all("dt"), page.all("dd"), strict=True)}
    assert facts["Delivery window"] == "09:00 to 11:00 on the scheduled day"
    assert "Scheduled delivery from" not in facts


async def test_a_large_page_yields_to_others_between_its_rows(shop: Caller, browser: Browser) -> None:
    scans = [
        {"checkpoint_date": f"2026-03-02T08:{number // 60:02}:{number % 60:02}", "tracking_detail": f"Lot {number}"}
        for number in range(200)
    ]
    parcel = await report(shop, "LARGE1", checkpoints=scans)

    with looks_per_slice(20) as waits:
        page = await browser.get(f"/trackings/{parcel}")

    assert page.text.count("Lot ") == len(scans)
    assert waits.count >= len(scans) / 20


def test_after_the_start_no_page_has_to_compile_its_template(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_templates()
    monkeypatch.setattr(Environment, "compile", lambda *_arguments, **_named: pytest.fail("compiled"))

    for template in plain_environment().list_templates():
        assert rendering._ENVIRONMENT.get_template(template)


async def test_pending_is_the_reason_whatever_the_endpoint_is_set_to(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    everything, off = await portal.endpoint(shop), await portal.endpoint(shop)
    await shop.post(f"/v1/endpoints/{off}/disable", {})
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "x"}
    update = {"tracking_number": "P1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    (result,) = (await shop.post("/v1/updates", {"updates": [update]})).json()["results"]
    await portal.database.serving.execute(
        "update event set status = 'pending', skipped = $1",
        json.dumps({everything.removeprefix("ep_"): "status", off.removeprefix("ep_"): "off"}),
    )
    await portal.database.serving.execute("delete from due")

    page = (await browser.get(f"/trackings/{result['tracking_id']}")).text

    assert page.count("Pending is never sent: no update has given a status yet.") == 2
    assert "does not receive this status" not in page


async def test_a_long_text_of_a_carrier_can_be_opened_and_is_never_shown_reversed(
    shop: Caller, browser: Browser
) -> None:
    text = "\u202eevil " + "word " * 100 + "end of the text"
    scan = {
        "checkpoint_date": "2026-07-01T08:00:00",
        "tracking_detail": text,
        "location": "Bremen " * 20 + "end of place",
    }
    update = {"tracking_number": "L1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    (result,) = (await shop.post("/v1/updates", {"updates": [update]})).json()["results"]

    page = assert_harmless((await browser.get(f"/trackings/{result['tracking_id']}")).text)

    assert "end of the text" in page.text
    assert "end of place" in page.text
    assert "\u202e" not in page.text

"""The tracking page of a parcel: only for those who have its link, in any language, in a frame only if allowed."""

from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient, Response
from structlog.testing import capture_logs

from tests.support.api import Caller
from tests.support.visiting import CLIENT, Browser, Portal, assert_harmless
from waypost.actions.track_links import TrackLinks
from waypost.domain.trackings import TrackingState
from waypost.portal.track import page
from waypost.portal.track.kept import KeptPages
from waypost.portal.track.parcel_view import TrackView, parcel_view_in_turns
from waypost.portal.track.texts import Texts
from waypost.turns import Turn

NAME = "Büttner & <Söhne>"
PROBE = "\"'><probe-el on=1></title><script>probe()</script>"
SHOP = "https://shop.example"


@pytest.fixture
async def shop(portal: Portal) -> Caller:
    return await portal.account("shop@example.com", name=NAME)


async def parcel(portal: Portal, shop: Caller, number: str = "A1", detail: str = "Left at the door") -> str:
    """Register a parcel and give the path of its page."""
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": detail, "location": "Bremen"}
    scan |= {"checkpoint_delivery_status": "delivered", "checkpoint_delivery_substatus": "delivered004"}
    facts = {"customer_name": "Jane Roe", "destination_city": "Bremen"}
    update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan], **facts}
    answer = await shop.post("/v1/updates", {"updates": [update]})
    assert answer.status_code == 200, answer.text
    return portal.pages.context.track_links.path(UUID(answer.json()["results"][0]["tracking_id"]))


async def read(client: AsyncClient, path: str, **headers: str) -> Response:
    return await client.get(path, headers={"accept": "text/html", **headers})


async def test_the_link_shows_the_parcel_but_no_customer_data(portal: Portal, shop: Caller) -> None:
    path = await parcel(portal, shop, detail=f"Jane Roe {PROBE}")

    answer = await portal.browser().get(path)

    said = assert_harmless(answer.text).text
    assert answer.status_code == 200
    for text in (NAME, "Delivered", "A1", "DHL", "Bremen", "Wednesday, 1 July 2026", "08:00", "probe()"):
        assert text in said, text
    assert "Jane" not in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("asked", "lang", "text"),
    [
        (("de-DE,de;q=0.9", ""), "de", "Zugestellt"),
        (("de-DE", "?lang=zh"), "zh-Hans", "已送达"),
        (("fr", "?lang=fr"), "en", "Delivered"),
    ],
)
async def test_the_page_is_in_the_readers_language(
    portal: Portal, shop: Caller, asked: tuple[str, str], lang: str, text: str
) -> None:
    path, (accepted, query) = await parcel(portal, shop), asked

    answer = await read(portal.browser().client, path + query, **{"accept-language": accepted})
    missing = await read(portal.browser().client, f"/track/nothing{query}", **{"accept-language": accepted})

    for one in (answer, missing):
        assert f'<html lang="{lang}">' in one.text
        assert (one.headers["content-language"], one.headers["vary"]) == (lang, "accept-language")
    assert text in answer.text


async def test_the_page_is_cached_briefly_not_indexed_and_sets_no_cookie(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor("shop@example.com")
    path = await parcel(portal, shop)

    answers = [await browser.get(one) for one in (path, "/track/nothing")]

    assert [one.headers["cache-control"] for one in answers] == ["private, max-age=60", "no-store"]
    for one in answers:
        assert "set-cookie" not in one.headers
        assert one.headers["x-robots-tag"] == "noindex, nofollow"
        assert '<meta name="robots" content="noindex, nofollow">' in one.text
        assert one.headers["referrer-policy"] == "no-referrer"
        assert one.headers["x-content-type-options"] == "nosniff"
        assert "script-src" not in one.headers["content-security-policy"]


async def test_an_invalid_link_is_answered_like_a_deleted_parcel(portal: Portal, shop: Caller) -> None:
    path = await parcel(portal, shop)
    token, browser = path.removeprefix("/track/"), portal.browser()
    other = TrackLinks("another key", public_url=None).path(uuid4())
    gone = portal.pages.context.track_links.path(uuid4())
    wrong = [f"/track/{text}" for text in ("x", token[:-1], token + "A", token.swapcase(), "%00", "é" * 43, "A" * 43)]

    answers = [await browser.get(one) for one in [other, gone, *wrong, f"/track/{token[:-1]}{chr(ord(token[-1]) + 1)}"]]

    assert {one.status_code for one in answers} == {404}
    assert len({one.text for one in answers}) == 1
    assert "Parcel not found" in answers[0].text


def test_a_link_is_opaque_and_stable() -> None:
    links, tracking = TrackLinks("a key", public_url="https://track.example/w"), uuid4()
    path = links.path(tracking)

    assert path == TrackLinks("a key", public_url=None).path(tracking)
    assert links.tracking_of(path.removeprefix("/track/")) == tracking
    assert tracking.hex not in path
    assert links.link(tracking) == f"https://track.example/w{path}"
    assert TrackLinks("a key", public_url=None).link(tracking) is None


async def test_framing_is_allowed_only_on_the_accounts_sites(portal: Portal, shop: Caller) -> None:
    browser, path = portal.browser(), await parcel(portal, shop)

    refused = await browser.get(f"{path}?embed=1")
    await portal.database.serving.execute("update account set embed_origins = $1", [SHOP, "http://localhost:3000"])
    allowed = await browser.get(f"{path}?embed=1")
    plain = await browser.get(path)

    policies = [one.headers["content-security-policy"] for one in (refused, allowed, plain)]
    ancestors = [policy.partition("frame-ancestors ")[2] for policy in policies]
    assert ancestors == ["'none'", f"{SHOP} http://localhost:3000", "'none'"]
    assert "?lang=de&amp;embed=1" in allowed.text
    assert allowed.headers["cross-origin-resource-policy"] == "cross-origin"
    assert plain.headers["cross-origin-resource-policy"] == "same-origin"


async def test_the_shops_colour_comes_from_its_own_style_sheet(portal: Portal, shop: Caller) -> None:
    browser, path = portal.browser(), await parcel(portal, shop)
    await portal.database.serving.execute("update account set accent = '#7a2a86'")

    shown = await browser.get(path)
    sheet = await browser.get("/track/colours/7a2a86/theme.css")
    none = await browser.get("/track/colours/7a2a8x/theme.css")

    assert "/track/colours/7a2a86/theme.css" in shown.text
    assert "--accent:#7a2a86" in sheet.text
    assert (sheet.headers["content-type"], sheet.headers["cache-control"].partition(",")[0]) == (
        "text/css; charset=utf-8",
        "public",
    )
    assert none.status_code == 404


async def test_an_internal_error_is_shown_in_the_readers_language_and_the_link_is_not_logged(
    portal: Portal, shop: Caller
) -> None:
    path, browser = await parcel(portal, shop), Browser(portal.browser().client)
    await portal.database.serving.execute("alter table tracking rename to gone")

    with capture_logs() as logged:
        answer = await browser.get(path, headers={"accept-language": "de"})

    assert (answer.status_code, "Bitte versuchen Sie es" in answer.text) == (500, True)
    assert path.rpartition("/")[2] not in str([{**one, "exc_info": None} for one in logged])


async def test_readers_of_one_parcel_share_a_finished_page_until_it_changes(
    portal: Portal, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    async def counting(state: TrackingState, texts: Texts, turn: Turn) -> TrackView:
        made.append(texts.tag)
        return await parcel_view_in_turns(state, texts, turn)

    monkeypatch.setattr(page, "parcel_view_in_turns", counting)
    path, browser = await parcel(portal, shop), portal.browser()

    first = [await browser.get(one) for one in (path, path, f"{path}?lang=de", path)]
    await parcel(portal, shop, detail="Moved to the back door")
    changed = await browser.get(path)
    await portal.database.serving.execute("update account set name = 'Another name'")
    renamed = await browser.get(path)

    assert made == ["en", "de", "en", "en"]
    assert len({one.text for one in first}) == 2
    assert "Moved to the back door" in changed.text
    assert "Another name" in renamed.text


async def test_only_an_address_that_reads_too_many_pages_has_to_wait(portal: Portal, shop: Caller) -> None:
    path = await parcel(portal, shop)
    hungry = portal.browser()
    for _ in range(page.A_MINUTE_FROM_AN_ADDRESS):
        portal.pages.track_reads.take(CLIENT)

    refused = await read(hungry.client, f"{path}?lang=de")
    other = await read(portal.browser(address="203.0.113.9").client, path)

    assert (refused.status_code, other.status_code) == (429, 200)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "Bitte versuchen Sie es" in refused.text
    assert refused.headers["cache-control"] == "no-store"


async def test_unknown_parameters_lock_no_shopper_out(portal: Portal, shop: Caller) -> None:
    many = "&".join(f"a{number}=" for number in range(101))

    answer = await portal.browser().get(f"{await parcel(portal, shop)}?{many}")

    assert answer.status_code == 200


def test_the_cache_of_finished_pages_is_bounded_in_bytes() -> None:
    kept = KeptPages(most_bytes=4 * 10)
    keys = [(bytes([number]), "en", False, "Shop", "0b5c6b") for number in range(3)]

    for key in keys[:2]:
        kept.keep(key, "12345")
    kept.get(keys[0])
    kept.keep(keys[2], "12345")
    kept.keep(keys[2], "abcde")

    assert [kept.get(key) for key in keys] == ["12345", None, "abcde"]

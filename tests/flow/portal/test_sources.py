"""The pages of sources: a carrier is chosen, tested, connected, changed and deleted; no page shows a secret."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from tests.support.api import VAULT, Caller
from tests.support.karrio import STAND_IN, WITHOUT_KARRIO, bridging
from tests.support.receiver import always, answering, receiving
from tests.support.visiting import EMAIL, Browser, Document, Portal, assert_harmless, id_of, serving_pages
from waypost.app.sources import Sources
from waypost.domain.carriers import CarrierError, CarrierRefused
from waypost.portal.help.documentation import PLACES
from waypost.portal.help.guides import guide
from waypost.portal.pages.connect import guide_of
from waypost.settings import Settings
from waypost.sources.carriers import carriers
from waypost.sources.http import CarrierHttp
from waypost.sources.karrio.bridge import Bridge
from waypost.store import unread_changes
from waypost.store.database import Database
from waypost.store.unread_changes import UnreadKey

SECRET = "s3cret-that-no-page-shows"
FORM = {"credential-client_id": "me", "credential-client_secret": SECRET}
UPS = "/sources/connect/ups"


class Prober:
    """What the tests' carrier says to credentials."""

    def __init__(self) -> None:
        self.answer: CarrierError | None = None
        self.tried: list[dict[str, str]] = []

    async def probe(self, source: str, credentials: Mapping[str, str]) -> None:
        assert source == "ups"
        self.tried.append(dict(credentials))
        if self.answer is not None:
            raise self.answer


@pytest.fixture
def prober() -> Prober:
    return Prober()


@pytest.fixture
async def portal(database: Database, prober: Prober) -> AsyncIterator[Portal]:
    async with serving_pages(database, connected=("dhl",), probe=prober.probe) as portal:
        yield portal


async def connect(browser: Browser, **changed: str) -> str:
    """Connect UPS, and give the path of the connection's page."""
    answer = await browser.post(UPS, form=FORM | {"do": "save"} | changed)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def connections(shop: Caller) -> list[dict[str, object]]:
    items: list[dict[str, object]] = (await shop.get("/v1/connections")).json()["items"]
    return [one for one in items if one["owner"] == "account"]


async def test_a_test_saves_nothing_and_keeps_its_secret_for_saving(
    shop: Caller, browser: Browser, prober: Prober
) -> None:
    tried = await browser.post(UPS, form=FORM | {"do": "test"})
    page = assert_harmless(tried.text)
    before = await connections(shop)
    saved = await browser.post(
        UPS, form={"credential-client_id": page.value("credential-client_id"), "sealed": page.value("sealed")}
    )

    assert "UPS accepts the credentials. Nothing is saved yet." in page.text
    assert SECRET not in tried.text
    assert page.value("credential-client_id") == "me"
    assert page.value("credential-client_secret") == ""
    assert (before, saved.status_code, len(await connections(shop))) == ([], 303, 1)
    assert prober.tried == [{"client_id": "me", "client_secret": SECRET}] * 2


async def test_rejected_credentials_are_saved_only_with_save_anyway(
    shop: Caller, browser: Browser, prober: Prober
) -> None:
    prober.answer = CarrierRefused("refused", status=401, body=b'{"message": "Invalid <b>client</b>"}')

    refused = await browser.post(UPS, form=FORM | {"do": "save"})
    page = assert_harmless(refused.text)
    before = await connections(shop)
    form = {"credential-client_id": "me", "sealed": page.value("sealed"), "do": "save_anyway"}
    saved = await browser.post(UPS, form=form)

    assert refused.status_code == 422
    assert "UPS rejected the credentials (401): Invalid <b>client</b>" in page.text
    assert [one.text for one in page.all("button", value="save_anyway")] == ["Save anyway"]
    assert SECRET not in refused.text
    assert (before, saved.status_code, len(prober.tried)) == ([], 303, 1)


async def test_errors_are_shown_at_their_fields(browser: Browser, prober: Prober) -> None:
    answer = await browser.post(UPS, form={"credential-client_id": "a b", "daily_calls": "many", "do": "save"})
    missing = await browser.post(UPS, form={"credential-client_id": "me", "do": "test"})

    page = assert_harmless(answer.text)
    assert answer.status_code == 422
    assert "without spaces" in page.all("p", id="credential-client_id-error")[0].text
    wrong = Document(missing.text).all("p", id="credential-client_secret-error")
    assert [one.text for one in wrong] == ["Client Secret is required."]
    assert prober.tried == []


async def test_sealed_secrets_of_other_accounts_and_forged_ones_are_ignored(
    portal: Portal, browser: Browser, prober: Prober
) -> None:
    await portal.account("thief@example.com")
    thief = await portal.visitor("thief@example.com")
    sealed = Document((await browser.post(UPS, form=FORM | {"do": "test"})).text).value("sealed")
    prober.tried.clear()

    for stolen in (sealed, "nonsense", "AAAA", "é", sealed[:-4]):
        answer = await thief.post(UPS, form={"credential-client_id": "x", "sealed": stolen, "do": "test"})
        assert answer.status_code == 422
        assert "Client Secret is required." in Document(answer.text).text
    assert prober.tried == []


async def test_carriers_are_found_by_name_and_by_courier_code(browser: Browser) -> None:
    async def found(search: str) -> list[str]:
        page = assert_harmless((await browser.get("/sources/connect", params={"search": search})).text)
        paths = [one.attributes["href"] for one in page.all("a")]
        return [path.rpartition("/")[2] for path in paths if path.startswith("/sources/connect/")]

    assert {"dhl", "ups"} <= set(await found(""))
    assert await found("uPs") == ["ups"]
    assert await found("deutsche post") == ["dhl"]
    assert await found("<nobody>") == []
    assert (await browser.get("/sources/connect/nobody")).status_code == 404
    assert (await browser.post("/sources/connect/nobody")).status_code == 404


def test_every_carriers_form_links_to_its_chapter() -> None:
    (place,) = [place for place in PLACES if place.file == "reference/carriers.md"]
    anchors = {heading.anchor for heading in guide(place).headings}

    assert {guide_of(one.name).partition("#")[2] for one in carriers()} <= anchors


async def test_the_sources_page_shows_each_connections_state(portal: Portal, shop: Caller, browser: Browser) -> None:
    empty = Document((await browser.get("/sources")).text).text
    path = await connect(browser, name="Warehouse <north>")
    await portal.database.serving.execute(
        "update connection_health set state = 'refused', message = 'the key is not accepted (401)'"
        " where connection = $1",
        id_of(path),
    )
    async with portal.database.serving.acquire() as session:
        await unread_changes.count_unread(session, {UnreadKey(shop.account, "ups", "XX", "Odd <b>text</b>"): 1234})

    page = assert_harmless((await browser.get("/sources")).text).text

    assert "Provided by the operator" in empty
    assert "not used yet" in empty
    assert "Warehouse <north>" in page
    assert re.search(r"Rejected since [\d: -]+ UTC", page)
    assert "The key is not accepted (401)." in page
    assert "1 unknown code" in page
    assert "Odd <b>text</b>" in page


async def test_the_sources_page_shows_the_time_of_the_last_update(shop: Caller, browser: Browser) -> None:
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "On its way"}
    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    before = Document((await browser.get("/sources")).text).text
    await shop.post("/v1/updates", {"updates": [update]})

    after = Document((await browser.get("/sources")).text).text

    assert "none among the latest" in before
    assert "none among the latest" not in after


async def test_a_connection_is_renamed_limited_disabled_enabled_and_deleted(shop: Caller, browser: Browser) -> None:
    path = await connect(browser)

    await browser.post(f"{path}/update", form={"name": "Main", "daily_calls": "300", "calls_per_second": "2"})
    (renamed,) = await connections(shop)
    wrong = await browser.post(f"{path}/update", form={"name": "Main", "daily_calls": "-1"})
    await browser.post(f"{path}/disable")
    (disabled,) = await connections(shop)
    await browser.post(f"{path}/enable")
    (enabled,) = await connections(shop)
    gone = await browser.post(f"{path}/delete")

    assert (renamed["name"], renamed["settings"]) == ("Main", {"daily_calls": "300", "calls_per_second": "2"})
    assert (wrong.status_code, Document(wrong.text).value("daily_calls")) == (422, "-1")
    assert (disabled["state"], enabled["state"]) == ("paused", "new")
    assert (gone.headers["location"], await connections(shop)) == ("/sources", [])
    assert (await browser.get(path)).status_code == 404


async def test_valid_new_credentials_replace_the_old_ones(shop: Caller, browser: Browser, prober: Prober) -> None:
    path = await connect(browser)
    prober.answer = CarrierRefused("refused", status=401)
    new = {"credential-client_id": "you", "credential-client_secret": "another-secret"}

    refused = await browser.post(f"{path}/credentials", form=new | {"do": "save"})
    page = assert_harmless(refused.text)
    failed = assert_harmless((await browser.post(f"{path}/test")).text)
    kept = prober.tried[-1]
    prober.answer = None
    tried = await browser.post(f"{path}/credentials", form=new | {"do": "test"})
    saved = await browser.post(f"{path}/credentials", form=new | {"do": "save"})
    works = Document((await browser.post(f"{path}/test")).text)

    assert "the old credentials are still used" in page.text
    assert "another-secret" not in refused.text + tried.text
    assert "UPS rejected the credentials (401)." in failed.text
    assert kept == {"client_id": "me", "client_secret": SECRET}
    assert "Nothing is saved yet." in Document(tried.text).text
    assert saved.status_code == 303
    assert "UPS accepts the credentials." in works.text
    assert prober.tried[-1] == {"client_id": "you", "client_secret": "another-secret"}
    assert SECRET not in (await browser.get(path)).text
    assert len(await connections(shop)) == 1


async def test_deleting_shows_the_number_of_parcels_and_their_next_connection(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    path = await connect(browser)
    await shop.post("/v4/trackings/create", {"tracking_number": "1Z1", "courier_code": "ups"})
    await portal.database.serving.execute("update watch set connection = $1, next_poll_at = now()", id_of(path))

    alone = Document((await browser.get(f"{path}?do=delete")).text).text
    await connect(browser, name="The other")
    both = Document((await browser.get(f"{path}?do=delete")).text).text

    assert "Parcels that use this connection: 1." in alone
    assert "No other connection covers their couriers" in alone
    assert "They will be tracked with The other if it covers" in both


async def test_the_operators_connection_can_only_be_viewed(shop: Caller, browser: Browser) -> None:
    (shared,) = (await shop.get("/v1/connections")).json()["items"]
    path = f"/sources/{shared['id']}"

    page = assert_harmless((await browser.get(f"{path}?do=delete")).text)

    assert "Provided by the operator" in page.text
    assert page.all("dialog") == []
    for name in ("update", "credentials", "test", "disable", "enable", "delete"):
        assert (await browser.post(f"{path}/{name}", form={"name": "x"} | FORM)).status_code == 404


async def test_connections_of_other_accounts_do_not_exist(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    await portal.account("other@example.com")
    other = await portal.visitor("other@example.com")

    assert (await other.get(path)).status_code == 404
    for name in ("update", "credentials", "test", "disable", "enable", "delete"):
        assert (await other.post(f"{path}/{name}", form={"name": "x"} | FORM)).status_code == 404


async def test_changes_of_connections_are_in_the_audit_log(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    await browser.post(f"{path}/credentials", form=FORM | {"do": "save"})
    await browser.post(f"{path}/delete")

    rows = await portal.database.serving.fetch("select actor, action, changes::text from audit_entry order by number")

    done = [row["action"] for row in rows if row["actor"] == EMAIL and row["action"].startswith("connection")]
    assert done == ["connection.added", "connection.changed", "connection.deleted"]
    assert SECRET not in str(rows)


@asynccontextmanager
async def bridged_pages(database: Database, bridge: Bridge | None) -> AsyncIterator[Browser]:
    """Sign in to the pages of a server with karrio's carriers."""
    http = CarrierHttp(timeout_seconds=60, user_agent="Waypost/0")
    sources = Sources(Settings(), http, VAULT, bridge=bridge)
    async with serving_pages(database, with_bridge=bridge is not None, probe=sources.probe) as portal:
        await portal.account(email := f"{uuid4().hex}@example.com")
        yield await portal.visitor(email)
    await http.close()


async def test_karrios_carriers_are_offered_where_karrio_is_set_up(database: Database, browser: Browser) -> None:
    without = await browser.get("/sources/connect?search=roadie")
    async with bridging() as (bridge, _), bridged_pages(database, bridge) as visitor:
        offered = await visitor.get("/sources/connect?search=roadie")

    assert "Roadie" not in without.text.replace('value="roadie"', "")
    assert "Roadie (by karrio)" in offered.text


async def test_a_carrier_of_karrios_is_connected_like_any_other(database: Database) -> None:
    async with (
        receiving(always(answering(404, body=b"{}"))) as carrier,
        bridging(STAND_IN) as (bridge, _),
        bridged_pages(database, bridge) as visitor,
    ):
        saved = await visitor.post("/sources/connect/karrio-roadie", form={"credential-api_key": carrier.url})
        page = await visitor.get(saved.headers["location"])
        tested = await visitor.post(saved.headers["location"] + "/test")

    assert saved.status_code == 303
    assert "Roadie (by karrio)" in assert_harmless(page.text).text
    assert carrier.url not in page.text
    assert "Roadie (by karrio) accepts the credentials." in Document(tested.text).text


async def test_a_karrio_that_does_not_work_is_one_sentence_on_the_page(database: Database) -> None:
    form = {"credential-api_key": "x", "do": "test"}
    async with bridging(WITHOUT_KARRIO) as (bridge, _), bridged_pages(database, bridge) as visitor:
        broken = await visitor.post("/sources/connect/karrio-roadie", form=form)
    async with bridged_pages(database, None) as visitor:
        none = await visitor.post("/sources/connect/karrio-roadie", form=form)

    assert "could not be reached: karrio can't be imported by WAYPOST_KARRIO_PYTHON" in Document(broken.text).text
    assert "this server has no karrio: its operator has to set WAYPOST_KARRIO_PYTHON." in Document(none.text).text

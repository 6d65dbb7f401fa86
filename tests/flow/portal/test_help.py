"""/help: the public documentation and its search."""

import re

from tests.support.visiting import Portal
from waypost.portal.help import search
from waypost.portal.help.documentation import PLACES
from waypost.portal.help.guides import address


def found(query: str) -> list[str]:
    return [hit.address for hit in search.find(query, address)]


async def test_every_page_of_the_documentation_is_public(portal: Portal) -> None:
    nobody = portal.browser()
    addresses = ["/help", "/help/index", *(address(place.file) for place in PLACES)]

    statuses = {path: (await nobody.get(path)).status_code for path in addresses}

    assert set(statuses.values()) == {200}


async def test_a_signed_in_reader_keeps_the_navigation(portal: Portal) -> None:
    await portal.account("shop@example.com")

    answer = await (await portal.visitor("shop@example.com")).get("/help/webhooks/retry")

    assert 'aria-current="page">Help' in answer.text


async def test_search_results_link_to_the_matching_section(portal: Portal) -> None:
    answer = await portal.browser().get("/help?q=Retry-After+redirect")

    assert 'href="/help/webhooks/retry#what-counts-as-accepted"' in answer.text
    assert "<mark>Redirect</mark>s are not followed" in answer.text


async def test_a_query_is_escaped(portal: Portal) -> None:
    answer = await portal.browser().get("/help?q=%22%3E%3Cscript%3Ex")

    assert "<script>x" not in answer.text
    assert "No page contains all of these words." in answer.text


async def test_excerpts_of_the_documentation_are_escaped(portal: Portal) -> None:
    answer = await portal.browser().get("/help?q=iframe")

    assert "<iframe" not in answer.text
    assert re.search(r"&lt;<mark>iframe</mark>", answer.text)


async def test_a_long_query_is_truncated_and_answered(portal: Portal) -> None:
    answer = await portal.browser().get(f"/help?q={'webhook+' * 200}")

    assert answer.status_code == 200
    assert f'value="{"webhook " * 12}webh"' in answer.text


def test_every_word_must_occur_in_a_section() -> None:
    assert found("signature debugger")
    assert found("signature xylophone") == []


def test_a_title_ranks_before_text() -> None:
    assert found("glossary")[0] == "/help/reference/glossary"


def test_a_search_word_matches_the_beginnings_of_words() -> None:
    assert found("dedupl")
    assert found("eduplicator") == []


def test_upper_and_lower_case_do_not_matter() -> None:
    assert found("waypost_public_url") == found("WAYPOST_PUBLIC_URL")


def test_the_number_of_hits_is_limited() -> None:
    assert len(found("webhook")) == search.MOST_HITS

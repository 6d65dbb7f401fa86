"""/docs: every operation of the document, on public pages."""

from tests.support.visiting import Portal
from waypost.api.openapi.document import OPERATIONS


async def test_every_operation_is_documented_publicly_on_small_pages(portal: Portal) -> None:
    nobody = portal.browser()
    overview = await nobody.get("/docs")
    names = sorted({link.split("#")[0] for link in overview.text.split('"') if link.startswith("/docs/")})

    pages = [await nobody.get(name) for name in names]

    text = "".join(answer.text for answer in pages)
    assert {answer.status_code for answer in (overview, *pages)} == {200}
    assert [one.path for one in OPERATIONS if f"<code>{one.method.upper()} {one.path}</code>" not in text] == []
    assert max(len(answer.content) for answer in (overview, *pages)) < 100_000


async def test_an_unknown_group_is_404(portal: Portal) -> None:
    assert (await portal.browser().get("/docs/nonsense")).status_code == 404


async def test_signed_in_users_see_the_navigation_beside_it(portal: Portal) -> None:
    await portal.account("shop@example.com")

    answer = await (await portal.visitor("shop@example.com")).get("/docs/api-v4-trackings")

    assert 'aria-current="page">API reference' in answer.text

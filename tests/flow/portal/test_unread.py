"""The page of unread scans: an account sees its own, and can clear them."""

from tests.support.visiting import Document, Portal, assert_harmless


async def test_the_page_shows_an_accounts_own_unread_scans_and_clears_them(portal: Portal) -> None:
    evil = "<script>alert(1)</script> {{ 7 * 7 }}"
    for email, text in (("a@example.com", evil), ("b@example.com", "Only theirs")):
        shop = await portal.account(email)
        scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": text}
        update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        await shop.post("/v1/updates", {"updates": [update]})
    await portal.pages.context.intake.unread.write()
    browser = await portal.visitor("a@example.com")

    page = await browser.get("/sources/unread")

    assert_harmless(page.text)
    assert "alert(" in page.text
    assert "Only theirs" not in page.text
    cleared = await browser.post("/sources/unread/clear")
    assert cleared.status_code == 303
    assert (
        "No unread scans. New ones appear here within seconds."
        in Document((await browser.get("/sources/unread")).text).text
    )

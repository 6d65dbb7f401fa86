"""The token in each form: only tokens of our own pages are accepted, and compression can't reveal them."""

from tests.support.visiting import Portal


async def test_each_page_masks_the_form_token_differently_and_each_mask_is_accepted(portal: Portal) -> None:
    browser = portal.browser()

    tokens = [await browser.token() for _ in range(3)]

    secrets = {bytes(a ^ b for a, b in zip(key[:32], key[32:], strict=True)) for key in map(bytes.fromhex, tokens)}
    assert len(set(tokens)) == 3
    assert len({token[:16] for token in tokens} | {token[64:80] for token in tokens}) == 6
    assert len(secrets) == 1
    for token in tokens:
        assert (await browser.post("/logout", token=token)).status_code == 303


async def test_a_form_cookie_without_our_signature_gives_no_token(portal: Portal) -> None:
    browser, planted = portal.browser(), bytes(32)
    browser.plant(planted.hex() + "ab" * 32, "waypost_form")

    answer = await browser.post("/logout", token=planted.hex() * 2)

    assert answer.status_code == 403

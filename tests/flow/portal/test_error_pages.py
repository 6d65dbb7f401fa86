"""What the page of an internal error reveals, and what the log says about it."""

from structlog.testing import capture_logs

from tests.flow.portal.page_routes import HOME
from tests.flow.portal.test_safety import assert_strict
from tests.support.visiting import EMAIL, Document, Portal


async def test_an_internal_error_page_reveals_nothing_and_logs_no_secret(portal: Portal) -> None:
    await portal.account(EMAIL)
    browser, link = await portal.visitor(EMAIL), await portal.link(EMAIL)
    token = await browser.token()
    await portal.database.serving.execute("alter table account_user rename to gone")
    await portal.database.serving.execute("alter table login_link rename to links")

    with capture_logs() as logged:
        answers = [await browser.get(HOME), await browser.post(link, token=token)]
        answers.append(await browser.sign_in(EMAIL, token=token))
        await portal.database.serving.execute("alter table web_session rename to sessions")
        answers.append(await browser.get(HOME))
        answers.append(await browser.get("/no-page"))

    for answer in answers:
        assert answer.status_code == 500
        assert_strict(answer)
        assert "Internal server error" in Document(answer.text).text
        assert not any(
            word in answer.text.lower() for word in ("traceback", "relation", "asyncpg", "account_user", "sql")
        )
    told = str([{**event, "exc_info": None} for event in logged])
    assert len(logged) == 5
    assert link.rpartition("/")[2] not in told
    assert "correct horse" not in told

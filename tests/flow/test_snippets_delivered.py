"""The snippets of every language here against real deliveries in every version, received over HTTP."""

from pathlib import Path

import pytest

from tests.flow.test_dispatch import SECRET, Way, running
from tests.flow.test_endpoint_tests import send_every_version
from tests.support.databases import add_account
from tests.support.receiver import receiving
from tests.support.snippets.runtimes import Given, Runtimes
from waypost.domain.endpoints import Version
from waypost.portal.snippets import LANGUAGES
from waypost.portal.snippets import Way as Signature
from waypost.store.database import Database


@pytest.mark.parametrize("language", [language.key for language in LANGUAGES])
async def test_a_real_delivery_of_every_version_verifies_and_a_changed_one_is_rejected(
    database: Database, tmp_path: Path, language: str
) -> None:
    async with running(Way(database)) as way, receiving() as receiver:
        account = await add_account(database)
        await send_every_version(way, account, receiver)
    runtimes = Runtimes(tmp_path)

    for version, hook in zip(Version, receiver.requests, strict=True):
        changed = hook.body.replace(b"AUSTIN", b"BOSTON")
        key = SECRET if version is Version.V4 else f"{account.hex}@shop.test"
        standard = [Given(hook.body, hook.headers, SECRET), Given(changed, hook.headers, SECRET)]
        own = [Given(hook.body, hook.headers, key), Given(hook.body, hook.headers, "another-key-than-the-right-one")]
        for signature, given in ((Signature.STANDARD, standard), (Signature(version.lower()), own)):
            taken, refused = runtimes.ask(language, signature, given)
            assert taken == "ok"
            assert refused.startswith("refused: ")

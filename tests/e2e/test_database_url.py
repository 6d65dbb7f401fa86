"""`waypost` on your own PostgreSQL: what it requires first, and that it then works the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.embedded import open_place, running
from tests.support.serving import run_waypost, serving
from waypost.store.migration_files import migrations

KEY = "a secret key of sixteen characters or more"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    with open_place() as place:
        async with running(place / "data") as server:
            yield server.dsn


async def waypost(*arguments: str, **settings: str) -> tuple[int, str]:
    ended = await asyncio.to_thread(run_waypost, *arguments, **settings)
    return ended.returncode, ended.stderr


async def test_serve_requires_migrations_then_a_key_and_recognises_that_key(url: str) -> None:
    as_text = {"WAYPOST_SECRET_KEY": KEY, "WAYPOST_LOG_FORMAT": "text"}
    assert await waypost("serve", "--port", "0", "--database-url", url, **as_text) == (
        1,
        f"waypost: The database lacks {len(migrations())} of this program's migrations: run `waypost migrate`.\n",
    )
    assert (await waypost("migrate", "--database-url", url))[0] == 0

    code, said = await waypost("serve", "--port", "0", "--database-url", url)

    assert (code, said.count("\n")) == (1, 1)
    assert "WAYPOST_SECRET_KEY" in said


async def test_serve_works_with_a_database_url(migrated_url: str) -> None:
    with serving(WAYPOST_DATABASE_URL=migrated_url, WAYPOST_SECRET_KEY=KEY) as server:
        await asyncio.to_thread(server.start)
        made = await asyncio.to_thread(
            run_waypost,
            *("account", "create", "--email", "a@b.co", "--name", "Shop", "--password", "correct horse"),
            *("--database-url", migrated_url),
        )
        assert made.returncode == 0, made.stderr
        assert await asyncio.to_thread(server.stop) == 0
        assert not server.data_dir.exists()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/d", "can't be reached"),
        ("postgresql://u:s3cret@127.0.0.1:port/d", "can't be read"),
        ("mysql://u:s3cret@127.0.0.1/d", "must start with postgresql://"),
    ],
)
def test_an_unusable_url_gives_one_sentence_without_its_password(tmp_path: Path, wrong: str, problem: str) -> None:
    ended = run_waypost("migrate", "--database-url", wrong, WAYPOST_DATA_DIR=str(tmp_path))

    assert ended.returncode in (1, 2)
    assert problem in ended.stderr
    assert "s3cret" not in ended.stderr
    assert ended.stderr.count("\n") == 1

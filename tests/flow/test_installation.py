"""The installation's secret key: created once, recognised later, and any other one rejected."""

import stat

import pytest

from waypost.store.installation import KeyFile, WrongSecretKey, check_secret_key, own_secret_key


@pytest.fixture
def file(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    return KeyFile(data_dir)


async def test_the_secret_key_is_created_once_and_readable_only_by_its_owner(database, file):
    async with database.serving.acquire() as session:
        made = await own_secret_key(session, file)
        await check_secret_key(session, made, came_from="the file")

        again = await own_secret_key(session, file)

    assert again == made
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


async def test_a_key_other_than_the_databases_is_rejected(database):
    async with database.serving.acquire() as session:
        await check_secret_key(session, "the first key of this database", came_from="SECRET_KEY")

        with pytest.raises(WrongSecretKey, match="SECRET_KEY is not the key"):
            await check_secret_key(session, "another key altogether", came_from="SECRET_KEY")
        await check_secret_key(session, "the first key of this database", came_from="SECRET_KEY")


async def test_a_lost_key_is_not_replaced_by_a_new_one(database, file):
    async with database.serving.acquire() as session:
        await check_secret_key(session, await own_secret_key(session, file), came_from="the file")
        file.path.unlink()

        with pytest.raises(WrongSecretKey, match="is missing"):
            await own_secret_key(session, file)
    assert not file.path.exists()


async def test_a_key_file_without_a_key_is_reported(database, file):
    file.path.write_text("short\n")

    async with database.serving.acquire() as session:
        with pytest.raises(WrongSecretKey, match="holds no key"):
            await own_secret_key(session, file)

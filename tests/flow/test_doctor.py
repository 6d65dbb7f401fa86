"""Doctor finds real damage and reports it in one sentence with advice."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account, add_endpoint, named
from tests.support.embedded import ignore
from waypost.app.doctor import CheckResult, Severity, disk, examine, forecast
from waypost.domain import ids
from waypost.intake.batch import write
from waypost.settings import Settings
from waypost.store import dispatchers, installation, partitions
from waypost.store.database import LEAST_CONNECTIONS, Database
from waypost.store.embedded.room import MEGABYTE

KEY = "a secret key of sixteen characters or more"


@dataclass
class Patient:
    """An installation on a database of its own, with one parcel that waits."""

    database: Database
    dsn: str
    account: UUID

    async def finding(self, check: str, **settings: object) -> CheckResult:
        given: dict[str, Any] = {"database_url": SecretStr(self.dsn), "secret_key": SecretStr(KEY)} | settings
        findings = await examine(Settings.model_construct(**given), ignore)
        assert all((one.remedy is None) is (one.state is Severity.FINE) for one in findings)
        return next(one for one in findings if one.check == check)

    async def state(self, check: str, **settings: object) -> str:
        return (await self.finding(check, **settings)).state.value


@pytest.fixture
async def patient(database: Database, server_dsn: str) -> Patient:
    account = await add_account(database)
    await add_endpoint(database, account)
    async with database.engine.acquire() as session, session.transaction():
        await write(session, [reporting(account, "A1", scan(hour)) for hour in (8, 9)], frozenset())
        await installation.check_secret_key(session, KEY, came_from="the test")
    name = await database.serving.fetchval("select current_database()")
    return Patient(database, named(server_dsn, name), account)


CHECKS = (
    "database",
    "durability",
    "migrations",
    "secret key",
    "clock",
    "partitions",
    "queue",
    "audit log",
    "reconciliation",
)


async def test_doctor_approves_a_healthy_installation(patient: Patient) -> None:
    async with patient.database.engine.acquire() as life:
        await dispatchers.join(life)

        assert {check: await patient.state(check) for check in (*CHECKS, "dispatchers")} == dict.fromkeys(
            (*CHECKS, "dispatchers"), "fine"
        )


async def test_an_unreachable_database_is_an_error_without_its_password(patient: Patient) -> None:
    found = await patient.finding("database", database_url=SecretStr("postgresql://u:hidden@127.0.0.1:1/w"))

    assert found.state is Severity.WRONG
    assert "hidden" not in found.says


async def test_a_data_directory_without_a_database_is_not_changed(patient: Patient, tmp_path: Path) -> None:
    assert await patient.state("database", database_url=None, data_dir=tmp_path) == "wrong"
    assert not (tmp_path / "postgres").exists()


UNSAFE = """
do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$
"""
FORGED = """
insert into audit_entry (account, number, at, actor, action, subject, changes, digest)
select id, 1, now(), 'somebody', 'user.signed_in', 'somebody', '{}', decode(repeat('00', 32), 'hex') from account
"""
BROKEN = {
    "audit log": FORGED,
    "migrations": "delete from migration where number = 1",
    "durability": UNSAFE,
    "reconciliation": "delete from due where not blocked",
}


@pytest.mark.parametrize("check", BROKEN)
async def test_damage_in_the_database_is_an_error(patient: Patient, check: str) -> None:
    await patient.database.serving.execute(BROKEN[check])

    assert await patient.state(check) == "wrong"


async def test_an_empty_database_needs_a_migration(patient: Patient) -> None:
    await patient.database.serving.execute("drop table migration")

    assert "waypost migrate" in str((await patient.finding("migrations")).remedy)
    assert await patient.database.serving.fetchval("select to_regclass('migration')") is None


async def test_missing_partitions_are_a_warning_and_an_error_if_tomorrows_is_missing(patient: Patient) -> None:
    today = await patient.database.serving.fetchval("select (now() at time zone 'utc')::date")

    for distance, state in ((4, "warning"), (1, "wrong")):
        await patient.database.serving.execute(f"drop table event_{today + timedelta(days=distance):%Y%m%d}")
        assert await patient.state("partitions") == state


async def test_an_event_of_the_future_shows_that_the_clock_was_set_back(patient: Patient) -> None:
    now = await patient.database.serving.fetchval("select now()")
    later = ids.make_id(int(now.timestamp() * 1000) + 86_400_000, 1, 1)
    move = "update event set id = $1, day = (uuid_extract_timestamp($1) at time zone 'utc')::date where sequence = 2"
    await patient.database.serving.execute(move, later)

    assert await patient.state("clock") == "wrong"


async def test_overdue_deliveries_are_a_warning(patient: Patient) -> None:
    await patient.database.serving.execute("update due set next_at = now() - interval '6 minutes'")

    assert await patient.state("queue") == "warning"


async def test_missing_and_dead_dispatchers_are_a_warning(patient: Patient) -> None:
    assert await patient.state("dispatchers") == "warning"

    async with patient.database.engine.acquire() as life:
        await dispatchers.join(life)
        await patient.database.serving.execute("insert into dispatcher (number) values (1)")

        assert "1 of 2" in (await patient.finding("dispatchers")).says


@pytest.mark.parametrize("key", [SecretStr("another key of sixteen characters or more"), None])
async def test_a_wrong_or_missing_secret_key_is_an_error(patient: Patient, key: SecretStr | None) -> None:
    assert await patient.state("secret key", secret_key=key) == "wrong"


@pytest.mark.parametrize(
    ("allowed", "state"), [("0.0.0.0/0", "wrong"), ("::/0", "wrong"), ("10.0.0.0/8", "warning"), (None, "fine")]
)
async def test_opened_networks_are_reported(patient: Patient, allowed: str | None, state: str) -> None:
    networks = () if allowed is None else (ip_network(allowed),)

    assert await patient.state("egress", egress_allow=networks) == state


async def test_missing_settings_are_warnings_and_present_ones_are_fine(patient: Patient) -> None:
    assert (await patient.state("public URL"), await patient.state("carriers")) == ("warning", "warning")
    assert await patient.state("public URL", public_url="https://waypost.example") == "fine"
    assert await patient.state("carriers", carrier_dhl_api_key=SecretStr("key")) == "fine"


@pytest.mark.parametrize(("megabytes", "state"), [(99, "wrong"), (100, "warning"), (799, "warning"), (800, "fine")])
def test_low_disk_space_is_judged_by_what_updates_need(megabytes: int, state: str) -> None:
    assert disk(megabytes * MEGABYTE, least=100 * MEGABYTE).state.value == state


@pytest.mark.parametrize(("megabytes", "state"), [(0, "fine"), (10**9, "wrong")])
async def test_the_disk_is_judged_by_the_setting(tmp_path: Path, megabytes: int, state: str) -> None:
    (tmp_path / "postgres" / "no-database").mkdir(parents=True)

    findings = await examine(Settings(data_dir=tmp_path, min_free_disk=megabytes), ignore)

    assert {one.check: one.state.value for one in findings}["disk"] == state


async def test_more_connections_than_the_server_allows_are_a_warning(patient: Patient) -> None:
    finding = await patient.finding("connections", engine_connections=100, serving_connections=100)

    assert finding.state == "warning"
    assert "max_connections" in str(finding.remedy)


async def test_processes_that_need_more_connections_than_allowed_are_an_error(patient: Patient) -> None:
    allowed = 97  # of the embedded server, which reserves three for superusers
    others = [
        await asyncpg.connect(patient.dsn, server_settings={"application_name": f"waypost-web@machine:{number}"})
        for number in range(allowed // LEAST_CONNECTIONS)
    ]

    finding = await patient.finding("connections")

    assert finding.state == "wrong"
    assert "running processes (25) need 100 at least" in finding.says
    assert finding.remedy == "Increase PostgreSQL's max_connections by 3 or more."
    for one in others:
        await one.close()


async def test_a_settings_file_that_others_can_read_is_named(
    patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert await patient.state("settings file") == "fine"
    file = tmp_path / "waypost.toml"
    file.touch(0o644)
    assert (await patient.finding("settings file")).remedy == f"Run `chmod 600 {file}`."
    file.chmod(0o600)

    assert await patient.state("settings file") == "fine"


async def test_the_day_when_the_disk_is_full_is_foreseen(patient: Patient) -> None:
    async with patient.database.serving.acquire() as session:
        sizes, today = await partitions.sizes(session), await partitions.today(session)
    yesterday = {today - timedelta(days=1): 50 * MEGABYTE}
    history = timedelta(days=30)

    soon = forecast(100 * MEGABYTE, yesterday, today=today, history=history)

    assert sizes[today] > 0
    assert (soon.state.value, soon.says) == ("warning", "At 50.0 MB a day the disk is full in 3 days.")
    assert forecast(10**12, yesterday, today=today, history=history).state.value == "fine"
    assert forecast(0, {}, today=today, history=history).says.startswith("There is no full day yet")


async def test_a_karrio_that_cannot_be_run_is_a_warning(patient: Patient, tmp_path: Path) -> None:
    found = await patient.finding("karrio", karrio_python=tmp_path / "python")
    assert found.says == "WAYPOST_KARRIO_PYTHON can't be run: No such file or directory."

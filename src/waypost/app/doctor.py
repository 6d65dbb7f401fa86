"""Check an installation and report problems and remedies. Changes nothing.

``examine`` reads as the list of checks, first of the settings, then of the database. Each check is a small function
that returns one ``Finding``.
"""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from waypost.app.backing_up import scheduled_backups
from waypost.app.karrio import make_bridge
from waypost.app.sending import make_guard
from waypost.app.storage import Progress, Storage, given_key, reached_storage
from waypost.dispatch.certificates import expiries, trusting
from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.disk import days_until_full
from waypost.keeper.reconciler import Reconciler
from waypost.settings import Settings, file_seen_by_others, variable
from waypost.sources.carriers import carriers
from waypost.store import audit, condition, dispatchers, endpoints, partitions
from waypost.store.connecting import CannotConnect
from waypost.store.database import LEAST_CONNECTIONS, Database, UnsafeServer, most_connections
from waypost.store.embedded.room import MEGABYTE, least_free_bytes
from waypost.store.embedded.server import EmbeddedPostgresError
from waypost.store.installation import WrongSecretKey, knows_secret_key
from waypost.store.measures import measure_backlog
from waypost.store.migration_files import MigrationError

PLENTY: Final = 8
"""How many times as much of the disk as has to be free is enough not to be warned of."""
MOST_CLOCK_SECONDS: Final = 60.0
LONG_DUE_SECONDS: Final = 300.0
MOST_WINDOWS: Final = 40
CROWDED: Final = 0.9
AUDITED_ACCOUNTS: Final = 200
AUDITED_ENTRIES: Final = 200
OLDEST_BACKUP: Final = timedelta(hours=36)
SOON: Final = timedelta(days=14)
MOST_CERTIFICATES: Final = 200
MOST_HOSTS: Final = 10
_EVERYWHERE: Final = 0


class Severity(StrEnum):
    """How bad the result of a check is."""

    FINE = "fine"
    WARNING = "warning"
    WRONG = "wrong"


class CheckResult(msgspec.Struct, frozen=True):
    """The finding of one check; warnings and errors have a remedy."""

    check: str
    state: Severity
    says: str
    remedy: str | None = None


async def examine(settings: Settings, progress: Progress) -> list[CheckResult]:
    """Return the findings of all checks. An unreachable database ends the list, since the rest depends on it."""
    findings = [
        _egress(settings),
        _public_url(settings),
        _carriers(settings),
        *await _karrio(settings),
        _settings_file(),
    ]
    if settings.database_url is None:
        if not (settings.data_dir / "postgres").exists():
            return [*findings, _wrong("database", f"{settings.data_dir} holds no database.", _START)]
        size, _, free = shutil.disk_usage(settings.data_dir)
        findings.append(disk(free, least=least_free_bytes(size, settings.min_free_disk)))
    try:
        async with reached_storage(settings, progress) as storage:
            return [*findings, *await _database(settings, storage)]
    except UnsafeServer as error:
        return [*findings, _wrong("durability", str(error), "Change it in postgresql.conf and restart PostgreSQL.")]
    except (CannotConnect, EmbeddedPostgresError) as error:
        return [
            *findings,
            _wrong("database", str(error), f"Repair it, or set another one with {variable('database_url')}."),
        ]


async def _database(settings: Settings, storage: Storage) -> list[CheckResult]:
    database = storage.database
    findings = [
        _fine("database", "PostgreSQL is reachable."),
        _fine("durability", "fsync, full_page_writes and synchronous_commit are on."),
        await _migrations(database),
    ]
    if findings[-1].state is Severity.WRONG:
        return findings
    looks: tuple[Callable[[Database], Awaitable[CheckResult]], ...] = (_clock, _partitions, _oldest_due, _audit_log)
    findings += [await _secret_key(settings, database), *[await look(database) for look in looks]]
    findings.append(await _connections(settings, database))
    findings.append(await _dispatchers(database, serving=storage.server is None))
    findings.append(await _reconciliation(settings, database))
    findings.append(backups(settings, datetime.now(UTC)))
    findings.append(await _certificates(settings, database))
    if settings.database_url is None:
        findings.append(await _forecast(settings, database))
    return findings


def backups(settings: Settings, now: datetime) -> CheckResult:
    """Judge the scheduled backups by the age of the newest."""
    remedy = f"Set {variable('backup_dir')} to a folder on another disk, or run `waypost backup` every day."
    scheduled = scheduled_backups(settings)
    if scheduled is None:
        return _warning("backups", "No backups are scheduled.", remedy)
    newest = scheduled.newest()
    if newest is None:
        says = f"There is no backup in {settings.backup_dir}."
        return _wrong("backups", says, f"{_KEEP} Its log says why a backup failed.")
    says = f"The newest backup is of {newest:%Y-%m-%d %H:%M} UTC."
    if now - newest > OLDEST_BACKUP:
        return _wrong("backups", says, f"{_KEEP} Its log says why a backup failed.")
    return _fine("backups", says)


async def _certificates(settings: Settings, database: Database) -> CheckResult:
    async with database.serving.acquire() as session:
        urls = await endpoints.https_urls(session, MOST_CERTIFICATES)
    authorities = None if settings.ca_bundle is None else settings.ca_bundle.read_bytes()
    return expiring(await expiries(make_guard(settings), urls, trusting(authorities)), datetime.now(UTC))


def expiring(found: Mapping[str, datetime], now: datetime) -> CheckResult:
    """Judge the certificates of the endpoints' hosts by when they expire."""
    soon = sorted((expires, host) for host, expires in found.items() if expires - now < SOON)
    if not soon:
        return _fine("certificates", f"Certificates checked: {len(found)}. None expires within {SOON.days} days.")
    named = ", ".join(f"{host} on {expires:%Y-%m-%d}" for expires, host in soon[:MOST_HOSTS])
    more = f" and {len(soon) - MOST_HOSTS} more" if len(soon) > MOST_HOSTS else ""
    remedy = "Their owners must renew them: webhooks to a host fail when its certificate has expired."
    return _warning("certificates", f"Certificates of endpoints expire soon: {named}{more}.", remedy)


def _settings_file() -> CheckResult:
    path = file_seen_by_others()
    if path is not None:
        says = f"Other users of this machine can read {path}, and passwords and keys in it."
        return _warning("settings file", says, f"Run `chmod 600 {path}`.")
    return _fine("settings file", "Nobody else can read it, or there is none.")


def _egress(settings: Settings) -> CheckResult:
    name = variable("egress_allow")
    if any(network.prefixlen == _EVERYWHERE for network in settings.egress_allow):
        return _wrong(
            "egress", f"{name} allows every address, so a customer's URL can reach your internal network.", _NARROW
        )
    if settings.egress_allow:
        networks = ", ".join(map(str, settings.egress_allow))
        return _warning("egress", f"{name} lets any account send webhooks to {networks}.", _NARROW)
    return _fine("egress", "Deliveries go to public addresses only.")


def _public_url(settings: Settings) -> CheckResult:
    if settings.public_url is None:
        says = "The public URL is not set, so the API can't return links to tracking pages."
        return _warning("public URL", says, f"Set {variable('public_url')}.")
    return _fine("public URL", f"The public URL is {settings.public_url}.")


async def _karrio(settings: Settings) -> list[CheckResult]:
    bridge = make_bridge(settings)
    if bridge is None:
        return []
    try:
        await bridge.check()
    except CarrierUnavailable as error:
        remedy = f"See the guide to more carriers, or remove {variable('karrio_python')}."
        return [_warning("karrio", f"{str(error).rstrip('.')}.", remedy)]
    finally:
        await bridge.close()
    return [_fine("karrio", f"{settings.karrio_python} runs karrio.")]


def _carriers(settings: Settings) -> CheckResult:
    asked = [carrier.title for carrier in carriers() if settings.operator_key(carrier) is not None]
    if not asked:
        says = "No carrier credentials are set for the installation: only connections of accounts poll carriers."
        remedy = f"Set {variable('carrier_dhl_api_key')}, or let accounts connect carriers under Sources."
        return _warning("carriers", says, remedy)
    return _fine("carriers", f"Keys of the operator: {', '.join(asked)}.")


def disk(free: int, *, least: int) -> CheckResult:
    """Judge how many bytes the data directory has left; updates are accepted only if ``least`` are left."""
    says = f"The data directory has {free // MEGABYTE:,} MB left; updates are rejected below {least // MEGABYTE:,} MB."
    remedy = f"Free up space, or reduce the retention period ({variable('history_days')})."
    if free < least:
        return _wrong("disk", says, remedy)
    return _warning("disk", says, remedy) if free < least * PLENTY else _fine("disk", says)


async def _forecast(settings: Settings, database: Database) -> CheckResult:
    size, _, free = shutil.disk_usage(settings.data_dir)
    spare = free - least_free_bytes(size, settings.min_free_disk)
    async with database.serving.acquire() as session:
        sizes, today = await partitions.sizes(session), await partitions.today(session)
    return forecast(spare, sizes, today=today, history=timedelta(days=settings.history_days))


def forecast(spare: int, sizes: Mapping[date, int], *, today: date, history: timedelta) -> CheckResult:
    """Judge when the data directory's disk is full at the rate of the last week; see ``days_until_full``."""
    days, a_day = days_until_full(spare, sizes, today=today, history=history)
    if days is None:
        rate = f"A day takes {a_day / MEGABYTE:,.1f} MB" if a_day else "There is no full day yet"
        return _fine("disk forecast", f"{rate}; events go after {history.days} days.")
    says = f"At {a_day / MEGABYTE:,.1f} MB a day the disk is full in {days} {'day' if days == 1 else 'days'}."
    remedy = f"Use a larger disk, or reduce the retention period ({variable('history_days')})."
    return _warning("disk forecast", says, remedy)


async def _migrations(database: Database) -> CheckResult:
    try:
        async with database.serving.acquire() as session:
            pending = await condition.pending_migrations(session)
    except MigrationError as error:
        return _wrong("migrations", str(error), "Run the version of Waypost that matches this database.")
    if pending is None or pending:
        says = "The database has no Waypost tables." if pending is None else f"The database lacks {pending} migrations."
        return _wrong("migrations", says, "Run `waypost migrate`.")
    return _fine("migrations", "The tables are up to date.")


async def _secret_key(settings: Settings, database: Database) -> CheckResult:
    try:
        key = given_key(settings)
    except WrongSecretKey as error:
        return _wrong("secret key", str(error), _BRING_KEY)
    async with database.serving.acquire() as session:
        fits = None if key is None else await knows_secret_key(session, key)
    if key is None:
        return _wrong("secret key", "The secret key is missing.", _BRING_KEY)
    if fits is None:
        return _warning("secret key", "The database has not been used with a key yet.", _START)
    if not fits:
        return _wrong("secret key", "It is not the key that encrypted the endpoint secrets.", _BRING_KEY)
    return _fine("secret key", "It matches the database.")


async def _clock(database: Database) -> CheckResult:
    before = datetime.now(UTC)
    async with database.serving.acquire() as session:
        now: datetime = await session.fetchval("select clock_timestamp()")
        newest = await condition.newest_event(session)
    if newest is not None and newest[0] > newest[1] + timedelta(seconds=MOST_CLOCK_SECONDS):
        says = f"The newest event is from {newest[0]:%Y-%m-%d %H:%M:%S}, in the future of the database's clock."
        return _wrong("clock", says, "Correct the database's clock: until then, readers of the feed miss events.")
    apart = abs((now - before).total_seconds())
    if apart > MOST_CLOCK_SECONDS:
        says = f"This machine's clock and the database's differ by {apart:.0f} s, so receivers may reject signatures."
        return _warning("clock", says, "Synchronise both clocks with NTP.")
    return _fine("clock", "The clocks agree, and no event is in the future.")


async def _connections(settings: Settings, database: Database) -> CheckResult:
    """Return whether PostgreSQL allows enough connections for all processes of this installation."""
    async with database.serving.acquire() as session:
        now, processes = await condition.server_connections(session), await condition.count_processes(session)
    least = LEAST_CONNECTIONS * processes
    most = most_connections(settings.engine_connections, settings.serving_connections) * processes
    says = f"{now.used} of {now.allowed} connections are in use. " + (
        f"Waypost's running processes ({processes}) need {least} at least and use up to {most}."
        if processes
        else "No process of Waypost is running."
    )
    if least > now.allowed:
        return _wrong("connections", says, f"Increase PostgreSQL's max_connections by {least - now.allowed} or more.")
    if now.used > now.allowed * CROWDED or most > now.allowed:
        remedy = "Increase PostgreSQL's max_connections, or reduce {} and {}. Until then processes may wait."
        names = variable("engine_connections"), variable("serving_connections")
        return _warning("connections", says, remedy.format(*names))
    return _fine("connections", says)


async def _partitions(database: Database) -> CheckResult:
    async with database.serving.acquire() as session:
        left = await partitions.days_left(session)
    says = f"Partitions exist for {left} days after today." if left >= 0 else "There is no partition for today."
    if left < 1:
        return _wrong("partitions", says, _KEEP)
    return _warning("partitions", says, _KEEP) if left < partitions.DAYS_AHEAD - 1 else _fine("partitions", says)


async def _oldest_due(database: Database) -> CheckResult:
    async with database.engine.acquire() as session:
        backlog = await measure_backlog(session)
    due = "1 delivery is due" if backlog.due == 1 else f"{backlog.due:,} deliveries are due"
    says = f"{due}; the oldest one for {backlog.oldest_seconds:.0f} s." if backlog.due else "No delivery is due."
    if backlog.oldest_seconds > LONG_DUE_SECONDS:
        return _warning(
            "queue", says, "Make sure that dispatchers are running (`waypost dispatch`), and start more of them."
        )
    return _fine("queue", says)


async def _audit_log(database: Database) -> CheckResult:
    async with database.serving.acquire() as session:
        checked, broken = await audit.broken_lately(session, accounts=AUDITED_ACCOUNTS, entries=AUDITED_ENTRIES)
    if broken:
        says = f"Modified in the database, or an earlier entry was removed: {', '.join(broken)}."
        return _wrong("audit log", says, "Find out who can write to the database, and compare it with a backup.")
    return _fine("audit log", f"Recent entries checked: {checked}. `waypost audit verify` checks all.")


async def _dispatchers(database: Database, *, serving: bool) -> CheckResult:
    async with database.serving.acquire() as session:
        found = await dispatchers.count(session)
    if not found.alive:
        says = (
            "No dispatcher is running, so nothing is sent." if serving else "No server is running, so nothing is sent."
        )
        return _warning("dispatchers", says, "Run `waypost serve`, or `waypost dispatch` beside it.")
    if found.dead:
        says = f"{found.dead} of {found.alive + found.dead} dispatchers died and were not replaced by the others."
        return _warning(
            "dispatchers", says, "Check again in ten seconds: a running dispatcher takes over. If not, restart it."
        )
    return _fine("dispatchers", f"{found.alive} running.")


async def _reconciliation(settings: Settings, database: Database) -> CheckResult:
    reconciler = Reconciler(history=timedelta(days=settings.history_days))
    async with database.engine.acquire() as session:
        found = await reconciler.whole_round(session, most_windows=MOST_WINDOWS)
    deliveries = "delivery" if found.waiting == 1 else "deliveries"
    events = "event" if found.events == 1 else "events"
    looked = f"{found.events} {events} and {found.waiting} waiting {deliveries} checked"
    wrong = [f"{count} {fault}" for fault, count in found.wrong.items() if count]
    if wrong:
        return _wrong("reconciliation", f"{', '.join(wrong)}; {looked}.", _REPORT)
    return _fine("reconciliation", f"Every delivery is accounted for; {looked}.")


def _fine(check: str, says: str) -> CheckResult:
    return CheckResult(check, Severity.FINE, says)


def _warning(check: str, says: str, remedy: str) -> CheckResult:
    return CheckResult(check, Severity.WARNING, says, remedy)


def _wrong(check: str, says: str, remedy: str) -> CheckResult:
    return CheckResult(check, Severity.WRONG, says, remedy)


_START: Final = "Run `waypost serve` once, or specify the right --data-dir or --database-url."
_NARROW: Final = "Allow only the networks of your own receivers."
_KEEP: Final = "Make sure that a keeper is running: `waypost serve` or `waypost keep`."
_BRING_KEY: Final = f"Restore the key from the same backup as the database, or set {variable('secret_key')}."
_REPORT: Final = (
    "Save the log and the database, then restart. Forgotten or orphaned deliveries resume automatically; headless or"
    " missing ones are a bug in Waypost: please report it."
)

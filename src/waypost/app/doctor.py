"""Looks an installation over and says what is wrong with it and what to do; changes nothing.

``examine`` reads as the list of what is looked at: first the settings, then the database, each a small function that
gives one ``Finding``.
"""

import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from waypost.app.storage import Progress, Storage, reached_storage
from waypost.keeper.reconciler import Reconciler
from waypost.settings import Settings, variable
from waypost.sources.carriers import carriers
from waypost.store import audit, condition, dispatchers, partitions
from waypost.store.connecting import CannotConnect
from waypost.store.database import Database, UnsafeServer, most_connections
from waypost.store.embedded.room import MEGABYTE, least_free_bytes
from waypost.store.embedded.server import EmbeddedPostgresError
from waypost.store.installation import KeyFile, WrongSecretKey, knows_secret_key
from waypost.store.measures import measure_backlog
from waypost.store.migration_files import MigrationError

PLENTY: Final = 8
"""How many times as much of the disk as has to be free is enough not to be warned of."""
MOST_CLOCK_SECONDS: Final = 60.0
LONG_DUE_SECONDS: Final = 300.0
MOST_WINDOWS: Final = 40
CROWDED: Final = 0.9
_EVERYWHERE: Final = 0


class State(StrEnum):
    """How something is."""

    FINE = "fine"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """What one look came to; whatever is not fine has a remedy."""

    check: str
    state: State
    says: str
    remedy: str | None = None


async def examine(settings: Settings, progress: Progress) -> list[Finding]:
    """Look everything over. What can't be reached ends the list: the rest stands on it."""
    findings = [_egress(settings), _public_url(settings), _carriers(settings)]
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
            _wrong("database", str(error), f"Mend it, or name another one by {variable('database_url')}."),
        ]


async def _database(settings: Settings, storage: Storage) -> list[Finding]:
    database = storage.database
    findings = [
        _fine("database", "PostgreSQL answers."),
        _fine("durability", "fsync, full_page_writes and synchronous_commit are on."),
        await _migrations(database),
    ]
    if findings[-1].state is State.WRONG:
        return findings
    looks: tuple[Callable[[Database], Awaitable[Finding]], ...] = (_clock, _partitions, _oldest_due, _audit_log)
    findings += [await _secret_key(settings, database), *[await look(database) for look in looks]]
    findings.append(await _connections(settings, database))
    findings.append(await _dispatchers(database, serving=storage.server is None))
    findings.append(await _reconciliation(settings, database))
    return findings


def _egress(settings: Settings) -> Finding:
    name = variable("egress_allow")
    if any(network.prefixlen == _EVERYWHERE for network in settings.egress_allow):
        return _wrong("egress", f"{name} allows every address: a customer's URL reaches your own network.", _NARROW)
    if settings.egress_allow:
        networks = ", ".join(map(str, settings.egress_allow))
        return _warning("egress", f"{name} lets deliveries into {networks}, whoever names a URL there.", _NARROW)
    return _fine("egress", "Deliveries go to public addresses only.")


def _public_url(settings: Settings) -> Finding:
    if settings.public_url is None:
        says = "Nobody has said under which address people reach this server: links of track pages can't be made."
        return _warning("public URL", says, f"Set {variable('public_url')}.")
    return _fine("public URL", f"People reach this server at {settings.public_url}.")


def _carriers(settings: Settings) -> Finding:
    asked = [carrier.title for carrier in carriers() if settings.operator_key(carrier) is not None]
    if not asked:
        says = "No carrier has a key: nothing is tracked but what is reported by the API."
        return _warning(
            "carriers", says, f"Set {variable('carrier_dhl_api_key')}, or report updates by POST /v1/updates."
        )
    return _fine("carriers", f"Asked: {', '.join(asked)}.")


def disk(free: int, *, least: int) -> Finding:
    """Judge how many bytes the data directory has left, of which ``least`` have to be left for updates to be taken."""
    says = f"The data directory has {free // MEGABYTE:,} MB left; updates are refused below {least // MEGABYTE:,} MB."
    remedy = f"Make room, or keep history for fewer days ({variable('history_days')})."
    if free < least:
        return _wrong("disk", says, remedy)
    return _warning("disk", says, remedy) if free < least * PLENTY else _fine("disk", says)


async def _migrations(database: Database) -> Finding:
    try:
        async with database.serving.acquire() as session:
            pending = await condition.pending_migrations(session)
    except MigrationError as error:
        return _wrong("migrations", str(error), "Run the program that belongs to this database.")
    if pending is None or pending:
        says = (
            "The database has none of our tables." if pending is None else f"The database lacks {pending} migrations."
        )
        return _wrong("migrations", says, "Run `waypost migrate`.")
    return _fine("migrations", "The tables are up to date.")


async def _secret_key(settings: Settings, database: Database) -> Finding:
    try:
        key = _given_key(settings)
    except WrongSecretKey as error:
        return _wrong("secret key", str(error), _BRING_KEY)
    async with database.serving.acquire() as session:
        fits = None if key is None else await knows_secret_key(session, key)
    if key is None:
        return _wrong("secret key", "There is none.", _BRING_KEY)
    if fits is None:
        return _warning("secret key", "The database has not seen a key yet.", _START)
    if not fits:
        return _wrong("secret key", "It is not the one that endpoints' secrets were sealed with.", _BRING_KEY)
    return _fine("secret key", "It is the one that the database was made with.")


def _given_key(settings: Settings) -> str | None:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    return None if settings.database_url is not None else KeyFile(settings.data_dir).read()


async def _clock(database: Database) -> Finding:
    before = datetime.now(UTC)
    async with database.serving.acquire() as session:
        now: datetime = await session.fetchval("select clock_timestamp()")
        newest = await condition.newest_event(session)
    if newest is not None and newest[0] > newest[1] + timedelta(seconds=MOST_CLOCK_SECONDS):
        says = f"The newest event is of {newest[0]:%Y-%m-%d %H:%M:%S}, which is still to come by the database's clock."
        return _wrong("clock", says, "Set the database's clock right: until then readers of the feed miss events.")
    apart = abs((now - before).total_seconds())
    if apart > MOST_CLOCK_SECONDS:
        says = f"This machine's clock and the database's are {apart:.0f} s apart: receivers may refuse signatures."
        return _warning("clock", says, "Let both machines set their clocks by NTP.")
    return _fine("clock", "The clocks agree, and no event lies in the future.")


async def _connections(settings: Settings, database: Database) -> Finding:
    """Look whether the server has room for the connections that every process of this installation may make."""
    async with database.serving.acquire() as session:
        now, processes = await condition.server_connections(session), await dispatchers.count(session)
    wanted = most_connections(settings.engine_connections, settings.serving_connections) * (processes.alive + 1)
    says = f"{now.used} of {now.allowed} connections are in use; this installation may want about {wanted}."
    if now.used > now.allowed * CROWDED or wanted > now.allowed:
        remedy = "Raise max_connections of PostgreSQL, or lower {} and {}."
        names = variable("engine_connections"), variable("serving_connections")
        return _warning("connections", says, remedy.format(*names))
    return _fine("connections", says)


async def _partitions(database: Database) -> Finding:
    async with database.serving.acquire() as session:
        left = await partitions.days_left(session)
    says = (
        f"Tables have room for {left} days after today." if left >= 0 else "Today has no partition: nothing is taken."
    )
    if left < 1:
        return _wrong("partitions", says, _KEEP)
    return _warning("partitions", says, _KEEP) if left < partitions.DAYS_AHEAD - 1 else _fine("partitions", says)


async def _oldest_due(database: Database) -> Finding:
    async with database.engine.acquire() as session:
        backlog = await measure_backlog(session)
    says = f"{backlog.due} deliveries are due; the oldest has been for {backlog.oldest_seconds:.0f} s."
    if backlog.oldest_seconds > LONG_DUE_SECONDS:
        return _warning("queue", says, "See that dispatchers run (`waypost dispatch`), and start more of them.")
    return _fine("queue", says)


async def _audit_log(database: Database) -> Finding:
    async with database.serving.acquire() as session:
        chains = [chain async for chain in audit.chains(session)]
    broken = [f"entry {chain.broken_at} of {chain.email}" for chain in chains if chain.broken_at is not None]
    if broken:
        says = f"Changed in the database, or one before it taken out: {', '.join(broken)}."
        return _wrong("audit log", says, "Find out who can write to the database, and compare with a backup.")
    return _fine("audit log", f"Its {sum(chain.entries for chain in chains)} entries fit together.")


async def _dispatchers(database: Database, *, serving: bool) -> Finding:
    async with database.serving.acquire() as session:
        found = await dispatchers.count(session)
    if not found.alive:
        says = "No dispatcher runs: nothing is sent." if serving else "No server runs: nothing is sent."
        return _warning("dispatchers", says, "Run `waypost serve`, or `waypost dispatch` beside it.")
    if found.dead:
        says = f"{found.dead} of {found.alive + found.dead} dispatchers died and were not buried by the others."
        return _warning("dispatchers", says, "Look again in ten seconds: a living one takes over. If not, restart it.")
    return _fine("dispatchers", f"{found.alive} run.")


async def _reconciliation(settings: Settings, database: Database) -> Finding:
    reconciler = Reconciler(history=timedelta(days=settings.history_days))
    async with database.engine.acquire() as session:
        found = await reconciler.whole_round(session, most_windows=MOST_WINDOWS)
    looked = f"of {found.events} events and {found.waiting} waiting deliveries"
    wrong = [f"{count} {fault}" for fault, count in found.wrong.items() if count]
    if wrong:
        return _wrong("reconciliation", f"{', '.join(wrong)} {looked}.", _REPORT)
    return _fine("reconciliation", f"Every delivery is accounted for, {looked}.")


def _fine(check: str, says: str) -> Finding:
    return Finding(check, State.FINE, says)


def _warning(check: str, says: str, remedy: str) -> Finding:
    return Finding(check, State.WARNING, says, remedy)


def _wrong(check: str, says: str, remedy: str) -> Finding:
    return Finding(check, State.WRONG, says, remedy)


_START: Final = "Run `waypost serve` once, or name the right --data-dir or --database-url."
_NARROW: Final = "Name only the networks that receivers of your own stand in."
_KEEP: Final = "See that a keeper runs: `waypost serve` or `waypost keep`."
_BRING_KEY: Final = f"Bring the key back from the same backup as the database, or set {variable('secret_key')}."
_REPORT: Final = (
    "Keep the log and the database, then restart: what is forgotten or orphaned goes on by itself; what is headless"
    " or missing is a mistake of this program, which its makers have to hear of."
)

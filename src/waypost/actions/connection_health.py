"""How a connection does, as v1, the pages and the commands show it; of the operator's only what is the account's own.

Nothing here shows a credential, and the operator's connections do not reveal how many parcels others have.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.context import ConnectionContext
from waypost.domain import budget, ids
from waypost.domain.budget import Budget, Spending
from waypost.domain.connections import ConnectionKind, ConnectionState
from waypost.domain.times import from_ms, rfc3339, rfc3339_or_none
from waypost.sources import polled, senders
from waypost.sources.carriers.carrier import Carrier
from waypost.store import connections, inbound, unread
from waypost.store.connections import ConnectionRow, Load
from waypost.store.intake_rows import now
from waypost.store.statements import Session
from waypost.store.vault import Vault, WrongKey

BEHIND: Final = timedelta(hours=1)
"""From here on a connection's budget is too small for its parcels, and its page says so."""

INSTALLATION: Final = "installation"
ACCOUNT: Final = "account"
_DAY: Final = timedelta(days=1)
SEALED_ELSEWHERE: Final = "The credentials were encrypted under another WAYPOST_SECRET_KEY: replace them."


class UnknownCode(msgspec.Struct, frozen=True):
    """An unread code or text of the source; ``code`` is empty if there was none."""

    code: str
    text: str
    seen: int


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as v1 shows it. ``owner`` says whose it is: ``account``, or ``installation`` for the operator's.

    ``limited_until`` is when a rate-limited source is polled again. ``parcels`` counts the account's own. A service
    pushes to ``inbound_url``, which is only a path if WAYPOST_PUBLIC_URL is not set, and null for keys without the
    scope ``write``, since it contains a secret; a replaced address works until ``old_url_until``. ``unreadable_pushes``
    counts stored pushes that can be read again. ``generated`` contains secrets that Waypost generated; only the
    response to that request shows them.
    """

    id: str
    source: str
    kind: str
    name: str
    owner: str
    enabled: bool
    state: str
    state_since: str
    message: str | None
    sample: str | None
    last_answer_at: str | None
    limited_until: str | None
    asks_left: int
    asks_reset_at: str
    courier_codes: list[str]
    parcels: int
    behind_seconds: int
    settings: dict[str, str]
    credentials_set: list[str]
    inbound_url: str | None
    old_url_until: str | None = None
    unreadable_pushes: int = 0
    generated: dict[str, str] = {}
    unknown_codes: list[UnknownCode]
    created_at: str
    updated_at: str

    @property
    def shared(self) -> bool:
        """Whether it is the operator's, which accounts use and cannot change."""
        return self.owner == INSTALLATION


async def shown(
    session: Session, context: ConnectionContext, account: UUID, rows: Sequence[ConnectionRow]
) -> list[Connection]:
    """Return connections as an account sees them, in the order of ``rows``.

    One whose credentials can't be opened, since they were sealed under another key, says so.
    """
    codes = await _unknown_codes(session, account)
    at = from_ms(await now(session))
    found = []
    for row in rows:
        one = _show(row, await _load(session, account, row), codes.get(row.source, []), at)
        names = [] if row.account is None else _names_of_credentials(context.vault, row)
        message = SEALED_ELSEWHERE if names is None else one.message
        found.append(msgspec.structs.replace(one, credentials_set=names or [], message=message))
    return await _with_addresses(session, context, account, rows, found)


async def _with_addresses(
    session: Session,
    context: ConnectionContext,
    account: UUID,
    rows: Sequence[ConnectionRow],
    found: Sequence[Connection],
) -> list[Connection]:
    """Return the connections with the addresses of those that are pushed to."""
    pushed = {row.id: row.source for row in rows if row.kind != ConnectionKind.CARRIER}
    if not pushed:
        return list(found)
    addresses = await context.addresses.shown(session, account, pushed)
    shown_ones = []
    for row, one in zip(rows, found, strict=True):
        address = addresses.get(row.id)
        shown_ones.append(
            one
            if address is None
            else msgspec.structs.replace(
                one,
                inbound_url=address.url or address.path,
                old_url_until=address.replaced_until,
                unreadable_pushes=await inbound.count_unreadable(session, row.id),
            )
        )
    return shown_ones


def _names_of_credentials(vault: Vault, row: ConnectionRow) -> list[str] | None:
    """Return which credentials of an account's connection are set; None if they can't be opened."""
    assert row.account is not None  # noqa: S101 - the installation's are in the settings
    try:
        opened = vault.open(row.credentials or b"", account=row.account, endpoint=row.id)
    except WrongKey:
        return None
    return sorted(msgspec.json.decode(opened, type=dict[str, str]))


async def _load(session: Session, account: UUID, row: ConnectionRow) -> Load:
    """Return what a connection has to do; of the operator's the parcels are those of the account."""
    whole = await connections.load(session, row.id)
    if row.account is not None:
        return whole
    return msgspec.structs.replace(whole, parcels=await connections.parcels_of(session, account, row.id))


async def _unknown_codes(session: Session, account: UUID) -> Mapping[str, list[UnknownCode]]:
    found: dict[str, list[UnknownCode]] = {}
    for row in await unread.of_account(session, account):
        found.setdefault(row.source, []).append(UnknownCode(row.code, row.text, row.seen))
    return found


def _show(row: ConnectionRow, load: Load, unknown: list[UnknownCode], at: datetime) -> Connection:
    carrier = polled.find(row.source)
    spent = None if row.spending is None else msgspec.msgpack.decode(row.spending, type=Spending)
    moment = round(at.timestamp() * 1000)
    granted = _granted(row, carrier, spent)
    left = 0 if granted is None else budget.left_today(budget.resume(spent, granted, moment), moment)
    behind = timedelta(0) if load.oldest is None else max(timedelta(0), at - load.oldest)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    shared = row.account is None
    state = row.state if row.enabled else ConnectionState.PAUSED
    return Connection(
        id=ids.to_text(ids.CONNECTION, row.id),
        source=row.source,
        kind=row.kind,
        name=row.name,
        owner=INSTALLATION if shared else ACCOUNT,
        enabled=row.enabled,
        state=state,
        state_since=rfc3339(row.state_since),
        message=row.message or _too_small(carrier, granted, load, behind, shared=shared),
        sample=row.sample,
        last_answer_at=rfc3339_or_none(row.last_answer_at),
        limited_until=_limited_until(state, spent, moment),
        asks_left=left,
        asks_reset_at=rfc3339(midnight),
        courier_codes=[] if carrier is None else sorted(carrier.courier_codes),
        parcels=load.parcels,
        behind_seconds=round(behind.total_seconds()) if behind >= BEHIND else 0,
        settings={} if shared else row.settings,
        credentials_set=[],
        inbound_url=None,
        unknown_codes=unknown,
        created_at=rfc3339(row.created_at),
        updated_at=rfc3339(row.updated_at),
    )


def _granted(row: ConnectionRow, carrier: Carrier | None, spent: Spending | None) -> Budget | None:
    """Return the budget; that of the operator's connection is in the settings of the process that asks with it."""
    if row.account is None and spent is not None:
        return spent.budget
    if carrier is not None:
        return carrier.granted(row.settings)
    sender = senders.find(row.source) if row.is_polled else None
    return None if sender is None else sender.polled


def _limited_until(state: ConnectionState, spent: Spending | None, moment: int) -> str | None:
    if state is not ConnectionState.LIMITED or spent is None or spent.paused_until <= moment:
        return None
    return rfc3339(from_ms(spent.paused_until))


def _too_small(
    carrier: Carrier | None, granted: Budget | None, load: Load, behind: timedelta, *, shared: bool
) -> str | None:
    """Return a message that the budget is too small for the parcels, and by how much; None if it is not."""
    if carrier is None or granted is None or behind < BEHIND:
        return None
    calls_a_day, title = granted.calls_a_day, carrier.title
    if shared:  # how many parcels all accounts have is nobody's to know
        late = behind.total_seconds() / 3600
        return (
            f"{title}: the operator's {calls_a_day:,} calls per day are too few for the parcels of all accounts;"
            f" the next one is {late:,.0f} h late. Connect {title} with your own credentials for more frequent polling."
        )
    hours = load.parcels * 24 / calls_a_day
    return (
        f"{calls_a_day:,} calls per day for {load.parcels:,} parcels mean that each is polled every {hours:,.0f} hours."
        f" Ask {title} for a higher limit."
    )

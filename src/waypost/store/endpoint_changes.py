"""Rows of endpoints, written: each function runs the statement of its name in the caller's transaction."""

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import msgspec

from waypost.domain.endpoints import DisabledReason
from waypost.domain.ids import PLACES, group_of
from waypost.store.endpoints import SealedSecrets
from waypost.store.statements import Session, execute, fetch, fetch_one


class EndpointFields(msgspec.Struct, frozen=True):
    """What people choose about an endpoint; custom ``headers`` are sealed, None for none."""

    url: str
    description: str
    version: str
    statuses: Collection[str] | None
    trigger: str
    ordering: str
    rate_limit_per_second: int | None
    headers: bytes | None
    disable_after_days: int | None
    recover_automatically: bool

    def columns(self) -> tuple[object, ...]:
        """Return the values in the order of the statements."""
        statuses = None if self.statuses is None else list(self.statuses)
        first = (self.url, self.description, self.version, statuses, self.trigger, self.ordering)
        return *first, self.rate_limit_per_second, self.headers, self.disable_after_days, self.recover_automatically


async def free_place(session: Session, account: UUID) -> int:
    """Return the place with the fewest of the account's endpoints; nobody else adds one in this transaction."""
    await execute(session, "lock_account", account)
    taken = Counter(group_of(row["id"])[1] for row in await fetch(session, "endpoint_ids", account))
    return min(range(PLACES), key=lambda place: taken[place])


async def insert_endpoint(
    session: Session, *, endpoint: UUID, account: UUID, fields: EndpointFields, secret: bytes, most: int
) -> bool:
    """Insert the row of an enabled endpoint, after ``free_place``; ``secret`` is sealed.

    Return False if ``most`` exist already.
    """
    return await fetch_one(session, "insert_endpoint", endpoint, account, *fields.columns(), secret, most) is not None


async def lock_endpoint(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Lock the row of an endpoint until the transaction ends. Return False if there is none."""
    return await fetch_one(session, "lock_endpoint", account, endpoint) is not None


async def update_endpoint(session: Session, account: UUID, endpoint: UUID, fields: EndpointFields) -> None:
    """Update the row of an endpoint with what people chose."""
    await execute(session, "update_endpoint", account, endpoint, *fields.columns())


async def update_enabled(session: Session, account: UUID, endpoint: UUID, reason: DisabledReason | None) -> None:
    """Update ``enabled`` in an endpoint's row: disabled for a reason, enabled with None. Without effect if it is so.

    A person can disable for good what Waypost has disabled because it failed.
    """
    await execute(session, "update_enabled", account, endpoint, None if reason is None else reason.value)


async def delete_endpoint(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Mark the row of an endpoint deleted and disabled; it stays. Return False if there is none."""
    return await fetch_one(session, "delete_endpoint", account, endpoint) is not None


async def update_secret(
    session: Session, account: UUID, endpoint: UUID, *, secret: bytes, overlap_seconds: int
) -> SealedSecrets | None:
    """Update the secret (sealed) in an endpoint's row; the current one also signs for some seconds.

    Return None if there is no such endpoint.
    """
    overlap = timedelta(seconds=overlap_seconds)
    row = await fetch_one(session, "update_secret", account, endpoint, secret, overlap)
    return None if row is None else SealedSecrets(**row)


async def delete_previous_secret(session: Session, account: UUID, endpoint: UUID) -> SealedSecrets | None:
    """Clear the previous secret in an endpoint's row; return None if there is no such endpoint."""
    row = await fetch_one(session, "delete_previous_secret", account, endpoint)
    return None if row is None else SealedSecrets(**row)

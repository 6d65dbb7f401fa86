"""What the keeper writes about the health of endpoints."""

from uuid import UUID

from waypost.store.statements import Session, execute, fetch_one


async def update_probe(session: Session, endpoint: UUID, delivery: UUID) -> None:
    """Write the test that is to show whether a disabled endpoint responds again."""
    await execute(session, "update_probe", endpoint, delivery)


async def update_recovered(session: Session, endpoint: UUID) -> bool:
    """Enable an endpoint that Waypost disabled because it failed. Return False if it is not so any more."""
    if await fetch_one(session, "update_recovered", endpoint) is None:
        return False
    await execute(session, "update_health_recovered", endpoint)
    return True


async def mark_gone(session: Session, endpoint: UUID) -> None:
    """Mark a disabled endpoint as one that has answered 410: it is not tested again."""
    await execute(session, "mark_gone", endpoint)

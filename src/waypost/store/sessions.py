"""Sessions of browsers. Their tokens are never stored, only the SHA-256."""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from waypost.store.statements import Session, execute, fetch_one

A_TIME: Final = 5_000


async def get(session: Session, key: str, *, renew_seconds: float | None) -> bytes | None:
    """Return the value in the row of a browser's session, and renew its lifetime; None if it does not exist."""
    if renew_seconds is None:
        row = await fetch_one(session, "session", _digest(key))
    else:
        row = await fetch_one(session, "renew_session", _digest(key), timedelta(seconds=renew_seconds))
    return None if row is None else bytes(row["data"])


async def put(session: Session, key: str, data: bytes, *, seconds: float) -> None:
    """Insert the row of a browser's session, for a limited time."""
    await execute(session, "set_session", _digest(key), data, timedelta(seconds=seconds))


async def replace(session: Session, key: str, data: bytes, *, seconds: float) -> bool:
    """Replace the value in the row of a browser's session and renew its lifetime.

    Return False, and store nothing, if it no longer exists.
    """
    lives = timedelta(seconds=seconds)
    return await fetch_one(session, "replace_session", _digest(key), data, lives) is not None


async def delete(session: Session, key: str) -> None:
    """Delete the row of a browser's session."""
    await execute(session, "delete_session", _digest(key))


async def expires_in(session: Session, key: str) -> float | None:
    """Return how many seconds a browser's session still lives; None if it does not exist."""
    row = await fetch_one(session, "session_expiry", _digest(key))
    return None if row is None else float(row["seconds"])


async def forget(session: Session) -> int:
    """Delete some expired sessions and login links, and return how many; 0 if none is left."""
    row = await fetch_one(session, "forget_sessions", A_TIME)
    forgotten: int = row["forgotten"] if row else 0
    return forgotten


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()

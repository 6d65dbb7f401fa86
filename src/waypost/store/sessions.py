"""Sessions of browsers. What a browser holds is never kept, only its SHA-256."""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from waypost.store.statements import Session, execute, fetch_one

A_TIME: Final = 5_000


async def get(session: Session, key: str, *, renew_seconds: float | None) -> bytes | None:
    """Give what is kept under a key, and let it live so much longer from now; None when it is not there."""
    if renew_seconds is None:
        row = await fetch_one(session, "session", _digest(key))
    else:
        row = await fetch_one(session, "renew_session", _digest(key), timedelta(seconds=renew_seconds))
    return None if row is None else bytes(row["data"])


async def put(session: Session, key: str, data: bytes, *, seconds: float) -> None:
    """Keep something under a key for so long."""
    await execute(session, "set_session", _digest(key), data, timedelta(seconds=seconds))


async def replace(session: Session, key: str, data: bytes, *, seconds: float) -> bool:
    """Keep something else under a key, for so long from now; False, and nothing is kept, when it is there no more."""
    lives = timedelta(seconds=seconds)
    return await fetch_one(session, "replace_session", _digest(key), data, lives) is not None


async def delete(session: Session, key: str) -> None:
    """Forget what is kept under a key."""
    await execute(session, "delete_session", _digest(key))


async def expires_in(session: Session, key: str) -> float | None:
    """Give for how many seconds a key lives; None when it is not there."""
    row = await fetch_one(session, "session_expiry", _digest(key))
    return None if row is None else float(row["seconds"])


async def forget(session: Session) -> int:
    """Forget some sessions and login links that have expired, and give how many; 0 when none is left."""
    row = await fetch_one(session, "forget_sessions", A_TIME)
    forgotten: int = row["forgotten"] if row else 0
    return forgotten


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()

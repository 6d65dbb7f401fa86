"""Accounts and sign-ins written directly to a server's database: a command for each would take a second."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import asyncpg
from argon2 import PasswordHasher

from waypost.domain import ids
from waypost.domain.api_keys import RANDOM_BYTES, digest_of, make_key, shown_prefix
from waypost.store.embedded.server import locate

PASSWORD = "correct horse"
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_MADE_AT = 1_790_000_000_000


def make_account(data_dir: Path, email: str, *, made_at: int = _MADE_AT) -> str:
    """Make an account with one user and give its API key."""
    key = make_key(secrets.token_bytes(RANDOM_BYTES))
    account, user, key_id = (ids.make_id(made_at, 0, secrets.randbits(62)) for _ in range(3))
    statements = (
        ("insert into account (id, email, name) values ($1, $2, 'Shop')", (account, email)),
        (
            "insert into account_user (id, account, email, password_hash, role) values ($1, $2, $3, $4, 'owner')",
            (user, account, email, _HASH),
        ),
        (
            "insert into api_key (id, account, name, prefix, digest, scopes) values ($1, $2, 'Test', $3, $4, $5)",
            (key_id, account, shown_prefix(key), digest_of(key), ["read", "write", "updates"]),
        ),
    )
    _write(data_dir, statements)
    return key


def make_login_link(data_dir: Path, email: str) -> str:
    """Make a link's token that logs the user in once."""
    token = secrets.token_urlsafe(32)
    statement = (
        "insert into login_link (digest, account_user, expires_at)"
        " select $1, id, now() + interval '1 hour' from account_user where email = $2"
    )
    _write(data_dir, ((statement, (sha256(token.encode()).digest(), email)),))
    return token


def _write(data_dir: Path, statements) -> None:
    async def write() -> None:
        address = await locate(data_dir)
        assert address is not None
        session = await asyncpg.connect(address.dsn)
        try:
            for statement, values in statements:
                await session.execute(statement, *values)
        finally:
            await session.close()

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        thread.submit(asyncio.run, write()).result()

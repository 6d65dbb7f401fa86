"""`waypost audit verify`: whether the audit log is unchanged."""

import asyncio
import json
from pathlib import Path

import asyncpg

from tests.support.commands import call_waypost
from tests.support.serving import run_waypost, serving
from waypost.store.embedded.server import locate

EMAIL = "shop@example.com"


async def tamper(data_dir: Path) -> None:
    """Change an entry as somebody can who owns the database."""
    address = await locate(data_dir)
    assert address is not None
    session = await asyncpg.connect(address.dsn)
    await session.execute("alter table audit_entry disable trigger all; update audit_entry set actor = 'somebody'")
    await session.close()


def test_verifying_the_log_exits_with_1_if_something_was_changed() -> None:
    with serving() as server:
        server.start()
        server.account(EMAIL)
        here = ("--data-dir", str(server.data_dir))
        call_waypost("user", "reset-password", "--email", EMAIL, "--password-stdin", *here, stdin="battery staple\n")
        whole = call_waypost("audit", "verify", "--account", EMAIL, "--json", *here)
        told = run_waypost("audit", "verify", *here)
        nobody = call_waypost("audit", "verify", "--account", "nobody@example.com", *here)
        asyncio.run(tamper(server.data_dir))
        broken = call_waypost("audit", "verify", *here)

    assert (whole.returncode, whole.stderr) == (0, "")
    (chain,) = json.loads(whole.stdout)["accounts"]
    assert (chain["email"], chain["entries"], chain["broken_at"], len(chain["digest"])) == (EMAIL, 1, None, 64)
    assert (told.returncode, told.stdout) == (
        0,
        f"ok  {EMAIL}: the newest entry is number 1, with digest {chain['digest']}\n",
    )
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert (broken.returncode, broken.stdout) == (1, f"!!  {EMAIL}: entry 1 doesn't match the previous entry\n")
    assert broken.stderr == "waypost: The audit log of 1 of 1 accounts was modified in the database.\n"

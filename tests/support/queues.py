"""States of a queue that must never occur."""

from typing import Any

_STUCK = """
select count(*) from (select from due where ordering <> 'unordered'
                      group by bucket, tracking, endpoint having bool_and(blocked)) queue
"""


async def stuck(session: Any) -> int:
    """Count the queues that have deliveries but no head."""
    return int(await session.fetchval(_STUCK))

"""Misbehaving receivers, each on its own port, in a separate process.

``python -m tests.support.farm`` prints the ports as a line of JSON and runs until its input ends.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from tests.contract.test_transport_hostile import ACCEPTED, UNANSWERED
from tests.support.receiver import Behaviour, always, answering, receiving
from waypost.domain.attempts import Outcome

ASKED = ("1", "junk", "1000000000", "Fri, 01 Jan 2100 00:00:00 GMT")
ANSWERS: list[tuple[str, bytes | Behaviour | None, Outcome]] = [
    *((name, script, end[0]) for end, scripts in UNANSWERED.items() for name, script in scripts.items()),
    *((name, script, Outcome.SUCCEEDED) for scripts in ACCEPTED.values() for name, script in scripts.items()),
    ("well", answering(200), Outcome.SUCCEEDED),
    ("no content", b"HTTP/1.1 204 No Content\r\n\r\n", Outcome.SUCCEEDED),
    ("a redirect", answering(301, "location: http://127.0.0.1:1/"), Outcome.HTTP_3XX),
    ("500", answering(500), Outcome.HTTP_5XX),
    ("400", answering(400), Outcome.HTTP_4XX),
    *((f"retry-after {asked}", answering(429, f"retry-after: {asked}"), Outcome.HTTP_429) for asked in ASKED),
]


@contextmanager
def farm() -> Iterator[dict[str, int]]:
    """Run it; gives the port of each by its name."""
    command = [sys.executable, "-m", "tests.support.farm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def main() -> None:
    async with AsyncExitStack() as stack:
        ports = {}
        for name, script, _ in ANSWERS:
            ports[name] = (await stack.enter_async_context(receiving(always(script)))).port
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())

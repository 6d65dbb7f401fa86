"""The ceiling: ``dispatch/transport.py`` posts the same signed bodies to the same receiver, and stores nothing.

Runs as a separate process: ``python -m benchmarks.ceiling PORT PARCELS CONNECTIONS`` prints its seconds as JSON.
"""

import asyncio
import json
import sys
import time
from ipaddress import ip_address
from itertools import islice

import uvloop

from benchmarks.load import bodies
from waypost.dispatch.answers import Answer
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.targets import Ports, parse_target
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

_SECRETS = Secrets("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=")
_WARM_UP = 500


async def measure(port: int, texts: list[bytes], connections: int) -> dict[str, float]:
    transport = PyreqwestTransport()
    target = parse_target(f"http://127.0.0.1:{port}/hook", ports=Ports.parse("1-65535"))
    address = ip_address("127.0.0.1")
    waiting = iter(enumerate(texts))

    async def work() -> None:
        for place, body in waiting:
            now = int(time.time())
            headers = (
                ("content-type", "application/json"),
                ("accept", "*/*"),
                ("accept-encoding", "identity"),
                ("user-agent", "Waypost/0 (benchmark)"),
                *v4_headers(_SECRETS, now),
                *standard_headers(_SECRETS, f"evt_{place:032x}", now, body),
                ("waypost-attempt", "1"),
                ("waypost-sequence", "1"),
            )
            answer = await transport.post(target, address, headers, body, deadline_seconds=15)
            if not isinstance(answer, Answer):
                raise ConnectionError(answer.outcome)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(connections)))
    return {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used}


async def main(port: int, parcels: int, connections: int) -> None:
    texts = list(bodies(range(parcels)))
    await measure(port, list(islice(texts, _WARM_UP)), connections)
    print(json.dumps(await measure(port, texts, connections) | {"posts": len(texts), "bytes": sum(map(len, texts))}))


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:])))

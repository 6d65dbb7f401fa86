"""``python -m examples.carrier``: prints the stand-in's URL as one line of JSON and answers until it is ended."""

import argparse
import asyncio
import json
import signal
import time
from datetime import UTC, datetime

from examples.carrier.carrier import Carrier
from examples.carrier.routes import ROUTES
from examples.carrier.server import serve


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise ValueError
    return seconds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.carrier", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--seconds", type=_seconds, default=60.0, help="how long the parcels take (60)")
    parser.add_argument("--hiccups", action="store_true", help="answer 503 once and 429 now and then")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    carrier = Carrier(ROUTES, arguments.seconds, datetime.now(UTC).date(), time.monotonic, hiccups=arguments.hiccups)
    async with serve(carrier, arguments.port) as url:
        print(json.dumps({"url": url}), flush=True)
        await ended.wait()


asyncio.run(_run(_arguments()))

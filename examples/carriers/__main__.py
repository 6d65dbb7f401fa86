"""Answer as twelve carriers and three services do, on this machine, and move their parcels along until Ctrl-C.

The first line of the output is JSON: the URL, and the settings that make your Waypost poll these stand-ins instead of
the carriers. Only the operator can change the URL that a carrier is polled at, never an account:

    python -m examples.carriers --port 9000
    WAYPOST_CARRIER_UPS_BASE_URL=http://127.0.0.1:9000/ups waypost serve

Then connect a carrier with any credentials; those that contain "wrong" are rejected. A service pushes the parcels that
are registered there to the addresses of --push. GET /_plan lists the parcels, GET /_journal counts the requests, and
PUT /_mood/ups/html puts a carrier into a mood.
"""

import argparse
import asyncio
import json
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from examples.carriers.fleet import Fleet
from examples.carriers.formats import NAMES, SERVICES, load
from examples.carriers.formats.service import Service, Target
from examples.carriers.pushing import Pushing
from examples.carriers.server import serve
from examples.carriers.stand_in import Mood, StandIn

ALL = (*NAMES, *SERVICES)


def stand_in(name: str, arguments: argparse.Namespace) -> StandIn:
    """Return the stand-in for a carrier as the arguments want it."""
    form = load(name)
    form.token_seconds = arguments.token_seconds
    today = datetime.now(UTC).date()
    fleet = Fleet(
        form.routes, arguments.seconds, today, time.monotonic, any_number=arguments.any_number or name in SERVICES
    )
    return StandIn(form, fleet, time.monotonic, hiccups=arguments.hiccups, calls_a_second=arguments.calls_a_second)


def settings_for(names: Sequence[str], url: str) -> dict[str, str]:
    """Return the operator's settings with which Waypost polls the stand-ins."""
    kinds = {name: "SERVICE" if name in SERVICES else "CARRIER" for name in names}
    return {f"WAYPOST_{kinds[name]}_{name.replace('-', '_').upper()}_BASE_URL": f"{url}/{name}" for name in names}


def _push(text: str) -> tuple[str, Target]:
    name, _, target = text.partition("=")
    url, _, secret = target.rpartition(",")
    if name not in SERVICES or not url or not secret:
        raise ValueError
    return name, Target(url, secret)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise ValueError
    return seconds


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m examples.carriers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"Carriers: {', '.join(NAMES)}.\nServices: {', '.join(SERVICES)}.\nMoods: {', '.join(Mood)}.",
    )
    options.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    options.add_argument("--only", action="append", choices=ALL, metavar="NAME", help="one of them; repeatable")
    push = "push what is registered at a service there, signed with the secret; repeatable"
    options.add_argument("--push", action="append", default=[], type=_push, metavar="SERVICE=URL,SECRET", help=push)
    options.add_argument("--seconds", type=_seconds, default=60.0, help="how long a parcel's journey takes (60)")
    options.add_argument("--hiccups", action="store_true", help="answer 503 once and 429 now and then")
    options.add_argument("--calls-a-second", type=int, help="answer 429 to more calls than these to one carrier")
    options.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="wait before each answer (0)")
    options.add_argument("--token-seconds", type=int, default=3600, help="how long a token is valid (3600)")
    options.add_argument("--any-number", action="store_true", help="know every number, not just those of the plan")
    return options


async def _run(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    names = arguments.only or ALL
    stand_ins = {name: stand_in(name, arguments) for name in names}
    for name, target in arguments.push:
        form = stand_ins[name].form
        assert isinstance(form, Service)  # noqa: S101 - checked with the option
        form.targets.append(target)
    pushing = asyncio.create_task(Pushing(stand_ins.values()).serve(ended))
    async with serve(stand_ins, arguments.port, latency_seconds=arguments.latency) as url:
        print(json.dumps({"url": url, "settings": settings_for(names, url)}), flush=True)
        await ended.wait()
    await pushing


if __name__ == "__main__":
    asyncio.run(_run(parser().parse_args()))

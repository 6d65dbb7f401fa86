"""Runs all measurements, prints them, and writes them to ``benchmarks/results`` as JSON."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import machine, rates, whole
from benchmarks.client import Client
from benchmarks.keeping import keep
from tests.support.run import watched
from tests.support.serving import LOOPBACK, Serving

PARTS = ("accept", "whole", "start", "idle", "rates")
SHOWN = ("machine", "ceiling", "accept", "moving_out", "whole", "start", "idle")
CONNECTIONS_PER_ENDPOINT = 16
"""The number of attempts that Waypost keeps in flight for one endpoint."""


def main() -> None:
    options, began = _options(), time.monotonic()
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine.describe()}
    found["options"] = {name: value for name, value in vars(options).items() if name not in ("folder", "keep")}
    # On a disk, not in /tmp, which may be memory; accessible to the user that PostgreSQL runs as instead of root.
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with watched(Path(folder)):
            found |= uvloop.run(_measure(options, Path(folder)))
    found["seconds"] = time.monotonic() - began
    _show(found)
    if options.keep:
        keep(found)


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with whole.receiver_process() as (process, port):
        url = f"http://127.0.0.1:{port}"
        hook = f"{url}/hook"
        async with Client(url) as receiver:
            if "accept" in options.parts:
                _say("updates in, nothing to deliver")
                async with whole.running(Serving(folder / "accept", LOOPBACK, from_nothing=False), receiver) as run:
                    found["accept"] = await whole.accept(run, options.parcels, options.per_request)
            rounds = []
            for number in range(options.rounds if "whole" in options.parts else 0):
                _say(f"round {number + 1} of {options.rounds}: the ceiling, then the whole way")
                ceiling = await _ceiling(port, options.parcels, options.endpoints)
                await receiver.get("/seen")
                async with whole.running(
                    Serving(folder / f"round{number}", LOOPBACK, from_nothing=False), receiver
                ) as run:
                    await run.add_endpoints(options.endpoints, hook)
                    moving = await whole.move_out(run, options.endpoints) if options.warm_up else {}
                    before = machine.processor_seconds(process.pid)
                    way = await whole.deliver(run, options.parcels, options.endpoints, options.per_request)
                    way["processor_seconds_receiver"] = machine.processor_seconds(process.pid) - before
                parts = {"ceiling": ceiling, "moving_out": moving, "whole": way}
                rounds.append((way["deliveries_per_second"] / ceiling["posts_per_second"], parts))
            if rounds:
                found |= _middle(rounds)
            if "start" in options.parts:
                _say("starts on new and on existing data")
                found["start"] = await rates.starts(folder / "rates")
            wanted = options.rates if "rates" in options.parts else ()
            if "idle" in options.parts or wanted:
                _say("a server at rest, then single updates at a steady rate")
                idle = "idle" in options.parts
                found |= await rates.measure(folder / "rates", hook, receiver, wanted, options.seconds, idle=idle)
    return found


def _middle(rounds: list[tuple[float, dict[str, dict[str, float]]]]) -> dict[str, Any]:
    """Return the round with the median ratio, and all ratios: machines are noisy, and one round proves nothing."""
    rounds.sort(key=lambda one: one[0])
    ratio, parts = rounds[len(rounds) // 2]
    return {"ratio": ratio, "ratios": [one[0] for one in rounds], **parts}


async def _ceiling(port: int, parcels: int, endpoints: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ceiling"]
    numbers = (port, parcels * endpoints, endpoints * CONNECTIONS_PER_ENDPOINT)
    process = await asyncio.create_subprocess_exec(*command, *map(str, numbers), stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    found = json.loads(output)
    return {
        "posts_per_second": found["posts"] / found["seconds"],
        "body_bytes": found["bytes"] / found["posts"],
        **found,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="whole includes the ceiling (%(default)s)"
    )
    parser.add_argument("--parcels", type=int, default=1500, help="each goes through eight scans (%(default)s)")
    parser.add_argument("--endpoints", type=int, default=4, help="of the account (%(default)s)")
    parser.add_argument("--per-request", type=int, default=125, help="updates in one request (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="of ceiling and whole way; the median counts (%(default)s)"
    )
    parser.add_argument(
        "--no-warm-up", dest="warm_up", action="store_false", help="measure the whole way from the start, with the move"
    )
    rates = (20, 100, 500, 2000)
    parser.add_argument("--rates", type=int, nargs="+", default=rates, help="single updates a second %(default)s")
    parser.add_argument("--seconds", type=float, default=10, help="for which each rate is measured (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the databases are made (%(default)s)")  # noqa: S108 - a disk, where /tmp may be memory
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="write no file")
    return parser.parse_args()


def _show(found: dict[str, Any]) -> None:
    for part in (*SHOWN, *(name for name in found if "at_" in name)):
        if found.get(part):
            print(f"\n{part.replace('_', ' ')}")
        for name, value in found.get(part, {}).items():
            print(
                f"  {name.replace('_', ' '):32} {value:,.3f}"
                if isinstance(value, float)
                else f"  {name.replace('_', ' '):32} {value}"
            )
    if "ratio" in found:
        ratios = ", ".join(f"{one:.2f}" for one in found["ratios"])
        print(f"\nwhole / ceiling {found['ratio']:.2f}, of all rounds: {ratios}")
    print(f"\n{found['seconds']:.0f} seconds in all")


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""Compares libraries in turns: each has one turn a round. Prints every round, and the medians."""

import argparse
import asyncio
import json
import pickle
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import machine
from benchmarks.rivals.clients import CLIENTS
from benchmarks.rivals.drivers import DRIVERS
from benchmarks.rivals.recording import DELIVERIES, record
from benchmarks.whole import receiver_process
from tests.support.embedded import running
from waypost.store import migrating, partitions
from waypost.store.database import Access, Database
from waypost.store.embedded.server import EmbeddedPostgres

CONNECTIONS: Final = 64
PARTS: Final = ("clients", "drivers")


class MissingError(Exception):
    """A library is not installed."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.rivals", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=3, help="in which each library has its turn (%(default)s)")
    parser.add_argument("--parcels", type=int, default=1000, help="with eight posts each (%(default)s)")
    parser.add_argument(
        "--times", type=int, default=200, help=f"that {DELIVERIES} deliveries are settled (%(default)s)"
    )
    options = parser.parse_args()
    for name, value in machine.describe().items():
        print(f"{name:16}{value}")
    if "clients" in options.parts:
        print(f"\nprocessor time per post, in µs; posts a second; {CONNECTIONS} connections")
        with receiver_process() as (_, port):
            _compare(list(CLIENTS), options.rounds, lambda name: _posting(name, port, options.parcels))
    if "drivers" in options.parts:
        print(f"\nprocessor time of the driver for {DELIVERIES} deliveries, in µs")
        asyncio.run(_drivers(options.rounds, options.times))


async def _drivers(rounds: int, times: int) -> None:
    # On a disk, accessible to the user that PostgreSQL runs as instead of root.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="waypost-rivals-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        await asyncio.to_thread(place.chmod, 0o755)
        async with running(place / "data") as server:
            database = await Database.open(Access(server.dsn))
            async with database.unhurried() as session:
                await migrating.migrate(session, lambda _line: None)
                await partitions.create_ahead(session)
            file = place / "asked"
            file.write_bytes(pickle.dumps(await record(database)))
            await database.close()
            await asyncio.to_thread(_compare, list(DRIVERS), rounds, lambda name: _settling(name, server, file, times))


def _posting(name: str, port: int, parcels: int) -> dict[str, float]:
    found = _run("clients", name, port, parcels, CONNECTIONS)
    return {
        "processor": 1e6 * found["processor_seconds"] / found["posts"],
        "a second": found["posts"] / found["seconds"],
    }


def _settling(name: str, server: EmbeddedPostgres, file: Path, times: int) -> dict[str, float]:
    return _run("drivers", name, server.dsn, file, times)


def _run(module: str, *arguments: object) -> dict[str, float]:
    """Run one library in a process of its own. Raise MissingError if it is not installed."""
    command = [sys.executable, "-m", f"benchmarks.rivals.{module}", *map(str, arguments)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if "ModuleNotFoundError" in ended.stderr:
        raise MissingError
    if ended.returncode:
        sys.exit(ended.stderr)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _compare(names: list[str], rounds: int, measure: Callable[[str], dict[str, float]]) -> None:
    """Print each round, in turns, and the medians beside the first, which is what Waypost uses."""
    found: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(1, rounds + 1):
        for name in names:
            try:
                figures = measure(name)
            except MissingError:
                continue
            found[name].append(figures)
            _show(f"{name}, round {number}", figures)
    print()
    for name, several in found.items():
        middle = {key: median(one[key] for one in several) for key in several[0]}
        _show(f"{name}, median", middle)
    for name in set(names) - found.keys():
        print(f"  {name} is not installed")


def _show(name: str, figures: dict[str, float]) -> None:
    print(f"  {name:28}" + "  ".join(f"{key} {value:9,.1f}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()

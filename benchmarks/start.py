"""How long the program takes to start: ``python -m benchmarks.start`` runs each case three times.

``--version``; ``serve`` on a data directory that does not exist yet; and ``serve`` on the one it has made. It is ready
when ``GET /health/ready`` answers 200. The processor's seconds of ``serve`` are those of its own process until then,
without those of PostgreSQL and of the processes that dispatch.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine
from tests.support.run import watched
from tests.support.serving import LOOPBACK, WAYPOST, Serving

TARGETS = {"version": 0.25, "serve": 1.2, "ready": 2.5, "ready_new": 4.0}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the databases are made (%(default)s)")  # noqa: S108 - a disk, where /tmp may be memory
    options = parser.parse_args()
    for name, value in machine.describe().items():
        print(f"{name:16}{value}")
    print("\nseconds of processor: --version, serve; until ready: existing data, new data")
    print("target          " + "".join(f"{target:8.2f}" for target in TARGETS.values()))
    # Accessible to the user that PostgreSQL runs as instead of root.
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-start-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with watched(Path(folder)):
            for number in range(1, options.rounds + 1):
                server = Serving(Path(folder) / f"round{number}", LOOPBACK)
                version = _version()
                ready_new, _ = _start(server)
                ready, serve = _start(server)
                print(f"round {number:<10}" + "".join(f"{one:8.2f}" for one in (version, serve, ready, ready_new)))


def _version() -> float:
    """Return the processor seconds of ``waypost --version``."""
    before = _of_children()
    subprocess.run([*WAYPOST, "--version"], check=True, stdout=subprocess.DEVNULL)
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start(server: Serving) -> tuple[float, float]:
    """Start and stop a server. Return the seconds until it was ready, and its own processor seconds."""
    began = time.monotonic()
    server.start()
    ready, used = time.monotonic() - began, machine.own_processor_seconds(server.process.pid)
    if code := server.stop():
        sys.exit(f"It ended with {code}: {server.said()[-2000:]}")
    return ready, used


if __name__ == "__main__":
    main()

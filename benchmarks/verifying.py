"""Webhooks that a receiver verifies and reads per second on one core: ``python -m benchmarks.verifying``."""

import json
import sys
import time
from collections.abc import Callable

from benchmarks import machine
from tests.support.webhooks import EMAIL, NOW, SECRET, Hook, hook
from waypost.domain.endpoints import Version
from waypost.receiver import verify, verify_v3
from waypost.signing import standard

_SECONDS = 3.0
_BATCH = 1000


def measure(work: Callable[[], object]) -> float:
    """Return the calls per second of processor time."""
    calls, began = 0, time.process_time()
    while (used := time.process_time() - began) < _SECONDS:
        for _ in range(_BATCH):
            work()
        calls += _BATCH
    return calls / used


def main() -> None:
    sent, old = hook(sequence=5), hook(Version.V3)
    print(json.dumps(machine.describe()), file=sys.stderr)
    for name, given, work in (
        ("verify: signature and event", sent, lambda: verify(sent.body, sent.headers, SECRET, now=NOW)),
        ("verify_v3: signature and event", old, lambda: verify_v3(old.body, old.headers, EMAIL, now=NOW)),
        ("the signature alone", sent, lambda: _signature(sent)),
        ("the JSON alone", sent, lambda: json.loads(sent.body)),
    ):
        print(f"{name:32} {measure(work):>10,.0f} a second, {len(given.body):,} bytes each")


def _signature(sent: Hook) -> None:
    identity, timestamp, signatures = (sent.headers[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    standard.verify(identity, timestamp, signatures, sent.body, standard.key_of(SECRET), now=NOW)


if __name__ == "__main__":
    main()

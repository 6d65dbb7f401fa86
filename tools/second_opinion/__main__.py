"""Compare what Waypost reads from carriers' answers with karrio's parsers, over the answers that the tests hold.

karrio has an environment of its own, since it changes Python's TLS settings when it is imported:

    make karrio
    .venv/bin/python -m tools.second_opinion build/karrio/bin/python

Each difference is printed with both readings; who is right is for people to find out.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support.carrier_cases import READABLE, Case
from waypost.domain.trackings import apply, register

WORKER: Final = Path(__file__).with_name("karrio_opinion.py")
PACKAGES: Final = {
    "australia_post": "australiapost",
    "canada_post": "canadapost",
    "dhl": "dhl_universal",
    "fedex": "fedex",
    "gls": "gls",
    "laposte": "laposte",
    "ups": "ups",
    "usps": "usps",
}
"""karrio's name for each carrier of which it has a parser of the same API."""
MEANINGS: Final = {
    "pending": ("inforeceived",),
    "picked_up": ("transit",),
    "in_transit": ("transit",),
    "delivery_delayed": ("transit",),
    "out_for_delivery": ("pickup001", "pickup003"),
    "ready_for_pickup": ("pickup002",),
    "delivered": ("delivered",),
    "delivery_failed": ("undelivered", "exception"),
    "on_hold": ("exception", "transit"),
    "return_to_sender": ("exception010", "exception011"),
    "cancelled": ("exception008",),
    "unknown": ("",),
    None: ("notfound", "inforeceived", "transit"),
}
"""The substatuses, by how they begin, that karrio's statuses agree with; it has no word for an unknown number."""


def main() -> None:
    """Print the differences and a count for each carrier."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.exit(__doc__)
    cases = [case for case in READABLE if case.carrier in PACKAGES]
    counts: dict[str, Counter[str]] = {carrier: Counter() for carrier in PACKAGES}
    for case, theirs in zip(cases, opinions(sys.argv[1], cases), strict=True):
        ours = substatus(case)
        agree = ours.startswith(MEANINGS.get(theirs, ()))
        counts[case.carrier]["agree" if agree else "differ"] += 1
        if not agree:
            print(f"{case.carrier:15} {case.name:55} Waypost {ours:16} karrio {theirs}")
    for carrier, count in counts.items():
        print(f"{carrier:15} {count['agree']} agree, {count['differ']} differ")


def substatus(case: Case) -> str:
    """Return the substatus of a parcel after the answer of a case."""
    parcel = register("0" * 32, case.tracking_number, "x", {}, 0)
    return apply(parcel, case.read(), 1).state.substatus


def opinions(python: str, cases: Sequence[Case]) -> list[str | None]:
    """Return karrio's status of each case."""
    asked = [
        {
            "carrier": PACKAGES[case.carrier],
            "number": case.tracking_number,
            "body": case.body.decode("utf-8", "replace"),
        }
        for case in cases
    ]
    lines = "".join(json.dumps(one) + "\n" for one in asked)
    ran = subprocess.run((python, str(WORKER)), input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


if __name__ == "__main__":
    main()

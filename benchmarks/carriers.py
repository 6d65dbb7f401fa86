"""Responses of each carrier that are read per second on one core: ``python -m benchmarks.carriers``."""

import json
import sys
import time

from benchmarks import machine
from tests.support.carrier_cases import Case, cases_of, read_answer
from waypost.domain import wording
from waypost.sources.carriers import carriers

_SECONDS = 1.0
_ROUNDS = 20


def measure(cases: list[Case]) -> tuple[float, float]:
    """Return responses and scans per second of processor time."""
    answers = [(case.carrier, case.status, case.body, case.tracking_number) for case in cases]
    read = scans = 0
    began = time.process_time()
    while (used := time.process_time() - began) < _SECONDS:
        for _ in range(_ROUNDS):
            for answer in answers:
                scans += len(read_answer(*answer).checkpoints)
        read += _ROUNDS * len(answers)
    return read / used, scans / used


def main() -> None:
    wording.load()
    print(json.dumps(machine.describe()), file=sys.stderr)
    for carrier in carriers():
        folder = carrier.package.rpartition(".")[2]
        cases = [case for case in cases_of(folder) if case.expected and case.expected["checkpoints"]]
        size = sum(len(case.body) for case in cases) / len(cases)
        answers, scans = measure(cases)
        print(f"{carrier.title:16} {answers:>9,.0f} answers, {scans:>9,.0f} scans a second, {size:>6,.0f} bytes each")


if __name__ == "__main__":
    main()

# ruff: noqa: INP001 - Python looks for it by its name, outside of any package
"""Makes a `waypost` die at a failpoint, or hurry: Python imports this module if PYTHONPATH names its folder.

FAILPOINT names one of ``POINTS`` and FAILPOINT_PASSES how often it is passed before. Nothing of it is in the package.
"""

import functools
import importlib
import inspect
import os
import signal
from itertools import count
from typing import Any

BEFORE, AFTER = "before", "after"
POINTS = {
    "a batch begins": (BEFORE, "waypost.intake.collector", "Intake._commit"),
    "keys are taken": (AFTER, "waypost.intake.collector", "_take_keys"),
    "parcels are locked": (AFTER, "waypost.intake.batch", "lock_if_known"),
    "a batch is written, not committed": (AFTER, "waypost.intake.merging", "write_few"),
    "deliveries are written": (AFTER, "waypost.store.intake_rows", "write_deliveries"),
    "events are written": (AFTER, "waypost.store.intake_rows", "write_events"),
    "answers are kept, not committed": (AFTER, "waypost.intake.collector", "_write_beside"),
    "a batch is committed, not answered": (AFTER, "waypost.intake.collector", "Intake._commit"),
    "a claim begins": (BEFORE, "waypost.store.queue", "claim"),
    "deliveries are claimed": (AFTER, "waypost.store.queue", "claim"),
    "a request is signed, not sent": (AFTER, "waypost.dispatch.signer", "Signer.sign"),
    "a request is answered, not recorded": (AFTER, "waypost.dispatch.run", "Sender._post"),
    "a settle begins": (BEFORE, "waypost.store.settling", "settle"),
    "leases are held": (AFTER, "waypost.store.settling", "_hold"),
    "deliveries are settled, not unblocked": (BEFORE, "waypost.store.settling", "unblock"),
    "the next are unblocked": (AFTER, "waypost.store.settling", "unblock"),
    "attempts are kept, not committed": (AFTER, "waypost.store.settling", "_go_on"),
    "a settle is committed": (AFTER, "waypost.store.settling", "settle"),
}


def write_as_large_batches() -> None:
    merging: Any = importlib.import_module("waypost.intake.merging")
    merging.MOST_ROWS = -1


def settle_as_if_some_had_failed() -> None:
    settling: Any = importlib.import_module("waypost.store.settling")

    async def settle_delivered(*_):
        raise settling._SomeLate

    settling._settle_delivered = settle_delivered


LONGER_WAYS = {
    "deliveries are written": write_as_large_batches,
    "events are written": write_as_large_batches,
    "leases are held": settle_as_if_some_had_failed,
}
"""What makes every batch pass a point: a few rows, and deliveries that succeed, otherwise go a shorter way."""


def die() -> None:
    """End with everything that was started together, PostgreSQL too."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def arm(when: str, module: str, name: str, passes: int) -> None:
    *outer, attribute = name.split(".")
    holder = functools.reduce(getattr, outer, importlib.import_module(module))
    real = getattr(holder, attribute)
    calls = count(1)

    def passing(moment: str, call: int) -> None:
        if moment == when and call > passes:
            die()

    async def armed_later(*arguments, **named):
        call = next(calls)
        passing(BEFORE, call)
        result = await real(*arguments, **named)
        passing(AFTER, call)
        return result

    def armed(*arguments, **named):
        call = next(calls)
        passing(BEFORE, call)
        result = real(*arguments, **named)
        passing(AFTER, call)
        return result

    setattr(holder, attribute, armed_later if inspect.iscoroutinefunction(real) else armed)


if point := os.environ.get("FAILPOINT"):
    if go_longer_way := LONGER_WAYS.get(point):
        go_longer_way()
    arm(*POINTS[point], passes=int(os.environ["FAILPOINT_PASSES"]))


def die_of(number: str) -> None:
    """Let the process that signs a webhook about this parcel abort, as a library might that a body is too much for."""
    signer = importlib.import_module("waypost.dispatch.signer")
    real = signer.Signer.sign

    def sign(self, claimed, *others):
        if claimed.packed and signer.unpack(claimed.packed).tracking_number == number:
            os.abort()
        return real(self, claimed, *others)

    signer.Signer.sign = sign


if number := os.environ.get("FATAL_PARCEL"):
    die_of(number)

if seconds := os.environ.get("QUIET_SECONDS"):  # after which dispatching moves back into the server's own process
    vars(importlib.import_module("waypost.app.workload"))["QUIET_SECONDS"] = float(seconds)

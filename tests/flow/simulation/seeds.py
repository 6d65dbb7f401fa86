"""Runs seeds, and prints how to run one again."""

import os
from collections.abc import Sequence

from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import VirtualServer
from tests.flow.simulation.trouble import Trouble
from tests.flow.simulation.world import World

ONLY = "SIMULATION_SEED"


async def run_seeds(
    server: VirtualServer, trouble: Trouble, seeds: Sequence[int], file: str, of: type[World] = World
) -> tuple[float, int]:
    """Run seeds, or the one that the environment asks for; gives how many virtual days and deliveries that were."""
    days, deliveries = 0.0, 0
    for seed in [int(os.environ[ONLY])] if ONLY in os.environ else seeds:
        world = of(seed, server, trouble)
        try:
            await world.run()
        except Exception as error:
            error.add_note(f"Seed {seed}. Again: {ONLY}={seed} .venv/bin/python -m pytest {file}")
            raise
        days += world.passed.total_seconds() / 86_400
        deliveries += world.deliveries
    return days, deliveries


async def first_broken(
    server: VirtualServer, trouble: Trouble, seeds: Sequence[int], of: type[World] = World
) -> int | None:
    """Return the first seed that breaks a promise; None if there is none."""
    for seed in seeds:
        try:
            await of(seed, server, trouble).run()
        except BrokenPromise:
            return seed
    return None

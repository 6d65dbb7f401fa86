"""How many examples a property is tried with: some in every run, ten times as many in `make faults`."""

from hypothesis import settings

USUAL = 100
"""How many hypothesis tries where nothing else is said."""
MANY = "many"
"""The profile of `make faults`: others in each run, so that what one run misses the next may find."""


def load_profiles() -> None:
    """Load the profile of every run: the same examples each time, however long one takes.

    What passed here passes on a slow machine, too.
    """
    settings.register_profile(MANY, settings.get_profile("ci"), max_examples=10 * USUAL, derandomize=False)
    settings.load_profile("ci")


def examples(count: int) -> settings:
    """Return the settings with so many examples, and ten times as many in `make faults`."""
    return settings(max_examples=count * settings().max_examples // USUAL)

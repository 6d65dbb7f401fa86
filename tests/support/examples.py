"""The number of examples of a property test: some in every run, ten times as many in `make faults`."""

from hypothesis import settings

USUAL = 100
"""The default number of hypothesis examples."""
MANY = "many"
"""The profile of `make faults`: different examples in each run, so that the next run may find what one missed."""


def load_profiles() -> None:
    """Load the profile of every run: the same examples each time, however long one takes.

    What passed here passes on a slow machine, too.
    """
    settings.register_profile(MANY, settings.get_profile("ci"), max_examples=10 * USUAL, derandomize=False)
    settings.load_profile("ci")


def examples(count: int) -> settings:
    """Return settings with this number of examples, and ten times as many in `make faults`."""
    return settings(max_examples=count * settings().max_examples // USUAL)

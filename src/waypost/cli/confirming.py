"""Questions before a command does something that can't be undone."""

import sys

from waypost.domain.errors import InvalidInput


def agrees(consequence: str, question: str, *, instead: str = "") -> bool:
    """Print what would happen, ask, and return whether the person at the terminal agrees.

    Raise InvalidInput where nobody can be asked: the option ``--yes`` is needed then, or what ``instead`` names.
    """
    if not sys.stdin.isatty():
        raise InvalidInput("yes", f"is missing: {consequence} Give --yes{instead}.")
    print(f"{consequence}\n{question} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201 - the question
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}

"""Two tabs with the same form: the second one to be saved shows what was changed in between, instead of undoing it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

FIELD: Final = "seen"
"""The hidden field of a form with the version of its values when the page was made."""

_DIGITS: Final = 12


def version_of(values: Mapping[str, str]) -> str:
    """Return a form's version: a digest of each value, so that the page contains no value twice."""
    return ".".join(sha256(f"{name}={value}".encode()).hexdigest()[:_DIGITS] for name, value in sorted(values.items()))


def changed_since(seen: str, values: Mapping[str, str]) -> list[str]:
    """Return the names of the values that differ from a version; none for a form that has no version of these."""
    before, now = seen.split("."), version_of(values).split(".")
    if not seen or len(before) != len(now):
        return []
    return [name for name, old, new in zip(sorted(values), before, now, strict=True) if old != new]


def conflict(names: Sequence[str], values: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """Return the sentence about what was changed in between, with the values that are stored now."""
    stored = "; ".join(f"{labels[name]}: {values[name] or 'empty'}" for name in names)
    return f"Changed after you opened the form. Now stored: {stored}. Nothing was saved: save again to replace it."

"""The one function of karrio's that the worker uses."""

from typing import Any


def to_dict(value: Any) -> Any:
    return value

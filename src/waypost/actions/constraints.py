"""Schema annotations that decoding does not enforce: each call reports the errors of its fields itself."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta


def one_of(texts: Iterable[str]) -> Meta:
    """Return the schema of a text that is one of these."""
    return Meta(extra_json_schema={"enum": list(texts)})


def between(least: int, most: int) -> Meta:
    """Return the schema of an integer within these bounds."""
    return Meta(extra_json_schema={"minimum": least, "maximum": most})


def as_long_as(least: int, most: int) -> Meta:
    """Return the schema of a text whose length is within these bounds."""
    return Meta(extra_json_schema={"minLength": least, "maxLength": most})


Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

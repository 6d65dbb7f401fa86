"""Types that are described more closely than they are decoded: each call says itself what is wrong with its fields."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta


def one_of(texts: Iterable[str]) -> Meta:
    """Describe a text that is one of these."""
    return Meta(extra_json_schema={"enum": list(texts)})


def between(least: int, most: int) -> Meta:
    """Describe a whole number that is neither smaller nor larger."""
    return Meta(extra_json_schema={"minimum": least, "maximum": most})


def as_long_as(least: int, most: int) -> Meta:
    """Describe a text of so many characters."""
    return Meta(extra_json_schema={"minLength": least, "maxLength": most})


Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

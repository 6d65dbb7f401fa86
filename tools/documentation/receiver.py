"""The public names of ``waypost.receiver``, with their signatures and docstrings."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from waypost import receiver


class Offered(msgspec.Struct, frozen=True):
    """A function, class or method: its name, signature and purpose."""

    name: str
    call: str
    about: str


class Group(msgspec.Struct, frozen=True):
    """A function, or a class with its fields and methods."""

    offered: Offered
    fields: tuple[str, ...]
    methods: tuple[Offered, ...]


def functions() -> tuple[Group, ...]:
    """Return the functions, in the order of their names."""
    return tuple(_groups(inspect.isfunction))


def classes() -> tuple[Group, ...]:
    """Return the classes that are not errors."""
    return tuple(_groups(lambda one: inspect.isclass(one) and not issubclass(one, Exception)))


def errors() -> tuple[Group, ...]:
    """Return the errors."""
    return tuple(_groups(lambda one: inspect.isclass(one) and issubclass(one, Exception)))


def _groups(wanted: Any) -> Iterator[Group]:
    for name in receiver.__all__:
        one = getattr(receiver, name)
        if wanted(one):
            own = vars(one).items() if inspect.isclass(one) else ()
            methods = tuple(_offered(word, of) for word, of in own if inspect.isfunction(of) and word[0] != "_")
            yield Group(_offered(name, one), _fields(one), methods)


def _fields(one: Any) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(one):
        return ()
    read = [name for name, value in vars(one).items() if isinstance(value, property)]
    return (*(field.name for field in dataclasses.fields(one)), *read)


def _offered(name: str, one: Any) -> Offered:
    about = inspect.getdoc(one) or ""
    call = name if inspect.isclass(one) else f"{name}{_signature(one)}"
    return Offered(name, call, re.sub(r"``", "`", about))


def _signature(one: Any) -> str:
    signature = inspect.signature(one)
    parameters = [
        part.replace(annotation="Headers") if part.annotation == receiver.Headers else part
        for part in signature.parameters.values()
        if part.name != "self"
    ]
    text = str(signature.replace(parameters=parameters)).replace("'Headers'", "Headers")
    return re.sub(r"\b(?:waypost\.receiver\.\w+|collections\.abc|datetime|contextlib|typing)\.", "", text)

"""The settings as the documentation lists them, read from ``waypost.settings``."""

import ast
import inspect
import sys
import types
from collections.abc import Iterator
from enum import Enum
from functools import cache
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tools.documentation.commands import commands
from waypost.domain.targets import Ports
from waypost.settings import Settings, variable

CARRIERS: Final = ("carrier_", "service_")
_BOUNDS: Final = (("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"), ("lt", "less than {}"))
_KINDS: Final = {
    Any: "text",  # their types are checked by functions
    str: "text",
    SecretStr: "text, never shown",
    int: "whole number",
    float: "number",
    Path: "path",
    IPv4Address: "IP address",
    Ports: "comma-separated ports and ranges of ports",
    tuple: "comma-separated list",
}


class Setting(msgspec.Struct, frozen=True):
    """A setting: its name in waypost.toml, its variable, its values, its default and its purpose."""

    name: str
    variable: str
    option: str | None
    kind: str
    default: str
    about: str


def settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the code."""
    options = {option.name for command in commands() for option in command.options}
    return tuple(_setting(name, field, options) for name, field in Settings.model_fields.items())


def _setting(name: str, field: FieldInfo, options: set[str]) -> Setting:
    option = f"--{name.replace('_', '-')}"
    return Setting(
        name,
        variable(name),
        option if option in options else None,
        ", ".join([_kind(field.annotation), *_bounds(field)]),
        _default(field),
        inspect.cleandoc(field.description or _texts()[name]),
    )


@cache
def _texts() -> dict[str, str]:
    """Return the text below each setting. pydantic could read it, but would do so whenever a process starts."""
    [tree] = [
        node
        for node in ast.parse(inspect.getsource(sys.modules[Settings.__module__])).body
        if isinstance(node, ast.ClassDef) and node.name == Settings.__name__
    ]
    return {
        field.target.id: str(text.value.value)
        for field, text in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _kind(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _kind(next(part for part in parts if part is not types.NoneType))
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{part.value}`" for part in annotation)
    if origin is Annotated:
        return _kind(parts[0])
    return _KINDS[origin or annotation]


def _bounds(field: FieldInfo) -> Iterator[str]:
    for name, words in _BOUNDS:
        for part in field.metadata:
            if (bound := getattr(part, name, None)) is not None:
                yield words.format(f"{bound:,}")


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "as said above"
    match field.get_default():
        case None | ():
            return ""
        case Ports() as ports:
            return f"`{ports.text}`"
        case default:
            return f"`{default}`"

"""Every command and its options, read from the application of the command line."""

import inspect
import types
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec
from cyclopts import App
from cyclopts.argument import Argument

from waypost.cli.commands import make_application
from waypost.cli.verify import SUMMARY, make_parser

_OFTEN: Final = "; repeatable"


class Option(msgspec.Struct, frozen=True):
    """An option: its name, its value (none for a flag), whether it is required, and its purpose.

    ``variables`` are the environment variables that replace it.
    """

    name: str
    takes: str
    required: bool
    about: str
    variables: tuple[str, ...]


class Command(msgspec.Struct, frozen=True):
    """A command: its words after ``waypost``, its purpose and its options."""

    name: str
    about: str
    options: tuple[Option, ...]


@cache
def commands() -> tuple[Command, ...]:
    """Return every command, in the order of the help."""
    return tuple(_below(make_application(), ()))


def _below(application: App, words: tuple[str, ...]) -> Iterator[Command]:
    for name in application:
        if name.startswith("-"):
            continue
        part, here = application[name], (*words, name)
        if here == ("verify",):
            yield _verify()
        elif part.default_command is not None:
            options = tuple(_option(one) for one in part.assemble_argument_collection() if one.show)
            yield Command(" ".join(here), inspect.cleandoc(part.help), options)
        yield from _below(part, here)


def _verify() -> Command:
    """Return the one command whose options are argparse's."""
    parser = make_parser()
    options = tuple(
        Option(
            action.option_strings[0] if action.option_strings else action.dest.upper(),
            f"`{action.dest.upper()}`{_OFTEN * isinstance(action.default, list)}" if action.nargs != 0 else "",
            required=False,
            about=action.help or "",
            variables=(),
        )
        for action in parser._actions  # noqa: SLF001 - argparse has no public list of them
        if action.dest != "help"
    )
    return Command("verify", SUMMARY, options)


def _option(argument: Argument) -> Option:
    return Option(
        argument.names[0],
        _takes(argument.hint, argument.names[0]),
        bool(argument.required),
        argument.parameter.help or "",
        tuple(argument.parameter.env_var or ()),
    )


def _takes(hint: Any, name: str) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _takes(next(part for part in parts if part is not types.NoneType), name)
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is tuple:
        return _takes(parts[0], name) + _OFTEN
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f"`{part.value}`" for part in hint)
    if hint is bool:
        return ""
    return f"`{name.strip('-').upper().replace('-', '_')}`"

"""Find the command, run it, and report errors in one sentence.

Only the standard library is loaded until a command needs more: `waypost verify` and `waypost --version` start fast, and
work even if Waypost is installed without its extras.
"""

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

from waypost.cli.terminal import printable, say
from waypost.domain.errors import InvalidInput, OperatorError, SettingsError

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
_VARIABLES: Final = "WAYPOST_"
_EXTRAS: Final = {"serve": "embedded", "mcp": "mcp"}
_ALLOCATIONS: Final = 20_000
"""Allocations between two runs of the garbage collector. With Python's 700 it would walk the modules that are being
loaded again and again, for a sixth of the time until a command begins."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None and words[:1] == ["backup"] and "--fast" not in words:
        # A program of its own, and not part of another one: nothing takes this back. Before its modules are loaded,
        # which takes a processor for half a second.
        from waypost.store.backups.background import step_back

        step_back()
    try:
        return _run(words)
    except SettingsError as error:
        for problem in error.problems:
            _fail(problem)
        return WRONG_USAGE
    except (InvalidInput, OperatorError) as error:
        _fail(str(error))
        return FAILED
    except ImportError as error:
        # A command whose module can't be loaded is reported by cyclopts, with the reason as the cause.
        missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        if not isinstance(missing, ModuleNotFoundError) or missing.name is None or missing.name.startswith("waypost"):
            raise
        say(_missing(words[:1], missing.name.partition(".")[0]))
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def _fail(problem: str) -> None:
    """Print why a command failed, as a sentence or, if its lines are JSON, as a log line."""
    logs = sys.modules.get("waypost.observe.logs")  # not loaded by commands without settings
    if logs is not None and logs.all_lines_are_json():
        import structlog

        _LOG = structlog.get_logger()  # noqa: N806 - as everywhere
        _LOG.error("command_failed", message=problem)
    else:
        say(problem)


def _run(words: list[str]) -> int:
    match words:
        case ["--version"]:
            from waypost.cli.version import version_line

            print(version_line())  # noqa: T201 - the command's answer
            return DONE
        case ["verify", *rest]:
            from waypost.cli.verify import verify

            return verify(rest)
        case _:
            return _run_of_server(words)


def _run_of_server(words: list[str]) -> int:
    gc.set_threshold(_ALLOCATIONS)
    from asyncio import CancelledError

    from cyclopts import CycloptsError

    from waypost.actions.refusals import Refusal
    from waypost.cli.commands import make_application
    from waypost.cli.refusals import in_one_line

    if any(name.upper().startswith(_VARIABLES) for name in os.environ):
        from waypost.settings import unknown_variables

        for line in unknown_variables(os.environ):
            say(line)
    try:
        code = make_application()(words, print_error=True, exit_on_error=False)
    except CycloptsError:
        return WRONG_USAGE
    except Refusal as refusal:
        _fail(in_one_line(refusal))
        return FAILED
    except CancelledError:
        return FAILED
    return code if isinstance(code, int) else DONE


def _missing(command: list[str], package: str) -> str:
    extra = _EXTRAS.get("".join(command), "server")
    typed = printable(" ".join(["waypost", *command]))
    return (
        f"`{typed}` needs the package {package}, which is not installed:"
        f' run pip install "waypost[{extra}]". `waypost verify` works without it.'
    )

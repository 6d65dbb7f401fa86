"""Log lines: one per event, as JSON for programs or text for people."""

import atexit
import logging
import re
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from waypost.observe.repeats import Repeats

_HIDDEN: Final = ("secret", "password", "api_key", "authorization", "token", "dsn", "database_url")
_SHOWN: Final = "[redacted]"
_WITH_ERRORS: Final = ("exception", "error", "reason")
_CITED: Final = re.compile(r"(?m)(?:\n|\\n)[ |]*(?:DETAIL|CONTEXT):.*$")
"""PostgreSQL quotes the values of a row that broke a constraint, and they are a customer's."""


class _Asked:
    """How this process's lines are written."""

    json = False


def configure_logging(level: str, log_format: str | None, *, process: str | None = None) -> None:
    """Send the lines of structlog and of the standard library to standard error, as ``json`` or ``text``.

    The default format is text on a terminal, otherwise JSON. ``process`` is a field of each line that distinguishes
    several processes.
    """
    log_format = log_format or ("text" if sys.stderr.isatty() else "json")
    _Asked.json = log_format == "json"
    repeats = Repeats(_tell_repeated)
    atexit.register(repeats.end_window)
    named = {} if process is None else {"process": process}
    shared: list[Processor] = [
        lambda _logger, _method, event: {**named, **event},
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # The console's own tracebacks would show the values of local variables.
        structlog.processors.format_exc_info,
        redact,
    ]
    render = _render(log_format)
    structlog.configure(
        processors=[repeats, *shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
        # Otherwise a module would keep the configuration of its first line.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared[:-1], processors=[clean, redact, *render])
    )
    logging.basicConfig(level=max(logging.getLevelName(level.upper()), logging.WARNING), handlers=[handler], force=True)


def all_lines_are_json() -> bool:
    """Return whether the lines on standard error are JSON, including those for people: a stream has one format."""
    return _Asked.json


def _tell_repeated(level: str, event: EventDict) -> None:
    fields = dict(event)
    structlog.get_logger().log(logging.getLevelName(level.upper()), fields.pop("event"), **fields)


class _StandardError:
    """Standard error, looked up at each write. A line that can't be written (full disk, closed pipe) is dropped."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide values whose names look like secrets, and rows quoted in PostgreSQL's errors: a second safety net."""
    for name, value in event.items():
        if any(hidden in name.lower() for hidden in _HIDDEN):
            event[name] = _SHOWN
        elif name in _WITH_ERRORS and isinstance(value, str):
            event[name] = _CITED.sub("", value)
    return event


def _render(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.JSONRenderer(sort_keys=False)]
    return [_escape, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape outside input so that it can neither control the terminal nor imitate a log line."""
    return {name: _printable(value, kept="\n" if name == "exception" else "") for name, value in event.items()}


def _printable(value: object, *, kept: str) -> object:
    if not isinstance(value, str):
        return value
    return "".join(char if char.isprintable() or char in kept else ascii(char)[1:-1] for char in value)

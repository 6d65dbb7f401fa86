"""Log lines: one for each event, as JSON for programs or text for people."""

import logging
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_HIDDEN: Final = ("secret", "password", "api_key", "authorization", "token", "dsn", "database_url")
_SHOWN: Final = "[redacted]"


def configure_logging(level: str, log_format: str | None) -> None:
    """Send the lines of structlog and of the standard library to standard error, as ``json`` or ``text``.

    Without a format it is text on a terminal, else JSON.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Not the console's own tracebacks: they would show the values of local variables.
        structlog.processors.format_exc_info,
        redact,
    ]
    render = _render(log_format or ("text" if sys.stderr.isatty() else "json"))
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared[:-1], processors=[clean, redact, *render])
    )
    logging.basicConfig(level=max(logging.getLevelName(level.upper()), logging.WARNING), handlers=[handler], force=True)


class _StandardError:
    """Standard error, whatever it is by now. A line that it can't take (a full disk, a closed pipe) harms nobody."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what is named like a secret: a second net, for nobody should log one."""
    for name in event:
        if any(hidden in name.lower() for hidden in _HIDDEN):
            event[name] = _SHOWN
    return event


def _render(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.JSONRenderer(sort_keys=False)]
    return [_escape, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Let nothing that came from outside steer the terminal or look like a line of ours."""
    return {name: _printable(value, kept="\n" if name == "exception" else "") for name, value in event.items()}


def _printable(value: object, *, kept: str) -> object:
    if not isinstance(value, str):
        return value
    return "".join(char if char.isprintable() or char in kept else ascii(char)[1:-1] for char in value)

"""Options that several commands share; they override the settings."""

import sys
from pathlib import Path
from typing import Annotated, Final

import structlog
from cyclopts import Parameter

from waypost.cli.terminal import printable_lines
from waypost.observe.logs import all_lines_are_json, configure_logging
from waypost.settings import Settings, read_settings

_LOG: Final = structlog.get_logger()

DataDir = Annotated[
    Path | None,
    Parameter(
        help="The directory of the embedded PostgreSQL. Default: /var/lib/waypost (root) or $XDG_DATA_HOME/waypost."
    ),
]
DatabaseUrl = Annotated[
    str | None,
    Parameter(
        help="Your own PostgreSQL: postgresql://user:password@host/database. Default: an embedded one is started."
    ),
]
Account = Annotated[str, Parameter(help="The e-mail address of the account.")]
Yes = Annotated[bool, Parameter(negative="", help="Do not ask for confirmation.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for programs.")]


def chosen(**options: object) -> Settings:
    """Return a command's settings with these options (None: not given), and configure logging. Raise SettingsError.

    A person reads what a command says, so its lines are text unless the settings ask for JSON.
    """
    settings = read_settings(options)
    configure_logging(settings.log_level, settings.log_format or "text")
    return settings


def chosen_for_server(**options: object) -> Settings:
    """Return a server's settings as ``chosen`` does; all its lines are text on a terminal, otherwise JSON."""
    settings = read_settings(options)
    configure_logging(settings.log_level, settings.log_format)
    return settings


def progress(line: str, event: str = "progress_made", **fields: object) -> None:
    """Print progress on standard error, as a sentence or, if the lines of this process are JSON, as a log line."""
    if all_lines_are_json():
        _LOG.info(event, message=line, **fields)
        return
    print(printable_lines(line), file=sys.stderr, flush=True)  # noqa: T201 - messages for people

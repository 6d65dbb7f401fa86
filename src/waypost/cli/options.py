"""The options that several commands share, and the settings that they stand before."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from waypost.cli.terminal import printable_lines
from waypost.observe.logs import configure_logging
from waypost.settings import Settings, read_settings

DataDir = Annotated[
    Path | None,
    Parameter(help="Where Waypost keeps its own PostgreSQL. As root /var/lib/waypost, else $XDG_DATA_HOME/waypost."),
]
DatabaseUrl = Annotated[
    str | None,
    Parameter(help="A PostgreSQL of your own: postgresql://user:password@host/database. Without it one is started."),
]
Account = Annotated[str, Parameter(help="The e-mail address of the account.")]
AsJson = Annotated[bool, Parameter(negative="", help="Print JSON, for programs.")]


def chosen(**options: object) -> Settings:
    """Give the settings under these options (None: not given), and log as they say. Raises SettingsError."""
    settings = read_settings(options)
    configure_logging(settings.log_level, settings.log_format)
    return settings


def progress(line: str) -> None:
    """Tell how far a command is, on standard error."""
    print(printable_lines(line), file=sys.stderr, flush=True)  # noqa: T201 - this is where people are spoken to

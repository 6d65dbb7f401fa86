"""The command line, one module per command.

Comes in: arguments, environment and waypost.toml. Goes out: what a person reads, JSON with ``--json``, and an exit
code: 0 done, 1 it can't be done (one sentence on standard error says why), 2 wrong usage.
"""

from waypost.cli.application import main

__all__ = ["main"]

"""The command line, one module per command.

Input: arguments, environment and waypost.toml. Output: text for people, or JSON with ``--json``, and an exit status:
0 for success, 1 for failure (one sentence on standard error says why), 2 for wrong usage.
"""

from waypost.cli.application import main

__all__ = ["main"]

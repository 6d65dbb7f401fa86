"""Errors that the user or the operator can correct.

InvalidInput        a field of the input has a value that is not accepted
OperatorError       something about the installation is wrong, such as a port that is taken
└ SettingsError     settings can't be used
"""

from collections.abc import Iterable


class OperatorError(Exception):
    """A problem that the operator can fix, in one sentence: what is wrong and what to do.

    The command line prints that sentence. Any other exception is a bug in Waypost and shows its traceback.
    """


class SettingsError(OperatorError):
    """Settings that can't be used; ``problems`` has a line for each: the setting, its source, and what is valid."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class InvalidInput(Exception):
    """A value that is not accepted: names the field and the reason. Nothing has been changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message

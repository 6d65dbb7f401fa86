"""Errors that the user can mend.

InvalidInput        a field of the input has a value that cannot be taken
OperatorError       something about the installation is wrong, such as a port that is taken
└ SettingsError     settings can't be used
"""

from collections.abc import Iterable


class OperatorError(Exception):
    """What prevents a command and the operator can mend: one sentence says what is wrong and what to do.

    The command line shows that sentence. Every other exception is a fault of this program and shows its traceback.
    """


class SettingsError(OperatorError):
    """Settings that can't be used; ``problems`` are one line each: the setting, where it came from, what is right."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class InvalidInput(Exception):
    """A value that cannot be taken: names the field and the reason, and nothing was changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message

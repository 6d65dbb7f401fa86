"""Errors that the user can mend.

InvalidInput        a field of the input has a value that cannot be taken
"""


class InvalidInput(Exception):  # noqa: N818 - named for what it is, not for being an exception
    """A value that cannot be taken: names the field and the reason, and nothing was changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message

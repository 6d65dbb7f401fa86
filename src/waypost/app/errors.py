"""What keeps the server from running and a person can mend; each message is one sentence."""

from waypost.domain.errors import OperatorError


class CannotListen(OperatorError):  # noqa: N818 - reads as what is wrong
    """The address or port can't be listened on."""


class ServerEnded(OperatorError):  # noqa: N818 - reads as what is wrong
    """The HTTP server ended by itself."""


class Unwell(OperatorError):  # noqa: N818 - reads as what is wrong
    """What was looked over is not as it should be; the command's answer says how."""

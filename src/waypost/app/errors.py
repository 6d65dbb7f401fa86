"""What keeps the server from running and a person can mend; each message is one sentence."""

from waypost.domain.errors import OperatorError


class CannotListen(OperatorError):
    """The address or port can't be listened on."""


class ServerEnded(OperatorError):
    """The HTTP server ended by itself."""


class Unwell(OperatorError):
    """What was looked over is not as it should be; the command's answer says how."""

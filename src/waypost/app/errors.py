"""Problems that keep the server from running and that a person can fix; each message is one sentence."""

from waypost.domain.errors import OperatorError


class CannotListen(OperatorError):
    """The address or port can't be listened on."""


class ServerEnded(OperatorError):
    """The HTTP server ended unexpectedly."""


class Unwell(OperatorError):
    """A check failed; the command's output says what is wrong."""

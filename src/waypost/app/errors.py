"""What keeps the server from running and a person can mend; each message is one sentence.

They stand by themselves: the command line names them without loading the server.
"""


class CannotListen(Exception):  # noqa: N818 - reads as what is wrong
    """The address or port can't be listened on."""


class ServerEnded(Exception):  # noqa: N818 - reads as what is wrong
    """The HTTP server ended by itself."""


class Unwell(Exception):  # noqa: N818 - reads as what is wrong
    """What was looked over is not as it should be; the command's answer says how."""

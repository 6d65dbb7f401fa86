"""What the embedded PostgreSQL raises when it can't be used."""

from waypost.domain.errors import OperatorError


class EmbeddedPostgresError(OperatorError):
    """The embedded PostgreSQL can't be used; the message is one sentence that says what to do."""

"""Two tabs with the forms of one connection: the second save shows what the first has changed."""

from typing import Final

from waypost.actions import push_connections
from waypost.actions.connection_health import Connection
from waypost.actions.refusals import Conflict
from waypost.portal.form_versions import changed_since, conflict, version_of
from waypost.store.connections import ConnectionRow

_CHANGED: Final = "changed_meanwhile"
_LABELS: Final = {"name": "Name", "daily_calls": "Calls per day", "calls_per_second": "Calls per second"}
_CREDENTIALS: Final = "credentials"


def version_of_details(shown: Connection) -> str:
    """Return the version of the form with a connection's name and settings."""
    return version_of(_details(shown))


def version_of_credentials(row: ConnectionRow) -> str:
    """Return the version of the form with a connection's credentials. It reveals nothing of them."""
    return version_of(_credentials(row))


def reject_other_details(seen: str, shown: Connection) -> None:
    """Raise Conflict if somebody has changed the name or a setting since the form's page was made."""
    now = _details(shown)
    if names := changed_since(seen, now):
        raise Conflict(_CHANGED, conflict(names, now, _labels(shown)))


def reject_other_credentials(seen: str, row: ConnectionRow) -> None:
    """Raise Conflict if somebody has replaced the credentials since the form's page was made."""
    if changed_since(seen, _credentials(row)):
        raise Conflict(_CHANGED, conflict([_CREDENTIALS], {_CREDENTIALS: "other ones"}, {_CREDENTIALS: "Credentials"}))


def _details(shown: Connection) -> dict[str, str]:
    """Return the values of the form; settings that were never made have their default, so that all are compared."""
    sender = push_connections.sender_of(shown)
    if sender is None:
        usual = {"daily_calls": "", "calls_per_second": ""}
    else:
        usual = {one.name: one.default for one in sender.choices} | {one.name: "" for one in sender.texts}
    return {"name": shown.name} | {name: shown.settings.get(name, value) for name, value in usual.items()}


def _labels(shown: Connection) -> dict[str, str]:
    sender = push_connections.sender_of(shown)
    if sender is None:
        return _LABELS
    choices, texts = {one.name: one.label for one in sender.choices}, {one.name: one.label for one in sender.texts}
    return _LABELS | choices | texts


def _credentials(row: ConnectionRow) -> dict[str, str]:
    """Return the credentials as they are sealed: every seal is different, and a digest of it can't be guessed."""
    return {_CREDENTIALS: (row.credentials or b"").hex()}

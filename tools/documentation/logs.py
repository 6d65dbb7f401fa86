"""Every event that is logged, with its level and fields, read from the calls that log it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

import waypost

_LEVELS: Final = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
_SAYS: Final = {
    "access_denied": "A sign-in or a key was rejected; `reason` says why. No part of the credentials is logged.",
    "account_deleted": "The operator deleted an account with everything in it; `rows` counts its history.",
    "account_missing": "There is no account yet: create one with `waypost account create`.",
    "alert_channel_failed": "Sending to an alert channel failed on our side; it is tried again.",
    "alert_failed": "An alert was given up; its history has the last response.",
    "answer_rejected": "A carrier's answer could not be used.",
    "attempt_failed": "An attempt failed. `retry_seconds` is null when no retry follows.",
    "backup_failed": "A scheduled backup could not be made, or not be restored to try it; it is tried again.",
    "backup_made": "A scheduled backup was made; `checked` says whether it was restored to test it.",
    "batch_commit_failed": "Results of attempts could not be written together, and are written one by one.",
    "batch_crashed": "A batch of updates failed on our side; its callers got an error.",
    "batch_failed": "A batch of updates was not written; its callers were asked to try again.",
    "batch_retried": "A batch of updates conflicted with another one in the database and is written again.",
    "body_truncated": "A client ended its request early.",
    "command_failed": "The command ended with an error; `message` describes it.",
    "connection_open_failed": "A connection to a carrier could not be opened with its credentials.",
    "database_available": "The database can be used again; `failed` counts what failed meanwhile.",
    "database_unavailable": "The database cannot be used; `trouble` says what keeps it from that.",
    "delivery_abandoned": "A delivery was in hand each time the process died, and is not sent any more.",
    "delivery_crashed": "Sending a delivery failed on our side; it is sent again later.",
    "delivery_recorded": "An attempt was recorded; `milliseconds` says how long each stage took, as the metric"
    " `waypost_delivery_stage_seconds` does.",
    "dispatch_moved": "Deliveries are now sent by the server itself or, when there is work, by sending processes.",
    "dispatch_not_moved": "The sending processes did not start in time. The server goes on sending itself.",
    "dispatch_process_ended": "A dispatch process ended unexpectedly and is restarted.",
    "duty_completed": "A duty of the keeper did something; `count` says how much.",
    "duty_failed": "A duty of the keeper failed and is retried.",
    "endpoint_disabled": "An endpoint was disabled: by a user (`user`), because it answered 410 (`gone`), or because"
    " every attempt had failed for days (`failing`).",
    "endpoint_enabled": "An endpoint was enabled.",
    "heartbeat_failed": "The heartbeat URL did not accept a post; `answer` is its response.",
    "karrio_missing": "There is no interpreter at `WAYPOST_KARRIO_PYTHON`, so nothing is polled through karrio.",
    "late_result_ignored": "Results arrived after their lease had expired, and changed nothing.",
    "letter_failed": "A letter (such as an invitation) was given up; the page *Settings* has the last response.",
    "letter_interrupted": "A letter could not be processed; it is sent when its lease ends.",
    "loop_stalled": "An event loop was blocked for more than 100 ms; `ran` says what ran.",
    "mail_failed": "The mail server did not accept a letter, which is retried; `answer` is its response.",
    "outage_not_reported": "A message to the operator about a database outage was not accepted; it is tried again.",
    "migration_applied": "A migration was applied to the database.",
    "page_failed": "A page failed on our side.",
    "part_ended": "A part of the server ended unexpectedly and is restarted.",
    "part_failed": "A part of the server failed and is restarted.",
    "partition_kept": "An old partition could not be dropped yet because something else uses it; it is tried again.",
    "poll_crashed": "Polling a carrier failed on our side.",
    "postgres_ended": "The embedded PostgreSQL ended unexpectedly and is restarted.",
    "postgres_restart_failed": (
        "The embedded PostgreSQL can't start yet, for example because its disk is full. It is tried again every two"
        " seconds, and not logged again."
    ),
    "postgres_restarted": "The embedded PostgreSQL is running again, after `failed` starts that failed.",
    "progress_made": "A command or the start of a server makes progress; `message` describes the step.",
    "promise_broken": "The reconciliation found deliveries that violate a guarantee: one field for each kind.",
    "request_answered": "A request was answered. Tokens in `path` are hidden, and the query is left out.",
    "request_failed": "A call failed on our side; the caller was answered 500.",
    "result_lost": "The result of an attempt could not be written; the delivery is sent again.",
    "result_not_recorded": "The result of an attempt could not be written as it is.",
    "result_recorded_in_part": "The result of an attempt was written without what could not be written.",
    "push_failed": "What a push says could not be stored; it is kept as unreadable.",
    "push_reading_failed": "Reading a push failed on our side; it is kept as unreadable.",
    "push_signature_seen": "A push of this source was authenticated, in a form not seen since the start.",
    "pushes_not_stored": "Pushes could not be stored because of an error on our side; their senders got an error.",
    "pushes_postponed": "Pushes of an account are read a moment later, because too many updates are waiting.",
    "registering_paused": "Parcels can't be registered at a connection's service for now; `seconds` says for how long.",
    "scan_skipped": "A scan of a carrier's answer could not be read and was skipped.",
    "server_started": "The server runs; `url` is where it listens, if it does.",
    "server_stopped": "The server has stopped.",
    "server_stopping": "The server stops; work in progress is finished first.",
    "settle_retried": "Results of attempts conflicted with another transaction and are written again.",
    "suspect_claimed": "A delivery that was in hand at several crashes of the process is tried separately.",
    "track_page_failed": "A public tracking page failed on our side.",
}


class Logged(msgspec.Struct, frozen=True):
    """An event: its level, its fields, and what it says."""

    event: str
    level: str
    fields: tuple[str, ...]
    says: str


@cache
def logged_events() -> tuple[Logged, ...]:
    """Return every event, by name; the fields are those of all calls that log it."""
    found: dict[str, tuple[str, set[str]]] = {"progress_made": ("info", {"message"})}
    for path in sorted(Path(waypost.__file__).parent.rglob("*.py")):
        for event, level, fields in _events(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(event, (level, set()))[1].update(fields)
    return tuple(
        Logged(event, level, tuple(sorted(fields)), _SAYS.get(event, f"{event.replace('_', ' ').capitalize()}."))
        for event, (level, fields) in sorted(found.items())
    )


def unexplained() -> set[str]:
    """Return the names of events without a sentence, and of sentences without an event."""
    return {one.event for one in logged_events()} ^ set(_SAYS)


def _events(tree: ast.AST) -> Iterator[tuple[str, str, set[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            fields = {"exception" if word.arg == "exc_info" else word.arg for word in node.keywords if word.arg}
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="_LOG"), attr=method)) if method in _LEVELS:
                    fields |= {"exception"} if method == "exception" else set()
                    yield from ((text, _LEVELS[method], fields) for text in _texts(node.args[0]))
                case ast.Call(func=ast.Name(id="announce"), args=[_, ast.Constant(value=str(event))]):
                    yield event, "info", fields | {"message"}


def _texts(node: ast.expr) -> Iterator[str]:
    """Return the event of a call."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=otherwise):
            yield from (*_texts(body), *_texts(otherwise))

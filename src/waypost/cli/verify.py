"""``waypost verify``: explain a captured webhook, check by check."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from waypost.cli.options import AsJson
from waypost.cli.remote import printable
from waypost.domain.errors import InvalidInput
from waypost.domain.times import read_rfc3339
from waypost.signing.diagnosis import Finding, diagnose, read_headers

_LARGEST: Final = 8 << 20


def verify(
    body: Annotated[Path | None, Parameter(help="The file with the raw body; standard input without one.")] = None,
    /,
    *,
    headers: Annotated[
        Path | None,
        Parameter(help="A file of headers: a line `name: value` each, or JSON as the API shows them."),
    ] = None,
    header: Annotated[
        tuple[str, ...],
        Parameter(negative="", show_default=False, help="One header, `name: value`; beside or instead of a file."),
    ] = (),
    secret: Annotated[
        str, Parameter(show_default=False, help="The endpoint's secret: for Standard Webhooks and V4.")
    ] = "",
    email: Annotated[str, Parameter(show_default=False, help="The account's e-mail address: for V2 and V3.")] = "",
    received_at: Annotated[
        str,
        Parameter(
            show_default=False, help="When it came, such as 2026-03-04T13:20:00Z; this moment when nothing is said."
        ),
    ] = "",
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
) -> int:
    """Explain a captured webhook: what is right, what is wrong, and why.

    Every signature that it carries is checked to its end, also when it is old. Nothing is sent anywhere. Ends with 0 if
    all is right, else with 1. A body that is typed or copied from a terminal is another one: capture its raw bytes.
    """
    if not secret and not email:
        raise InvalidInput("secret", "is missing: give --secret, or --email for V2 and V3")
    lines = "\n".join(header) if headers is None else "\n".join((_read(headers, "headers").decode("latin-1"), *header))
    findings = diagnose(
        _read(body, "body"),
        read_headers(lines),
        secret=secret or None,
        email=email or None,
        now=_moment(received_at),
    )
    right = bool(findings) and all(one.passed for one in findings)
    if as_json:
        print(json.dumps({"genuine": right, "findings": [asdict(one) for one in findings]}))  # noqa: T201 - the answer
    else:
        print("\n".join([*map(_line, findings), "", _verdict(right)]))  # noqa: T201 - the command's answer
    return 0 if right else 1


def _read(file: Path | None, field: str) -> bytes:
    try:
        found = sys.stdin.buffer.read(_LARGEST + 1) if file is None else file.read_bytes()
    except OSError as error:
        raise InvalidInput(field, f"can't be read: {error.strerror}") from None
    if len(found) > _LARGEST:
        raise InvalidInput(field, f"has more than {_LARGEST >> 20} MiB: that is no webhook")
    return found


def _moment(text: str) -> int:
    if not text:
        return int(time.time())
    at = read_rfc3339(text)
    if at is None:
        raise InvalidInput("received-at", "must be a time such as 2026-03-04T13:20:00Z")
    return int(at.timestamp())


def _line(finding: Finding) -> str:
    said = f"{'right' if finding.passed else 'WRONG'}  {finding.about}: {printable(finding.text)}"
    return f"{said}\n       {printable(finding.advice)}" if finding.advice and not finding.passed else said


def _verdict(right: bool) -> str:  # noqa: FBT001 - one sentence for each of the two
    return "All is right: this webhook is genuine." if right else "A receiver must not take this webhook as it stands."

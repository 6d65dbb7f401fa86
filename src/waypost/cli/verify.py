"""``waypost verify``: explain a captured webhook, check by check.

Standard library and ``signing`` only, for a shop that has installed no more than the receiving library. Its options are
therefore argparse's, unlike those of the other commands.
"""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from waypost.cli.terminal import printable
from waypost.domain.errors import InvalidInput
from waypost.domain.times import read_rfc3339
from waypost.signing.diagnosis import Finding, diagnose, read_headers

SUMMARY: Final = (
    "Explain a captured webhook: what is right, what is wrong, and why.\n\n"
    "Every signature is checked completely, even if it is old. Nothing is sent anywhere. Exits with status 0 if the "
    "webhook is genuine, otherwise with 1. Capture the raw bytes of the body: copying it from a terminal changes it."
)
_LARGEST: Final = 8 << 20
_WIDTH: Final = 78


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        "waypost verify",
        description="\n\n".join(textwrap.fill(paragraph, _WIDTH) for paragraph in SUMMARY.split("\n\n")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("body", nargs="?", type=Path, help="The file with the raw body. Default: standard input.")
    add("--headers", type=Path, help="A file of headers, one `name: value` per line, or JSON as the API returns them.")
    add("--header", action="append", default=[], help="One header, `name: value`, in addition to or instead of a file.")
    add("--secret", default="", help="The endpoint's secret, for Standard Webhooks and V4.")
    add("--email", default="", help="The account's e-mail address, for V2 and V3.")
    add("--received-at", default="", help="When it was received, such as 2026-03-04T13:20:00Z. Default: now.")
    add("--json", action="store_true", help="Print JSON, for programs.")
    return parser


def verify(words: Sequence[str]) -> int:
    """Explain a captured webhook; return 0 if all is right, 1 if not, and 2 for wrong usage. Raise InvalidInput."""
    try:
        given = make_parser().parse_args(words)
    except SystemExit as ended:  # after its help, or a wrong option, which it has named
        return int(ended.code or 0)
    if not given.secret and not given.email:
        raise InvalidInput("secret", "is missing: give --secret, or --email for V2 and V3")
    file = () if given.headers is None else (_read(given.headers, "headers").decode("latin-1"),)
    findings = diagnose(
        _read(given.body, "body"),
        read_headers("\n".join((*file, *given.header))),
        secret=given.secret or None,
        email=given.email or None,
        now=_moment(given.received_at),
    )
    right = bool(findings) and all(one.passed for one in findings)
    if given.json:
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
        raise InvalidInput(field, f"has more than {_LARGEST >> 20} MiB, which no webhook has")
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
    return "All checks passed: this webhook is genuine." if right else "A receiver must reject this webhook."

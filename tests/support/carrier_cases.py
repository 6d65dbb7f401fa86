"""Answers of carriers with their expected results: ``contract/carriers/<carrier>/<case>.json``."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from waypost.domain.trackings import Update

FOLDER: Final = Path(__file__).parents[1] / "contract/carriers"
SHARED: Final = Path(__file__).parents[3] / "shared/data"
"""Samples that only some machines have; tests that read them are skipped without them."""


class Case(msgspec.Struct, frozen=True):
    """One answer to a question for ``tracking_number``; ``answer`` is JSON, or a text that is sent as it is."""

    carrier: str
    name: str
    status: int
    tracking_number: str
    answer: Any
    expected: dict[str, Any] | None = None
    expected_error: str | None = None

    def __str__(self) -> str:
        return f"{self.carrier}-{self.name}"

    @property
    def body(self) -> bytes:
        """The answer's bytes."""
        return (self.answer if isinstance(self.answer, str) else json.dumps(self.answer)).encode()

    def read(self) -> Update:
        """Return the update that the carrier's adapter reads from it."""
        return read_answer(self.carrier, self.status, self.body, self.tracking_number)


def read_answer(carrier: str, status: int, body: bytes, tracking_number: str) -> Update:
    """Return what the adapter of a carrier, given by its folder, reads from an answer."""
    update = import_module(f"waypost.sources.carriers.{carrier}.read").read_answer(status, body, tracking_number)
    assert isinstance(update, Update)
    return update


def load(path: Path) -> Case:
    """Return the case of a file."""
    told = json.loads(path.read_text("utf-8"))
    fields = {name: told[name] for name in Case.__struct_fields__ if name in told}
    return Case(carrier=path.parent.name, name=path.stem, **fields)


CASES: Final = [load(path) for path in sorted(FOLDER.glob("*/*.json"))]
READABLE: Final = [case for case in CASES if case.expected is not None]


def cases_of(carrier: str) -> list[Case]:
    """Return the cases of a carrier, given by its folder."""
    return [case for case in CASES if case.carrier == carrier]

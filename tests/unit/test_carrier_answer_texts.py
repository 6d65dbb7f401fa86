"""Each text of an event in public samples of carriers' responses is read correctly or not at all.

The samples are not part of the project. ``carrier_answer_texts.toml`` has our judgement of each text, by its digest.
"""

import json
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.carrier_cases import SHARED
from waypost.domain import wording
from waypost.domain.statuses import status_of

JUDGED = Path(__file__).with_suffix("").with_name("carrier_answer_texts.toml")
SAYS_NOTHING = "nothing"
NAMES = frozenset(
    [
        *("Description", "description", "event-description", "Event", "message", "EventDescription"),
        *("StatusExceptionDescription", "eventType", "EventName", "eventName", "Status", "status"),
        *("EventCodeDesc", "EventShortText", "EventLongText", "EventLabel", "ReasonDescription"),
        *("StatusSummary", "statusSummary", "StatusDescription", "statusByLocale", "derivedStatus"),
        *("eventDescription", "exceptionDescription", "remark", "StatusCategory", "EventStatusCategory"),
        *("ActionMessages_UA", "ActionMessages_RU", "ActionMessages_EN", "EventSummary", "reasonDescription"),
        *("status_detail", "actionDescription"),
    ]
)
"""Fields and elements that describe events; some of them also describe goods, places and errors."""


def texts_of_file(file: Path) -> Iterator[str]:
    content = file.read_text(encoding="utf-8", errors="replace")
    try:
        yield from texts_of(json.loads(content))
    except ValueError:
        yield from (
            element.text or ""
            for element in ET.fromstring(content.lstrip("\ufeff").strip()).iter()  # noqa: S314 - files of ours
            if element.tag.rpartition("}")[2] in NAMES
        )


def texts_of(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from texts_of(inner, key)
        case list():
            for inner in value:
                yield from texts_of(inner, name)
        case str() if name in NAMES:
            yield value


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def test_each_text_is_read_correctly_or_not_at_all() -> None:
    folder = SHARED / "carrier-answers"
    if not folder.is_dir():
        pytest.skip("the shared data is not here")
    judged = {
        digest: status
        for status, digests in tomllib.loads(JUDGED.read_text(encoding="utf-8")).items()
        for digest in digests
    }
    texts = {" ".join(text.split()) for file in folder.rglob("*.*") for text in texts_of_file(file)} - {""}
    read = {text: reading.substatus for text in texts if (reading := wording.read(text)) is not None}

    wrong = {text: said for text, said in read.items() if status_of(said) != judged[digest_of(text)]}
    told = {text for text in texts if judged[digest_of(text)] != SAYS_NOTHING}

    assert wrong == {}
    assert len(read) >= 0.92 * len(told)

"""A request and a reply of a stand-in, whatever its carrier."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, tostring


@dataclass(frozen=True, slots=True)
class Request:
    """One request: ``path`` is what follows the carrier's name, ``headers`` have names in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    def asked(self, name: str) -> str:
        """Return the first value of a name in the query, or an empty text."""
        return self.query.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``shown`` are the parcels that it shows, each with its stage."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, int] = field(default_factory=dict)


def in_json(status: int, body: Any, content_type: str = "application/json") -> Reply:
    """Return a reply in JSON."""
    return Reply(status, json.dumps(body, ensure_ascii=False).encode(), content_type)


def in_xml(status: int, root: Element, content_type: str) -> Reply:
    """Return a reply in XML."""
    return Reply(status, tostring(root, encoding="UTF-8", xml_declaration=True), content_type)

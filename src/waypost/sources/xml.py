"""Carriers' XML as elements whose names have no namespace; nothing in it can reach outside the document.

No entity is resolved, no document type accepted and no network used. libxml2 bounds the depth (256); the size of an
answer is limited where it is received.
"""

from collections.abc import Iterator
from typing import Any, Final

from waypost.sources import reading


class Element:
    """An element of a document: its name, its text and its children by their names."""

    def __init__(self, node: Any) -> None:
        self._node: Final = node

    @property
    def name(self) -> str:
        """The name without its namespace, which carriers change with each version."""
        return _local(self._node.tag)

    def text(self, name: str) -> str | None:
        """Return the text of the first child with that name; None if there is none, or if it is empty."""
        child = next(self.children(name), None)
        text = None if child is None else child._node.text  # noqa: SLF001 - another of this class
        return text if isinstance(text, str) and text.strip() else None

    def children(self, name: str) -> Iterator["Element"]:
        """Yield the children with that name."""
        return (Element(child) for child in self._node if _local(child.tag) == name)

    def descendants(self, name: str) -> Iterator["Element"]:
        """Yield all elements below with that name, in the order of the document."""
        return (Element(node) for node in self._node.iter() if node is not self._node and _local(node.tag) == name)


def parse(body: bytes) -> Element:
    """Return the root of a document. Raise CarrierUnreadable if it can't be read."""
    from lxml import etree  # 4 MiB that an installation without such a carrier never uses

    # A parser can be used by one thread at a time, and is cheap to create.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(body.lstrip(b" \t\r\n"), parser)  # a declaration must come first
    except (etree.XMLSyntaxError, ValueError):
        raise reading.unreadable(body, "it is not XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise reading.unreadable(body, "it has a document type")
    return Element(root)


def _local(tag: object) -> str:
    """Return a tag without its namespace; a comment and a processing instruction have none."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""

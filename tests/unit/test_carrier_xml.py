"""Carriers' XML is read without external entities and within limits."""

import pytest

from waypost.domain.carriers import CarrierUnreadable
from waypost.sources.xml import parse


def test_elements_are_found_by_their_names_in_any_namespace() -> None:
    root = parse(b'<a:one xmlns:a="urn:x" xmlns="urn:y"><two> text </two><!-- a note --><?do it?><two/><b/></a:one>')

    assert root.name == "one"
    assert root.text("two") == " text "
    assert (root.text("b"), root.text("three")) == (None, None)
    assert [child.name for child in root.children("two")] == ["two", "two"]


def test_white_space_before_the_declaration_is_ignored() -> None:
    assert parse(b' \n<?xml version="1.0" encoding="UTF-8"?><a/>').name == "a"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no XML",
        b"<one>",
        b"<one/><two/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a d="&b;"/>'.encode("utf-16"),
        b"<a>" * 300 + b"</a>" * 300,
        b'<?xml version="1.0" encoding="nothing"?><a/>',
    ],
)
def test_documents_that_are_not_plain_xml_are_unreadable(body: bytes) -> None:
    with pytest.raises(CarrierUnreadable, match="cannot be read"):
        parse(body)

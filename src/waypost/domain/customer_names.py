"""Customers' names as they are searched: as people type them, not as they are spelled."""

import unicodedata
from typing import Final

LONGEST: Final = 255
"""The maximum length of a searchable name, in characters."""


def searchable(name: str) -> str:
    """Return a name without case, accents, invisible characters and repeated white space, at most ``LONGEST``.

    So "muller" finds "Müller", and "STRASSER" finds "Straßer". The result may be empty. A name and a search that begins
    it have results of which the second begins the first.
    """
    shown = "".join(sign for sign in " ".join(name.split()) if sign.isprintable())
    parts = unicodedata.normalize("NFKD", shown.casefold())
    plain = "".join(sign for sign in parts if not unicodedata.combining(sign))
    return " ".join(plain.casefold().split())[:LONGEST]

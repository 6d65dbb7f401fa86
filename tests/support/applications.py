"""Applications that one test hands to the next, since building one takes a tenth of a second."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Litestar

from waypost.api.application import make_application
from waypost.api.parts import Parts
from waypost.portal.application import PageSet


@dataclasses.dataclass(frozen=True)
class Built:
    """An application with what it was built of."""

    application: Litestar
    parts: Parts
    pages: PageSet | None


_IDLE: dict[tuple[bool, bool], list[Built]] = {}
"""By whether there are pages and whether these are secure, which decides how they are built."""


@contextmanager
def borrowed(parts: Parts, with_pages: Callable[[Parts], PageSet] | None) -> Iterator[Built]:
    """Lend an application that works with these parts and nothing else of a test before."""
    pages = None if with_pages is None else with_pages(parts)
    idle = _IDLE.setdefault((pages is not None, pages is not None and pages.pages.secure), [])
    if idle:
        built = idle.pop()
        _hand(built, parts, pages)
    else:
        built = Built(make_application(parts, pages), parts, pages)
    try:
        yield built
    finally:
        idle.append(built)


def _hand(built: Built, parts: Parts, pages: PageSet | None) -> None:
    """Put all of the new values in the place of the old ones, which the application goes on holding."""
    _replace(built.parts, parts)
    if built.pages is not None and pages is not None:
        own = built.pages.pages
        sessions = own.sessions
        vars(sessions).update(vars(pages.pages.sessions))
        _replace(own, pages.pages, context=built.parts, sessions=sessions)


def _replace(old: Any, new: Any, **kept: Any) -> None:
    for field in dataclasses.fields(new):
        object.__setattr__(old, field.name, kept.get(field.name, getattr(new, field.name)))  # it is frozen

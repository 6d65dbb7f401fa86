"""What browsers send with a request to a page, read here and kept no longer than the request.

Litestar's own readers remember the last thousand forms, queries and cookies: passwords among them, and 16 MB for a
form of 1 MiB.
"""

import re
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import FormMultiDict, MultiDict
from litestar.enums import RequestEncodingType
from litestar.types import Scope

from waypost.portal.page_error import PageError

MOST_FIELDS: Final = 100
MOST_SHOWN: Final = 100
"""A page repeats no more of a name that the visitor chose."""
TAKES_FILES: Final = "takes_files"
"""The option of a route whose form has files."""

_FIELDS: Final = "waypost.fields"
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
"""What stands for a byte that is no text: half of a surrogate pair is written in such bytes, too."""


class PageRequest(Request[Any, Any, Any]):
    """A request to a page."""

    @cached_property
    def query_params(self) -> MultiDict[Any]:
        """Return the parameters of the query. Raise PageError as ``form``."""
        return MultiDict(_pairs(self.scope["query_string"]))

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Return the cookies by name; of two with one name the last counts."""
        return cookies_of(self.scope)

    @property
    def address(self) -> str:
        """Return the visitor's address; empty where there is none, as over a socket of the file system."""
        return "" if self.client is None else self.client.host

    async def form(self) -> FormMultiDict:
        """Return the fields of a form as browsers send ours; none for anything else, and for files no page asked for.

        Raise PageError 400 for more fields than any page has, 422 for a field that is not UTF-8. Several requests over
        one scope share what was read.
        """
        state = self.scope["state"]
        if _FIELDS not in state:
            state[_FIELDS] = await self._read_form()
        form: FormMultiDict = state[_FIELDS]
        return form

    async def _read_form(self) -> FormMultiDict:
        content_type, _ = self.content_type
        if content_type == RequestEncodingType.MULTI_PART and self.route_handler.opt.get(TAKES_FILES):
            return await self._read_parts()
        if content_type != RequestEncodingType.URL_ENCODED:
            return FormMultiDict()
        return FormMultiDict(_pairs(await self.body()))

    async def _read_parts(self) -> FormMultiDict:
        """Read a form with files, which may be as long as the route lets a body be; what is large lies in a file."""
        try:
            form = await super().form()
        except (UnicodeError, LookupError):
            message = "A field of the form is not in the charset that it says, or in none that there is."
            raise PageError(HTTPStatus.BAD_REQUEST, message) from None
        if sum(1 for _ in form.multi_items()) > MOST_FIELDS:
            raise _too_many()
        return form


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the cookies that a browser sent, by name."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    parts = (part.partition("=") for line in lines for part in line.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            text.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="surrogateescape",
        )
    except ValueError:
        raise _too_many() from None
    for name, value in pairs:
        if _NO_TEXT.search(name + value):
            message = f"The field {ascii(name[:MOST_SHOWN])[1:-1]} is not text in UTF-8. Nothing was changed."
            raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    return pairs


def _too_many() -> PageError:
    message = f"The request has more than {MOST_FIELDS} fields. No page asks for so many."
    return PageError(HTTPStatus.BAD_REQUEST, message)

"""Read what browsers send to a page, and keep it no longer than the request.

Litestar's own parsers cache the last thousand forms, queries and cookies, including passwords, and 16 MB for a form of
1 MiB.
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
from waypost.portal.uploads import NotAForm, NotText, read_parts

MOST_FIELDS: Final = 100
TAKES_FILES: Final = "takes_files"
"""The route option that allows a form with files."""

_FIELDS: Final = "waypost.fields"
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
"""The replacement for an undecodable byte; half of a surrogate pair is written in such bytes, too."""


class PageRequest(Request[Any, Any, Any]):
    """A request to a page."""

    @cached_property
    def query_params(self) -> MultiDict[Any]:
        """Return the query parameters. Raise PageError as ``form``."""
        return MultiDict(_pairs(self.scope["query_string"]))

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Return the cookies by name; of several with one name, the last one."""
        return cookies_of(self.scope)

    @property
    def address(self) -> str:
        """Return the visitor's IP address, or an empty string if there is none, as on a Unix socket."""
        return "" if self.client is None else self.client.host

    async def gone(self) -> None:
        """Return when the visitor has closed the connection; only after the form was read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def form(self) -> FormMultiDict:
        """Return the fields of a submitted form; empty for other content types and for unexpected files.

        Raise PageError 400 if there are more fields than any page has, and 422 for a field that is not UTF-8. Requests
        that share a scope share the result.
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
        """Return a form with files, up to the route's body limit. Large files are spooled to disk."""
        _, options = self.content_type
        try:
            return await read_parts(self.stream(), options.get("boundary", ""), most=MOST_FIELDS)
        except NotAForm as error:
            raise PageError(HTTPStatus.BAD_REQUEST, str(error)) from None
        except NotText as error:
            raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the request's cookies by name."""
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
            raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, str(NotText(name)))
    return pairs


def _too_many() -> PageError:
    message = f"The request has more than {MOST_FIELDS} fields."
    return PageError(HTTPStatus.BAD_REQUEST, message)

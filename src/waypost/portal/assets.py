"""The pages' style sheet, script and icon. Each can be cached for ever, because its path changes with its content."""

from http import HTTPStatus
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from waypost.portal.rendering import ALWAYS, STATIC, asset_path

TYPES: Final = {
    "waypost.css": "text/css",
    "track.css": "text/css",
    "waypost.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"


@get("/assets/{digest:str}/{name:str}")
async def asset(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Return a static file of the pages."""
    if name not in TYPES or asset_path(name) != f"/assets/{digest}/{name}":
        return Response(b"", status_code=HTTPStatus.NOT_FOUND, headers=dict(ALWAYS))
    headers = {**ALWAYS, "cache-control": FOR_EVER}
    return Response((STATIC / name).read_bytes(), media_type=TYPES[name], headers=headers)


ROUTES: Final = (asset,)

"""Responses are compressed if the client accepts it, except those that show a secret."""

import gzip
from typing import Any

import pytest

from tests.support.rounds import looks_per_slice
from waypost.app.compressing import LEAST_BYTES, SLICE_BYTES, compressed

HTML = (b"content-type", b"text/html; charset=utf-8")
LONG = b"<p>parcel</p>" * LEAST_BYTES


async def answer(
    *pieces: bytes, accepts: str | None = "gzip", status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = (HTML,)
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return the headers and pieces that reach the client."""
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        length = [(b"content-length", str(len(pieces[0])).encode())] if len(pieces) == 1 else []
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
        for place, piece in enumerate(pieces, start=1):
            await send({"type": "http.response.body", "body": piece, "more_body": place < len(pieces)})

    async def send(message: Any) -> None:
        sent.append(message)

    asked = [] if accepts is None else [(b"accept-encoding", accepts.encode())]
    await compressed(application)({"type": "http", "headers": asked}, None, send)  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), [message["body"] for message in sent[1:]]


@pytest.mark.parametrize("accepts", ["gzip", "deflate, gzip;q=1.0", "br, GZIP;q=0.1", "x-gzip"])
@pytest.mark.parametrize("size", [1, 4 * SLICE_BYTES // len(LONG)])
async def test_compressed_responses_have_their_new_length(accepts: str, size: int) -> None:
    headers, (body,) = await answer(LONG * size, accepts=accepts)

    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"vary"] == b"accept-encoding"
    assert int(headers[b"content-length"]) == len(body) < len(LONG) * size
    assert gzip.decompress(body) == LONG * size


@pytest.mark.parametrize("accepts", [None, "", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0"])
async def test_clients_that_do_not_accept_gzip_get_the_plain_response(accepts: str | None) -> None:
    headers, body = await answer(LONG, accepts=accepts)

    assert (body, headers[b"vary"], b"content-encoding" in headers) == ([LONG], b"accept-encoding", False)
    assert headers[b"content-length"] == str(len(LONG)).encode()


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, (HTML, (b"Cache-Control", b"no-store, no-transform"))),
        (200, ((b"content-type", b"image/png"),)),
        (200, (HTML, (b"content-encoding", b"br"))),
        (200, ()),
        (206, (HTML,)),
        (304, (HTML,)),
    ],
)
async def test_responses_with_secrets_or_incompressible_bodies_stay_plain(status: int, headers: Any) -> None:
    told, body = await answer(LONG, status=status, headers=headers)

    assert (body, told.get(b"content-encoding")) == ([LONG], dict(headers).get(b"content-encoding"))


async def test_short_responses_stay_plain() -> None:
    headers, body = await answer(b"x" * (LEAST_BYTES - 1))

    assert (len(body[0]), b"content-encoding" in headers) == (LEAST_BYTES - 1, False)


async def test_each_chunk_of_a_long_response_can_be_decoded_on_arrival() -> None:
    headers, pieces = await answer(b"first", LONG, b"last")

    assert b"content-length" not in headers
    unpacked = gzip.zlib.decompressobj(31)  # type: ignore[attr-defined]
    assert [unpacked.decompress(piece) for piece in pieces] == [b"first", LONG, b"last"]


async def test_a_large_response_is_compressed_in_slices() -> None:
    large = LONG * (32 * SLICE_BYTES // len(LONG))

    with looks_per_slice(1) as waits:
        _, (body,) = await answer(large)

    assert gzip.decompress(body) == large
    assert waits.count >= 32 / 2

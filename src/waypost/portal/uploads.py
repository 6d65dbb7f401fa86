"""Read forms with files, part by part: a part that can't be read is named."""

from collections.abc import AsyncIterator
from typing import Final

from litestar.datastructures import FormMultiDict, UploadFile
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

MOST_SHOWN: Final = 100
"""A page repeats no more of a name that the visitor chose."""


class NotAForm(ValueError):
    """The body is not a form; the message is a sentence for the visitor."""


class NotText(ValueError):
    """A field is not text; the message is a sentence for the visitor that names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The field {ascii(name[:MOST_SHOWN])[1:-1]} is not text in UTF-8. Nothing was changed.")


async def read_parts(stream: AsyncIterator[bytes], boundary: str, *, most: int) -> FormMultiDict:
    """Return the fields and files of a form. Large files are spooled to disk. Raise NotAForm or NotText."""
    fields: list[tuple[str, str | UploadFile]] = []
    part: UploadFile | bytearray = bytearray()
    segment: MultipartSegment | None = None
    try:
        with PushMultipartParser(boundary, max_segment_count=most) as parser:
            async for chunk in stream:
                for piece in parser.parse(chunk):
                    if isinstance(piece, MultipartSegment):
                        segment, part = piece, _file(piece) or bytearray()
                    elif piece:
                        await _add(part, piece)
                    elif segment is not None:
                        fields.append((segment.name or "", await _whole(part, segment)))
    except ParserLimitReached:
        raise NotAForm(f"The request has more than {most} fields.") from None
    except MultipartError:
        raise NotAForm("The form is malformed or incomplete.") from None
    return FormMultiDict(fields)


async def _add(part: UploadFile | bytearray, piece: bytes) -> None:
    if isinstance(part, UploadFile):
        await part.write(piece)
    else:
        part.extend(piece)


def _file(segment: MultipartSegment) -> UploadFile | None:
    if not segment.filename:
        return None
    return UploadFile(segment.content_type or "text/plain", segment.filename, headers=dict(segment.headerlist))


async def _whole(part: UploadFile | bytearray, segment: MultipartSegment) -> str | UploadFile:
    if isinstance(part, UploadFile):
        await part.seek(0)
        return part
    try:
        if (segment.charset or "utf-8").lower() == "utf-8":
            return part.decode()
    except UnicodeDecodeError:
        pass
    raise NotText(segment.name or "")

"""Pages of PDF files as JSON lines between a reader process and its parent, which checks every field.

A request is {"number", "text", "quote"} for the boxes of a quote, or {"number"} for the image. With {"attachment": id} the file is a
message, and the page is one of its attachment with this id.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, TypeVar

from corpus.readers import attachments
from corpus.readers.detection import unpack
from corpus.readers.pdf.page_view import MAX_SIDE, Box, PageView, draw_page, view_page
from corpus.types import ReadError

Decoded = TypeVar("Decoded")

_PNG = b"\x89PNG\r\n\x1a\n"


def show_page(data: bytes, name: str, request: Any) -> bytes:
    """The line of the response with its line feed. Raises ReadError."""
    data, name = unpack(data, name)
    if identity := request.get("attachment"):
        data = _attachment(data, name, identity)
    if "text" not in request:
        value: dict[str, Any] = {"png": b64encode(draw_page(data, name, request["number"])).decode("ascii")}
    else:
        view = view_page(data, name, request["number"], request["text"], tuple(request["quote"]))
        value = {"size": [view.width, view.height], "boxes": view.boxes}
    return json.dumps(value).encode() + b"\n"


def _attachment(data: bytes, name: str, identity: str) -> bytes:
    """The attachment whose place in the file is the end of a document's id."""
    found = [(len(part), content) for part, content in attachments(data, name) if identity.endswith(f"/{part}")]
    if not found:
        raise ReadError(f"the attachment is not found in {name}")
    return max(found, key=lambda each: each[0])[1]


def image_from_line(line: bytes) -> bytes:
    """A PNG image. Raises ReadError for a failure, ValueError unless `show_page` could have written the line."""
    image: bytes = _decode(line, lambda value: b64decode(value["png"], validate=True))
    if not image.startswith(_PNG):
        raise ValueError("not a PNG image")
    return image


def view_from_line(line: bytes) -> PageView:
    """Raises ReadError for a failure, ValueError unless `show_page` could have written the line."""
    return _decode(line, _view)


def _decode(line: bytes, decode: Callable[[Any], Decoded]) -> Decoded:
    try:
        value = json.loads(line)
        if "failure" in value:
            raise ReadError(str(value["failure"][1]))
        return decode(value)
    except (KeyError, IndexError, TypeError, RecursionError) as error:
        raise ValueError(f"not a page: {error}") from error


def _view(value: Any) -> PageView:
    width, height = (_within(side, 1, MAX_SIDE) for side in value["size"])
    return PageView(width, height, tuple(_box(box, width, height) for box in value["boxes"]))


def _box(value: Any, width: int, height: int) -> Box:
    left, top, right, bottom = value
    return (
        _within(left, 0, width),
        _within(top, 0, height),
        _within(right, left, width),
        _within(bottom, top, height),
    )


def _within(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} is not on the page")
    return value

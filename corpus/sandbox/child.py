"""The program of a reader process: reads files from standard input and writes JSON lines to standard output.

A request is a line of JSON, {"name": ..., "size": ...}, and that many bytes. The response is a line per document or failure, then an
empty line. With {"page": ...} in the request it is one line with a page of a PDF file, or a failure. With {"ocr": true} images are read
by OCR.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

from corpus.readers import read
from corpus.sandbox.confinement import allow_cpu_seconds, confine
from corpus.sandbox.page_wire import show_page
from corpus.sandbox.wire import to_line
from corpus.types import ReadError, ReadFailure

# Exit code if a file needs more memory than allowed.
OUT_OF_MEMORY = 77
# Enough for the trees of libxml2 (256 levels), far below the limit of the C stack.
_RECURSION = 3_000


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Handle requests until standard input ends."""
    requests, responses = _take_over_pipes()
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(_RECURSION)
    confine(memory_bytes)
    while header := requests.readline():
        request = json.loads(header)
        data = requests.read(request["size"])
        allow_cpu_seconds(cpu_seconds)
        try:
            for line in _respond(data, request):
                responses.write(line)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        responses.write(b"\n")
        responses.flush()


def _respond(data: bytes, request: Any) -> Iterator[bytes]:
    """The lines of the response; any error becomes a failure."""
    name = request["name"]
    try:
        if "page" in request:
            yield show_page(data, name, request["page"])
        else:
            yield from map(to_line, read(data, name, ocr=request.get("ocr", False)))
    except ReadError as error:
        yield to_line(ReadFailure.of(name, error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - any error of a reader is reported as a failure
        reason = f"{name} could not be read ({type(error).__name__}); it is probably damaged, save it again"
        yield to_line(ReadFailure(name, reason))


def _take_over_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes to other file descriptors, where libraries cannot print to them."""
    responses = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)
    requests = os.fdopen(os.dup(0), "rb")
    with contextlib.suppress(OSError):
        os.close(0)
    return requests, responses

"""The program of a reader process: reads files from standard input and writes JSON lines to standard output.

A request is a line of JSON, {"name": ..., "size": ...}, and that many bytes. The response is a line per document or failure, then an
empty line.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from typing import BinaryIO

from corpus.readers import read
from corpus.sandbox.confinement import allow_cpu_seconds, confine
from corpus.sandbox.wire import to_line
from corpus.types import Document, ReadError, ReadFailure, UnsupportedFormat

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
            for found in _read(data, request["name"]):
                responses.write(to_line(found))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        responses.write(b"\n")
        responses.flush()


def _read(data: bytes, name: str) -> Iterator[Document | ReadFailure]:
    """Read a file; any error becomes a failure."""
    try:
        yield from read(data, name)
    except ReadError as error:
        yield ReadFailure(name, str(error), isinstance(error, UnsupportedFormat))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - any error of a reader is reported as a failure
        yield ReadFailure(name, f"{name} could not be read ({type(error).__name__}); it is probably damaged, save it again")


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

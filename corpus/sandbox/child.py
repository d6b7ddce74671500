"""The reading process: takes files on standard input, one after the other, and answers in JSON lines on standard output.

A request is a line of JSON, {"name": ..., "size": ...}, and that many bytes. An answer is a line for each document or failure
and then a line that is empty.
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

# What the process ends with where a file needs more memory than it may have; it is not fit to read another.
OUT_OF_MEMORY = 77
# Deep enough for the trees libxml2 builds (256 levels), far from the end of the C stack.
_RECURSION = 3_000


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Serve until standard input ends."""
    requests, answers = _own_streams()
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(_RECURSION)
    confine(memory_bytes)
    while header := requests.readline():
        request = json.loads(header)
        data = requests.read(request["size"])
        allow_cpu_seconds(cpu_seconds)
        try:
            for found in _found(data, request["name"]):
                answers.write(to_line(found))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        answers.write(b"\n")
        answers.flush()


def _found(data: bytes, name: str) -> Iterator[Document | ReadFailure]:
    """What `read` finds; whatever goes wrong with the file is one more failure."""
    try:
        yield from read(data, name)
    except ReadError as error:
        yield ReadFailure(name, str(error), isinstance(error, UnsupportedFormat))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: nothing a file sets off may end the process without a word
        yield ReadFailure(name, f"{name} could not be read ({type(error).__name__}); it is probably damaged, save it again")


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent, out of the reach of libraries that print."""
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)
    requests = os.fdopen(os.dup(0), "rb")
    with contextlib.suppress(OSError):
        os.close(0)
    return requests, answers

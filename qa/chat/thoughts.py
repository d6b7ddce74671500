"""What a language model thinks aloud before it answers is no answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

OPENING, CLOSING = "<think>", "</think>"

Other = TypeVar("Other")


def without_thoughts(pieces: Iterable[str | Other]) -> Iterator[str | Other]:
    """The pieces of an answer without the `<think>…</think>` that it begins with; what is no text passes as it is.

    A thought that never ends leaves nothing.
    """
    held = ""
    answering = False
    for piece in pieces:
        if answering or not isinstance(piece, str):
            yield piece
            continue
        held += piece
        begin = held.lstrip()
        if begin.startswith(OPENING):
            _, ended, rest = begin.partition(CLOSING)
            answering = bool(ended)
            yield rest  # "" while it thinks: the one who waits is told that something comes
        elif not OPENING.startswith(begin):
            answering = True
            yield held
    if not answering and not held.lstrip().startswith(OPENING):
        yield held

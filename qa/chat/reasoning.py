"""Removes the reasoning that a language model writes before its answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

OPENING, CLOSING = "<think>", "</think>"

Other = TypeVar("Other")


def strip_reasoning(pieces: Iterable[str | Other]) -> Iterator[str | Other]:
    """Yield an answer's pieces without a leading `<think>…</think>` block; pieces that are not text are yielded unchanged.

    A block that is never closed leaves nothing. Yields "" while the block is read, so that the caller sees progress.
    """
    buffer = ""
    answering = False
    for piece in pieces:
        if answering or not isinstance(piece, str):
            yield piece
            continue
        buffer += piece
        begin = buffer.lstrip()
        if begin.startswith(OPENING):
            _, closing, rest = begin.partition(CLOSING)
            answering = bool(closing)
            yield rest
        elif not OPENING.startswith(begin):
            answering = True
            yield buffer
    if not answering and not buffer.lstrip().startswith(OPENING):
        yield buffer

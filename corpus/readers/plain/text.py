"""Reads plain text."""

from __future__ import annotations

from corpus.readers.decoding import decode
from corpus.types import Document


class TextReader:
    """Reads a file as text without structure."""

    def read(self, data: bytes, name: str) -> Document:
        decoded = decode(data, name)
        return Document(text=decoded.text, title="", type="text", metadata=decoded.metadata)

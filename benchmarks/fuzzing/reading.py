"""Targets: the readers, with the properties of every document."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from corpus.readers import read
from corpus.sandbox.wire import from_line, to_line
from corpus.types import Document, ReadError, ReadFailure

# Maximum ratio of a document's size to its file's: entities and tables expand.
MOST_GROWTH, MOST_ANYWAY = 200, 1_000_000


def check_found(found: Document | ReadFailure, size: int) -> None:
    """Raise AssertionError unless a document or failure is valid. `size`: bytes of the file."""
    assert from_line(to_line(found)) == found, "another one arrives on the other side of the pipe"
    if isinstance(found, ReadFailure):
        assert found.reason
        return
    text = found.text
    assert text.strip(), "no text"
    assert found.title.strip(), "no title"
    assert len(text) <= MOST_GROWTH * size + MOST_ANYWAY, "larger than its file by far"
    for written in (text, found.title, found.id, found.url, found.date, found.type, found.language, *found.metadata):
        _check_written(written)
    for value in found.metadata.values():
        for written in value if isinstance(value, list) else (value,):
            _check_written(written)
    assert "\r" not in text, "a line end that is not normalised"
    if found.date is not None:
        datetime.fromisoformat(found.date)
    _check_places(found)


def _check_written(value: object) -> None:
    if isinstance(value, str):
        assert "\0" not in value, "a NUL"
        value.encode()  # no lone surrogates


def _check_places(found: Document) -> None:
    text, end = found.text, 0
    for heading in found.headings:
        assert end <= heading.start < heading.end <= len(text), "headings overlap or lie outside"
        assert 1 <= heading.level <= 6
        _check_written(heading.title)
        _check_written(heading.anchor)
        if found.type == "markdown":
            assert text[heading.start : heading.end].strip()
        else:
            assert text[heading.start : heading.end] == heading.title, "the heading is not what stands there"
        end = heading.end
    assert list(found.pages) == sorted(found.pages)
    assert all(0 <= page <= len(text) for page in found.pages)


def reading(name: str) -> Callable[[bytes], None]:
    """Read bytes as the file `name`: valid documents, or an error with a reason."""

    def check(data: bytes) -> None:
        try:
            for found in read(data, name):
                check_found(found, len(data))
        except ReadError as refusal:
            if not str(refusal):
                raise AssertionError("a refusal without a reason") from refusal

    return check


def members(files: Sequence[bytes]) -> Sequence[tuple[int, str, bytes]]:
    """The parts of ZIP files to change: (file number, part name, content)."""
    found = []
    for number, file in enumerate(files):
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            found += [
                (number, name, archive.read(name))
                for name in archive.namelist()
                if name.endswith((".xml", ".rels", "mimetype"))
            ]
    return found


def packed(files: Sequence[bytes], name: str) -> Callable[[bytes], None]:
    """Read an archive with one part replaced; the first two bytes select the part, or the whole file."""
    check = reading(name)
    parts = members(files)
    contents: list[Mapping[str, bytes]] = []
    for file in files:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            contents.append({member: archive.read(member) for member in archive.namelist()})

    def check_packed(data: bytes) -> None:
        if len(data) < 2 or data.startswith(b"PK"):
            check(data)
            return
        number, member, _ = parts[int.from_bytes(data[:2], "big") % len(parts)]
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for other, content in contents[number].items():
                archive.writestr(other, data[2:] if other == member else content)
        check(out.getvalue())

    return check_packed

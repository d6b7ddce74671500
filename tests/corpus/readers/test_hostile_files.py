"""Hostile files become failures within the limits, and the next file is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.readers import read
from corpus.sandbox.pool import Sandbox
from corpus.sandbox.reader_process import Limits
from corpus.types import Document, ReadError, ReadFailure

MB = 2**20
SECONDS = 20
Deflate = Callable[[int], bytes]
MakeZip = Callable[[dict[str, str | bytes]], bytes]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(memory_bytes=512 * MB, cpu_seconds=SECONDS, wall_seconds=SECONDS)) as made:
        yield made


@pytest.fixture
def failure(sandbox: Sandbox) -> Iterator[Callable[[bytes, str], str]]:
    """The reason of a failure; then checks that an ordinary file is read."""
    started = time.monotonic()

    def reason(data: bytes, name: str) -> str:
        (found,) = sandbox.read(data, name)
        assert isinstance(found, ReadFailure), found
        return found.reason

    yield reason
    assert time.monotonic() - started < SECONDS + 5
    (found,) = sandbox.read(b"Words.", "a.txt")
    assert isinstance(found, Document)


def test_rejects_a_zip_bomb_before_decompression(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    assert "a part larger than 128 MB" in failure(make_zip({"word/document.xml": bytes(200 * MB)}), "bomb.docx")
    assert "times its size" in failure(make_zip({"word/document.xml": bytes(60 * MB)}), "bomb.docx")


def test_rejects_too_many_parts(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    parts: dict[str, str | bytes] = {f"word/{number}.xml": b"" for number in range(10_001)}
    assert "10001 parts" in failure(make_zip(parts), "parts.docx")


def test_part_with_a_false_size_is_damaged(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    honest = make_zip({"word/document.xml": b"<a>" + b"x" * 100_000})
    size = (100_003).to_bytes(4, "little")
    assert "damaged" in failure(honest.replace(size, (50).to_bytes(4, "little")), "liar.docx")


def test_rejects_nested_zip(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    inner = make_zip({"a.txt": bytes(MB)})
    for _ in range(5):
        inner = make_zip({"a.zip": inner})
    assert "ZIP archive" in failure(inner, "nested.zip")


def test_rejects_entities(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    lines = "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{lines}]><x>&a9;</x>'
    stolen = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    for source in (bomb, stolen):
        assert "document type" in failure(make_zip({"word/document.xml": source}), "entities.docx")
        assert "XML of an unknown kind" in failure(source.encode(), "entities.xml")


def test_pdf_bomb_is_a_failure(
    failure: Callable[[bytes, str], str], make_pdf: Callable[..., bytes], deflated_zeros: Deflate
) -> None:
    stream = deflated_zeros(1024 * MB)
    assert len(stream) < 2 * MB
    assert failure(make_pdf([[]], stream=stream), "bomb.pdf")


def test_gzip_bomb_is_a_failure(failure: Callable[[bytes, str], str]) -> None:
    import gzip
    import io

    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9) as file:
        for _ in range(600):
            file.write(bytes(MB))
    reason = failure(buffer.getvalue(), "bomb.html.gz")
    assert "larger than 256 MB" in reason or "memory" in reason


def test_rejects_deeply_nested_xml(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    assert "damaged" in failure(make_zip({"word/document.xml": "<w:a xmlns:w='w'>" + "<w:b>" * 100_000}), "deep.docx")


def test_rejects_deeply_nested_json(failure: Callable[[bytes, str], str]) -> None:
    assert "nested too deep" in failure(b'{"text": ' + b"[" * 500_000, "deep.json")


@pytest.mark.parametrize(
    "opening", [b"<div>", b"<b>", b"<table><tr><td>", b"<ul><li>", b"<a href=x>", b"<svg><g>", b"<!--", b"<a <a "]
)
def test_page_of_100_000_tags_ends_in_time(sandbox: Sandbox, opening: bytes) -> None:
    started = time.monotonic()
    found = list(sandbox.read(b"<html><body><p>First words.</p>" + opening * 100_000 + b"Last words.", "deep.html"))
    assert time.monotonic() - started < SECONDS + 5
    assert len(found) == 1


@pytest.mark.parametrize(
    "line", ["> " * 200, "- " * 200, "[" * 200, "*a " * 60, "`" * 99 + " ", "# x\n", "a\n===\n", "<a" * 99]
)
def test_slow_markdown_ends_in_time(sandbox: Sandbox, line: str) -> None:
    started = time.monotonic()
    (found,) = sandbox.read(f"{line}\n".encode() * 2_000, "slow.md")
    assert time.monotonic() - started < SECONDS + 5
    assert isinstance(found, Document | ReadFailure)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b.txt", "\n", "x" * 5000, "con.txt", "..\\..\\boot.ini", "🙂"]
)
def test_hostile_names_are_not_opened(sandbox: Sandbox, name: str) -> None:
    (found,) = sandbox.read(b"Words of the file.", name)
    assert isinstance(found, Document)
    assert found.text == "Words of the file."
    assert len(found.title) <= 300


def test_zip_members_outside_the_archive_are_not_written(make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        list(read(make_zip({"../../evil.txt": "x", "/etc/evil": "x", "word/document.xml": "<a/>"}), "evil.docx"))
    assert not list(tmp_path.iterdir())


def test_a_mail_with_very_many_parts_is_read_to_the_limit(sandbox: Sandbox) -> None:
    part = b"--x\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nWords.\n"
    mail = b"From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n" + part * 2_000 + b"--x--\n"
    *read_ones, last = sandbox.read(mail, "many.eml")
    assert len(read_ones) == 1_000
    assert isinstance(last, ReadFailure)
    assert "more than 1000 parts" in last.reason


def test_messages_inside_messages_end_at_a_limit(sandbox: Sandbox) -> None:
    nested = b"From: a@b.c\nContent-Type: message/rfc822\n\n" * 5_000 + b"From: a@b.c\n\nWords.\n"
    found = list(sandbox.read(nested, "deep.eml"))
    assert 1 <= len(found) <= 7
    assert isinstance(found[-1], ReadFailure)

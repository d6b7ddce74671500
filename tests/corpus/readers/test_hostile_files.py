"""Files made to do harm end as reported failures within their limits, and the next file is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.readers import read
from corpus.sandbox.pool import Limits, Sandbox
from corpus.types import Document, ReadError, ReadFailure

MB = 2**20
SECONDS = 20
Packed = Callable[[int], bytes]
MakeZip = Callable[[dict[str, str | bytes]], bytes]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(memory_bytes=512 * MB, cpu_seconds=SECONDS, wall_seconds=SECONDS)) as made:
        yield made


@pytest.fixture
def failure(sandbox: Sandbox) -> Iterator[Callable[[bytes, str], str]]:
    """The reason why a file was not read; afterwards an ordinary file is."""
    started = time.monotonic()

    def reason(data: bytes, name: str) -> str:
        (found,) = sandbox.read(data, name)
        assert isinstance(found, ReadFailure), found
        return found.reason

    yield reason
    assert time.monotonic() - started < SECONDS + 5
    (found,) = sandbox.read(b"Words.", "a.txt")
    assert isinstance(found, Document)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    assert "more than 128 MB in one part" in failure(make_zip({"word/document.xml": bytes(200 * MB)}), "bomb.docx")
    assert "times its size" in failure(make_zip({"word/document.xml": bytes(60 * MB)}), "bomb.docx")


def test_a_bomb_of_many_small_parts_is_refused(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    parts: dict[str, str | bytes] = {f"word/{number}.xml": b"" for number in range(10_001)}
    assert "10001 parts" in failure(make_zip(parts), "parts.docx")


def test_a_part_that_lies_about_its_size_is_damaged(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    honest = make_zip({"word/document.xml": b"<a>" + b"x" * 100_000})
    size = (100_003).to_bytes(4, "little")
    assert "damaged" in failure(honest.replace(size, (50).to_bytes(4, "little")), "liar.docx")


def test_a_zip_in_a_zip_is_not_unpacked(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    inner = make_zip({"a.txt": bytes(MB)})
    for _ in range(5):
        inner = make_zip({"a.zip": inner})
    assert "ZIP archive" in failure(inner, "nested.zip")


def test_entities_are_refused(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    lines = "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{lines}]><x>&a9;</x>'
    stolen = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    for source in (bomb, stolen):
        assert "document type" in failure(make_zip({"word/document.xml": source}), "entities.docx")
        assert "XML of no known kind" in failure(source.encode(), "entities.xml")


def test_a_pdf_that_unpacks_to_a_gigabyte_is_given_up(
    failure: Callable[[bytes, str], str], make_pdf: Callable[..., bytes], zeros_packed_tight: Packed
) -> None:
    stream = zeros_packed_tight(1024 * MB)
    assert len(stream) < 2 * MB
    assert failure(make_pdf([[]], stream=stream), "bomb.pdf")


def test_a_gzip_bomb_is_given_up(failure: Callable[[bytes, str], str]) -> None:
    import gzip
    import io

    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9) as packed:
        for _ in range(600):
            packed.write(bytes(MB))
    reason = failure(buffer.getvalue(), "bomb.html.gz")
    assert "unpacks to more than" in reason or "memory" in reason


def test_xml_nested_too_deep_is_refused(failure: Callable[[bytes, str], str], make_zip: MakeZip) -> None:
    assert "damaged" in failure(make_zip({"word/document.xml": "<w:a xmlns:w='w'>" + "<w:b>" * 100_000}), "deep.docx")


def test_json_nested_too_deep_is_refused(failure: Callable[[bytes, str], str]) -> None:
    assert "nested too deep" in failure(b'{"text": ' + b"[" * 500_000, "deep.json")


@pytest.mark.parametrize(
    "opening", [b"<div>", b"<b>", b"<table><tr><td>", b"<ul><li>", b"<a href=x>", b"<svg><g>", b"<!--", b"<a <a "]
)
def test_a_page_of_100_000_tags_is_read_or_given_up_in_time(sandbox: Sandbox, opening: bytes) -> None:
    started = time.monotonic()
    found = list(sandbox.read(b"<html><body><p>First words.</p>" + opening * 100_000 + b"Last words.", "deep.html"))
    assert time.monotonic() - started < SECONDS + 5
    assert len(found) == 1


@pytest.mark.parametrize(
    "line", ["> " * 200, "- " * 200, "[" * 200, "*a " * 60, "`" * 99 + " ", "# x\n", "a\n===\n", "<a" * 99]
)
def test_markdown_written_to_be_slow_is_read_in_time(sandbox: Sandbox, line: str) -> None:
    started = time.monotonic()
    (found,) = sandbox.read(f"{line}\n".encode() * 2_000, "slow.md")
    assert time.monotonic() - started < SECONDS + 5
    assert isinstance(found, Document | ReadFailure)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b.txt", "\n", "x" * 5000, "con.txt", "..\\..\\boot.ini", "🙂"]
)
def test_a_name_is_only_a_name(sandbox: Sandbox, name: str) -> None:
    (found,) = sandbox.read(b"Words of the file.", name)
    assert isinstance(found, Document)
    assert found.text == "Words of the file."
    assert len(found.title) <= 300


def test_members_with_names_that_lead_elsewhere_are_not_followed(make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        list(read(make_zip({"../../evil.txt": "x", "/etc/evil": "x", "word/document.xml": "<a/>"}), "evil.docx"))
    assert not list(tmp_path.iterdir())

"""Hostile files through a server and `qa add`: each is a reported failure, and the service goes on."""

from __future__ import annotations

import io
import random
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

MB = 2**20
MOST_GROWTH = 60 * MB


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def nested_zip() -> bytes:
    inner = bytes(MB)
    for _ in range(6):
        inner = zip_of({f"{number}.zip": inner for number in range(5)})
    return inner


def entities() -> bytes:
    lines = "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{lines}]><x>&a9;</x>'.encode()


def pdf_of_a_gigabyte() -> bytes:
    """A PDF page with a gigabyte of deflated zeros."""
    packer, some = zlib.compressobj(9), bytes(MB)
    stream = b"".join(packer.compress(some) for _ in range(1024)) + packer.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> >>",
        b"<< /Length %d /Filter /FlateDecode >> stream\n%s\nendstream" % (len(stream), stream),
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, content) for number, content in enumerate(objects, start=1))
    return b"%PDF-1.4\n" + body + b"trailer << /Size 5 /Root 1 0 R >>\n%%EOF"


HOSTILE = {
    "bomb.docx": lambda: zip_of({"word/document.xml": bytes(200 * MB)}),
    "ratio.docx": lambda: zip_of({"word/document.xml": bytes(60 * MB)}),
    "many.docx": lambda: zip_of({f"word/{number}.xml": b"" for number in range(10_001)}),
    "outside.docx": lambda: zip_of({"../../evil.txt": b"x", "/etc/evil": b"x"}),
    "nested.zip": nested_zip,
    "entities.docx": lambda: zip_of({"word/document.xml": entities()}),
    "entities.xml": entities,
    "gigabyte.pdf": pdf_of_a_gigabyte,
    "deep.docx": lambda: zip_of({"word/document.xml": b"<w:a xmlns:w='w'>" + b"<w:b>" * 100_000}),
    "deep.json": lambda: b'{"text": ' + b"[" * 500_000,
    "noise.bin": lambda: random.Random(5).randbytes(200_000),
}
# Read or rejected in time.
DOUBTFUL = {
    "deep.html": lambda: b"<html><body><p>Words.</p>" + b"<div>" * 100_000 + b"More words.",
    "tables.html": lambda: b"<table><tr><td>" * 100_000 + b"Words.",
    "headings.html": lambda: b"<h1>Words</h1>" * 10_000,
}


def honest_files() -> dict[str, bytes]:
    paper, pages = io.BytesIO(), io.BytesIO()
    document = docx.Document()
    document.add_heading("Prices", 1)
    document.add_paragraph("The ferry costs seven pounds.")
    document.save(paper)
    canvas = Canvas(pages)
    canvas.drawString(72, 700, "The ferry costs seven pounds.")
    canvas.save()
    return {
        "a.docx": paper.getvalue(),
        "a.pdf": pages.getvalue(),
        "a.html": b"<html><head><title>Ferry</title></head><body><h1>Ferry</h1><p>The ferry costs seven pounds.</p></body></html>",
        "a.md": b"# Ferry\n\nThe ferry costs seven pounds.\n",
        "a.txt": b"The ferry costs seven pounds.",
        "a.eml": b"Subject: Ferry\r\nContent-Type: text/plain\r\n\r\nThe ferry costs seven pounds.\r\n",
        "a.jsonl": b'{"id": "ferry", "text": "The ferry costs seven pounds."}\n' * 3,
    }


def damaged_files() -> dict[str, bytes]:
    """Valid files, truncated at several places and with flipped bits."""
    chance, damaged = random.Random(3), {}
    for name, content in honest_files().items():
        stem, _, extension = name.partition(".")
        for share in (0.2, 0.5, 0.9):
            damaged[f"{stem}-cut-{share}.{extension}"] = content[: int(len(content) * share)]
        for number in range(4):
            flipped = bytearray(content)
            for _ in range(8):
                flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            damaged[f"{stem}-flipped-{number}.{extension}"] = bytes(flipped)
    return damaged


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {name: make() for name, make in (HOSTILE | DOUBTFUL).items()} | damaged_files()


def test_server_reports_each_and_keeps_answering_within_its_memory(
    data_folder: Callable[[], Path], start_server: Callable[..., Any], files: dict[str, bytes]
) -> None:
    with start_server(data_folder()) as running:
        stop, seconds, memory, wrong = threading.Event(), [], [], []

        def ask_on() -> None:
            while not stop.is_set():
                began = time.monotonic()
                response = running.get("/v1/search?q=Who+signed+the+memorandum%3F")
                seconds.append(time.monotonic() - began)
                memory.append(resident_bytes(running.process.pid))
                if response.status != 200 or not response.json()["results"]:
                    wrong.append(response)
                time.sleep(0.1)

        asking = threading.Thread(target=ask_on)
        asking.start()
        # Ordinary documents: adding one with many passages holds a second copy of the model for a moment.
        for name, content in honest_files().items():
            assert running.finished(running.upload(name, content, id=name).json()["job"])["status"] == "done"
        text = "\n\n".join(f"Paragraph {number} of the guide. {'It says a little more. ' * 20}" for number in range(200))
        assert running.finished(running.add(id="many", title="Many", text=text))["status"] == "done"
        before = max(memory)
        jobs = {}
        try:
            for name, content in files.items():
                began = time.monotonic()
                response = running.upload(name, content, id=f"hostile {name}")
                assert response.status == 202, (name, response.text)
                jobs[name] = (running.finished(response.json()["job"]), time.monotonic() - began)
        finally:
            stop.set()
            asking.join()
        assert wrong == []
        assert {name for name in HOSTILE if jobs[name][0]["status"] != "failed"} == set()
        for name, (job, _) in jobs.items():
            assert job["status"] in {"done", "failed"}, (name, job)
            assert job["status"] == "done" or all(len(reason) > 20 for reason in job["failures"]), (name, job)
            assert job["status"] == "done" or job["failures"], (name, job)
        slowest = max(jobs, key=lambda name: jobs[name][1])
        print(
            f"\n{len(jobs)} files, {sum(job['status'] == 'failed' for job, _ in jobs.values())} failed;"
            f" slowest {slowest} {jobs[slowest][1]:.1f} s; {len(seconds)} searches, slowest {max(seconds):.2f} s;"
            f" memory {before / MB:.0f} MB, at most {max(memory) / MB:.0f} MB"
        )
        assert max(memory) - before < MOST_GROWTH
        assert "Traceback" not in running.log
        assert running.finished(running.add(id="after", title="After", text="Words."))["status"] == "done"


def test_add_reports_each_and_adds_the_valid_file(
    data_folder: Callable[[], Path], qa: Callable[..., Any], tmp_path: Path, files: dict[str, bytes]
) -> None:
    data, folder = data_folder(), tmp_path / "files"
    folder.mkdir()
    some = [*HOSTILE, *(name for name in files if "-cut-" in name)]
    for name in some:
        (folder / name).write_bytes(files[name])
    (folder / "zzz.txt").write_text("The last file is a good one.")
    result = qa("--data", data, "add", folder)
    assert result.code == 1
    assert "Traceback" not in result.stderr
    said = {Path(path).name: what for path, _, what in (line.partition(": ") for line in result.stdout.splitlines())}
    assert set(said) == {*some, "zzz.txt"}
    assert said["zzz.txt"] == "added"
    for name in HOSTILE:
        assert said[name].startswith("not added; "), (name, said[name])
        assert len(said[name]) > 30
    failed, _, whole = result.stderr.splitlines()[-1].removeprefix("qa: ").partition(" of ")
    assert whole == f"{len(said)} files could not be added completely; the messages above say why"
    assert int(failed) >= sum(what.startswith("not added; ") for what in said.values()) > len(HOSTILE)
    assert not Path("/etc/evil").exists()
    assert not (tmp_path / "evil.txt").exists()

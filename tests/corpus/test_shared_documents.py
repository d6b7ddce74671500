"""The shared documents and GOV.UK items: all added or reported, with exact offsets and addresses."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from selectolax.lexbor import LexborHTMLParser

from corpus.sandbox.pool import Sandbox
from corpus.splitting.passages import split
from corpus.types import Document, ReadFailure, url_at
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import Embedder

MB = 2**20
MAX_GROWTH = 100 * MB  # of resident memory after the first third of the documents; measured: 39 MB
SITE = "https://www.gov.uk"


def count_verbatim(store: Store) -> tuple[int, int]:
    """Check that every passage is verbatim; the numbers of documents and passages."""
    documents, passages, after = 0, 0, None
    while page := store.documents(after):
        for stored in page:
            content = store.content(stored.id)
            assert content is not None
            stored_passages = store.passages_of(stored.id)
            assert stored_passages
            for one in stored_passages:
                assert content.text[one.passage.start : one.passage.end] == one.passage.text
            documents, passages = documents + 1, passages + len(stored_passages)
        after = page[-1].id
    return documents, passages


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


@pytest.mark.parametrize("part", ["unstructured/eml", pytest.param("", marks=pytest.mark.long)], ids=["some", "all"])
def test_adds_or_reports_all_shared_documents(
    shared_data: Path, data_folder: Callable[[], Path], qa_path: Path, tmp_path: Path, part: str
) -> None:
    data, folder, memory = data_folder(), shared_data / "documents" / part, []
    began = time.monotonic()
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen([str(qa_path), "--data", str(data), "add", str(folder)], stdout=out, stderr=err)
        while process.poll() is None:
            memory.append(resident_bytes(process.pid))
            time.sleep(0.25)
    seconds = time.monotonic() - began
    files = [path for path in folder.rglob("*") if path.is_file()]
    lines = (tmp_path / "out").read_text("utf-8").splitlines()
    failed = [line for line in lines if ": not added; " in line]
    assert "Traceback" not in (tmp_path / "err").read_text()
    assert sorted(line.partition(": ")[0] for line in lines) == sorted(map(str, files))
    added = [line for line in lines if line not in failed]
    assert all(re.search(r": (?:added|\d+ added)", line) for line in added)
    store = Store(Database(data, read_only=True))
    documents, passages = count_verbatim(store)
    attachments = sum(int(found[1]) - 1 for line in added if (found := re.search(r": (\d+) added", line)))
    assert documents == len(added) + attachments
    settled = memory[len(memory) // 3]
    print(
        f"\n{len(files)} files = {documents} documents and {len(failed)} failures; {passages} passages in {seconds:.0f} s;"
        f" memory {settled / MB:.0f} MB after a third, at most {max(memory) / MB:.0f} MB"
    )
    for line in failed:
        print(line)
    if not part:
        assert max(memory) - settled < MAX_GROWTH


def headings_of(html: Any) -> Iterator[tuple[str, str]]:
    """The id and text of each heading in the HTML of an item."""
    if isinstance(html, dict):
        for value in html.values():
            yield from headings_of(value)
    elif isinstance(html, list):
        for value in html:
            yield from headings_of(value)
    elif isinstance(html, str) and "<h" in html:
        for node in LexborHTMLParser(html).css("h1, h2, h3, h4, h5, h6"):
            for named in (node, *node.css("[id], a[name]")):
                name = named.attributes.get("id") or named.attributes.get("name")
                if name:
                    yield name, words(node.text())


def words(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


@pytest.mark.parametrize("items", [150, pytest.param(10_000, marks=pytest.mark.long)], ids=["some", "all"])
def test_govuk_passages_are_verbatim_and_link_to_their_headings(shared_data: Path, embedder: Embedder, items: int) -> None:
    with gzip.open(shared_data / "govuk" / "content_items.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [line for _, line in zip(range(items), file, strict=False)]
    sources = [json.loads(line) for line in lines]
    documents, failures, passages, named, made = 0, 0, 0, 0, 0
    with Sandbox() as sandbox:
        reading = sandbox.read("".join(lines).encode(), "content_items.jsonl")
        for source, found in zip(sources, reading, strict=True):
            if isinstance(found, ReadFailure):
                failures += 1
                continue
            documents += 1
            parts = {part.get("slug"): part for part in (source.get("details") or {}).get("parts") or []}
            ids = dict(headings_of(source))
            for passage in split(found, embedder, embedder.max_tokens):
                passages += 1
                assert found.text[passage.start : passage.end] == passage.text
                url = url_at(found.url, passage.anchor)
                assert url is not None
                page, _, fragment = url.partition("#")
                under = page.removeprefix(f"{SITE}{source['base_path']}").removeprefix("/")
                assert page.startswith(f"{SITE}{source['base_path']}")
                assert not under or parts[under]["title"].strip() in passage.headings, url
                if fragment:
                    heading = heading_at(found, passage.anchor, passage.start)
                    assert heading in {found.title, *passage.headings}, url
                    named += unquote(fragment) in ids
                    made += unquote(fragment) not in ids
                    assert ids.get(unquote(fragment), words(heading)) == words(heading), url
    print(
        f"\n{len(sources)} items = {documents} documents and {failures} failures; {passages} passages,"
        f" {named} at a heading with an id of its own, {made} at one whose id the page makes of its words"
    )
    assert documents + failures == len(sources)
    assert failures <= 1


def heading_at(document: Document, anchor: str | None, offset: int) -> str:
    """The title of the last heading with this anchor before an offset."""
    return [heading.title for heading in document.headings if heading.anchor == anchor and heading.end <= offset][-1]

"""Every shared document and GOV.UK item is read or reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.sandbox.pool import Sandbox
from corpus.types import Document, ReadFailure


@pytest.mark.long
def test_reads_or_reports_every_document(shared_data: Path, check_document: Callable[[Document], None]) -> None:
    folder = shared_data / "documents"
    files = [json.loads(line)["file"] for line in (folder / "manifest.jsonl").read_text().splitlines()]
    failed = []
    with Sandbox() as sandbox:
        for file in files:
            first, *attachments = sandbox.read(folder / file, file)
            if isinstance(first, ReadFailure):
                failed.append(first)
            for found in (first, *attachments):
                if isinstance(found, Document):
                    check_document(found)
    assert len(failed) <= 20
    assert not [failure for failure in failed if "probably damaged" in failure.reason]


@pytest.mark.long
def test_reads_or_reports_every_govuk_item(shared_data: Path, check_document: Callable[[Document], None]) -> None:
    path = shared_data / "govuk" / "content_items.jsonl.gz"
    documents, failures = 0, []
    with Sandbox() as sandbox:
        for found in sandbox.read(path, path.name):
            if isinstance(found, ReadFailure):
                failures.append(found)
                continue
            check_document(found)
            documents += 1
            assert found.url == f"https://www.gov.uk{found.id}"
    assert documents + len(failures) == 3721
    # A redirect without title and content.
    assert len(failures) == 1

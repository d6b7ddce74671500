"""Mail that is added from a folder: attachments come and go with their message."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from corpus.sandbox.pool import Sandbox
from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from qa.ingest.files import add_files, files_below
from qa.ingest.intake import Intake
from qa.ingest.writer import DocumentWriter, IncomingDocument, Outcome
from tests.index.engine.reference import HashingEmbedder


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[DocumentWriter]:
    with DocumentWriter(open_engine_to_write(tmp_path / "data", lambda _: ("hashing", HashingEmbedder()))) as opened:
        yield opened


def mail(*attachments: tuple[str, str]) -> bytes:
    written = EmailMessage()
    written["From"] = "Ann Example <ann@example.org>"
    written["Subject"] = "Boat trip"
    written.set_content("The boat leaves at nine.")
    for name, text in attachments:
        written.add_attachment(text.encode(), maintype="text", subtype="plain", filename=name)
    return written.as_bytes()


def test_attachments_come_and_go_with_their_message(writer: DocumentWriter, tmp_path: Path) -> None:
    path, engine = tmp_path / "trip.eml", writer.engine
    with Sandbox() as sandbox:
        path.write_bytes(mail(("menu.txt", "Lunch is soup."), ("plan.txt", "We meet at the quay."), ("a.bin", "\0\1" * 50)))
        (added,) = add_files(writer, sandbox, files_below([path]))
        assert added.documents == {Outcome.ADDED: 3}
        assert [failure.partition(" is ")[0] for failure in added.failures] == ["trip.eml: a.bin"]
        message = engine.documents()[0].id
        assert [one.id for one in engine.documents()] == [message, f"{message}/menu.txt", f"{message}/plan.txt"]
        assert [one.metadata.get("part_of") for one in engine.documents()] == [None, message, message]

        path.write_bytes(mail(("menu.txt", "Lunch is salad.")))
        (changed,) = add_files(writer, sandbox, files_below([path]))
        assert (changed.documents, changed.failures) == ({Outcome.REPLACED: 2}, [])
        assert [one.id for one in engine.documents()] == [message, f"{message}/menu.txt"]
        (unchanged,) = add_files(writer, sandbox, files_below([path]))
        assert unchanged.documents == {Outcome.UNCHANGED: 2}

    writer.put(IncomingDocument(f"{message}/a page", Document("A page of its own.", "Page")))
    assert Intake(engine).remove(message)
    assert [one.id for one in engine.documents()] == [f"{message}/a page"]

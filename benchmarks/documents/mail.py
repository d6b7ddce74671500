"""Mail: whether a question finds the sender of every message and the text of every attachment, over the shared documents.

    python -m benchmarks.documents.mail

Adds all shared mail to a new folder. Asks who sent the message with a subject: its sender must be in the first answer or in one of the
first five passages of a message with that subject. Asks for the attachment by its name: it must be among the first five results.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.readers import DOCUMENTS

SUFFIXES = (".eml", ".mbox", ".msg")


def main() -> None:
    if not DOCUMENTS.is_dir():
        print(f"skipped: {DOCUMENTS} is not there; the documents are not part of the project")
        return
    files = sorted(path for path in DOCUMENTS.rglob("*") if path.suffix in SUFFIXES)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), files)


def measure(folder: Path, files: Sequence[Path]) -> None:
    from corpus.sandbox.pool import Sandbox
    from qa.assembly import open_to_write, service_of
    from qa.ingest.files import add_files, files_below
    from qa.settings.settings import Settings

    settings = Settings(data=folder)
    with open_to_write(settings, print) as writer, Sandbox() as sandbox:
        for outcome in add_files(writer, sandbox, files_below(files)):
            for failure in outcome.failures:
                print(f"not read: {failure}")
        ask = service_of(writer, settings).answerer.ask
        messages = attachments = senders = found = quoted = 0
        for document in writer.engine.documents(limit=10_000):
            if document.type == "email":
                sender = str(document.metadata.get("from", ""))
                messages += 1
                answer = ask(f"Who sent the mail “{document.title}”?", 5)
                texts = [result.stored.passage.text for result in answer.results]
                quoted += bool(answer.answers) and sender in answer.answers[0].quoted_text
                if any(f"From: {sender}" in text for text in texts):
                    senders += 1
                else:
                    print(f"sender not found: {document.id}")
            if "mail" in document.metadata:
                attachments += 1
                name = document.id.rpartition("/")[2]
                answer = ask(f"What does the attachment {name} of the mail “{document.metadata['mail']}” say?", 5)
                if document.id in {result.stored.document.id for result in answer.results}:
                    found += 1
                else:
                    print(f"attachment not found: {document.id}")
    print(f"{senders} of {messages} senders found, {quoted} quoted first; {found} of {attachments} attachments found")


if __name__ == "__main__":
    main()

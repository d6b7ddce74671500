"""Files -> documents in the library, one outcome a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.readers import ReadFailure, read
from corpus.types import QuotableError
from qa.library import Library, Outcome, id_for_file


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of a file (or of a record in it): an outcome, or the reason of its failure."""

    name: str
    outcome: Outcome | None = None
    failure: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome or f'not added: {self.failure}'}"


def add_files(library: Library, paths: Sequence[Path]) -> Iterator[FileOutcome]:
    """Read each file and put its documents; one that fails does not stop the others."""
    for path in paths:
        try:
            for document in read(path.read_bytes(), path.name):
                if isinstance(document, ReadFailure):
                    yield FileOutcome(f"{path}: {document.name}", failure=document.reason)
                else:
                    yield FileOutcome(
                        str(path), library.put(document.id or id_for_file(path), document, source=str(path.resolve()))
                    )
        except QuotableError as error:
            yield FileOutcome(str(path), failure=str(error))
        except OSError as error:
            yield FileOutcome(str(path), failure=error.strerror or str(error))

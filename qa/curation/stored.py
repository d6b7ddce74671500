"""The curation of a service: kept with its keys, so that copies and backups have it and all processes follow it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable
from contextlib import suppress
from hashlib import sha256

from index.types import StoreError
from qa.curation.reading import CurationError, read_curation
from qa.curation.rules import NO_CURATION, Curation
from qa.state_files import StateFiles

log = logging.getLogger(__name__)

FILE_NAME = "curation.toml"


def write_curation(files: StateFiles, content: bytes, over: str | None = None) -> str:
    """Store the content of an editor's file, which has been checked, and return where. Raises StoreError.

    `over`: the digest of the content that it is a change of; raises CurationError if another one is stored now.
    """

    def replace(stored: bytes | None) -> bytes:
        if over is not None and digest_of(stored) != over:
            raise CurationError(
                "the rules were changed by someone else meanwhile; copy yours, open the page again and add them"
            )
        return content

    files.change(FILE_NAME, replace)
    return files.place(FILE_NAME)


def digest_of(content: bytes | None) -> str:
    return sha256(content or b"").hexdigest()


def stored_curation(files: StateFiles) -> Curation:
    """Raises CurationError for a file that cannot be used, StoreError for one that cannot be read."""
    content = files.read(FILE_NAME)
    return NO_CURATION if content is None else read_curation(content, files.place(FILE_NAME))


class CurrentCuration:
    """The stored curation, read again when it was changed. Safe for threads."""

    def __init__(self, files: StateFiles) -> None:
        """Raises CurationError and StoreError."""
        self._files = files
        self._reading = threading.Lock()
        self._seen = files.state(FILE_NAME)
        self._curation = stored_curation(files)

    def __call__(self) -> Curation:
        """As it is, on a cluster half a second ago at most. What it was stays in use where it cannot be read or used."""
        with suppress(StoreError):  # the question itself says so, if its documents cannot be read either
            seen = self._files.state(FILE_NAME)
            if seen != self._seen:
                self._read(seen)
        return self._curation

    def _read(self, seen: Hashable) -> None:
        with self._reading:
            if seen == self._seen:
                return
            try:
                self._curation = stored_curation(self._files)
            except CurationError as error:
                log.error("the curation before stays in use: %s", error)
            self._seen = seen

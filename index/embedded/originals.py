"""Kept original files: a file for each content in `originals/`, named by its SHA-256. Documents in the store refer to them.

A file is on disk before a transaction refers to it, and is deleted after the last reference is gone. Files that a crash leaves between
the two are swept.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from index import durable_files
from index.durable_files import translate_disk_errors
from index.embedded.store.database import Database
from index.types import DamagedRow

FOLDER = "originals"


def path_of(folder: Path, digest: str) -> Path:
    """Of an original, below `folder`, which is FOLDER in a data folder."""
    return folder / digest[:2] / digest


def read(folder: Path, digest: str) -> bytes:
    """Raises DamagedRow for a file that is missing or does not match its hash."""
    try:
        content = path_of(folder, digest).read_bytes()
    except OSError as error:
        raise DamagedRow(f"the original {digest} cannot be read ({error.strerror}); add its file again") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise DamagedRow(f"the original {digest} is damaged; add its file again")
    return content


def write(folder: Path, digest: str, content: bytes) -> None:
    """Write a file that is not there or is damaged; it is synced when this returns. Raises StoreError."""
    path = path_of(folder, digest)
    with translate_disk_errors(path):
        with suppress(OSError):
            if path.read_bytes() == content:
                return
        for parent in (folder, path.parent):
            if not parent.exists():
                parent.mkdir(exist_ok=True)
                durable_files.sync(parent.parent)
        part = path.with_name(f".{digest}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with part.open("wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # not swept meanwhile
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        durable_files.sync(path.parent)


def referenced(database: Database) -> list[str]:
    """The originals that documents refer to."""
    return [digest for (digest,) in database.rows("SELECT DISTINCT original FROM documents WHERE original IS NOT NULL")]


def damaged(database: Database) -> list[str]:
    """One line for each document whose original is missing or damaged."""
    folder, found = database.path.parent / FOLDER, []
    for digest in referenced(database):
        try:
            read(folder, digest)
        except DamagedRow as error:
            names = database.rows("SELECT id FROM documents WHERE original = ? ORDER BY id LIMIT 1", digest)
            found += [f"{error} (of the document {name!r})" for (name,) in names]
    return found


def size(folder: Path) -> tuple[int, int]:
    """Number of originals and their size in bytes."""
    sizes = []
    for file in files_in(folder):
        with suppress(OSError):
            sizes.append(file.stat().st_size)
    return len(sizes), sum(sizes)


def files_in(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The originals, and parts of originals that were being written."""
    with suppress(FileNotFoundError), os.scandir(folder) as groups:
        for group in groups:
            if group.is_dir():
                with os.scandir(group) as files:
                    yield from files


@contextmanager
def no_deletion(folder: Path) -> Iterator[None]:
    """No process deletes an original inside: for a backup."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


class Originals:
    """The originals of a data folder, for a process that writes documents. Thread safe."""

    def __init__(self, database: Database) -> None:
        self.folder = database.path.parent / FOLDER
        self._database = database
        self._lock = threading.Lock()
        self._swept = False

    @contextmanager
    def keep(self, content: bytes) -> Iterator[str]:
        """Write an original and yield its SHA-256; store the documents that refer to it inside. Raises StoreError."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            with _pinned(self.folder, digest, content):
                yield digest
        finally:
            self.delete_unreferenced(digest)

    def delete_unreferenced(self, digest: str | None) -> None:
        """Delete a file that no document refers to, now or, during a backup, in a later sweep."""
        if digest is not None:
            with self._lock, _locked(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
                if not locked:
                    self._swept = False
                else:
                    self._delete(path_of(self.folder, digest))

    def sweep(self) -> None:
        """Delete every file that no document refers to; once in a process, and after a backup."""
        if self._swept or not self.folder.exists():
            return
        with self._lock, _locked(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            if locked:
                for file in list(files_in(self.folder)):
                    self._delete(Path(file.path))
                self._swept = True

    def _delete(self, path: Path) -> None:
        """Delete an original, unless a document refers to it or any process is about to store one that does; or a leftover part."""
        with suppress(FileNotFoundError), _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as unpinned:
            referring = "SELECT 1 FROM documents WHERE original = ? LIMIT 1"
            if unpinned and not self._database.rows(referring, path.name):
                path.unlink(missing_ok=True)


@contextmanager
def _pinned(folder: Path, digest: str, content: bytes) -> Iterator[None]:
    """Write an original; inside, no process deletes it."""
    while (file := _write_and_lock(folder, digest, content)) is None:
        pass  # it was deleted between the two
    try:
        yield
    finally:
        os.close(file)


def _write_and_lock(folder: Path, digest: str, content: bytes) -> int | None:
    path = path_of(folder, digest)
    write(folder, digest, content)
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY)
        fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        os.close(file)
    return None


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[bool]:
    """Lock the folder against other processes; yield whether that succeeded. A folder that does not exist needs no lock."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)

"""The small files of a service, such as its keys and its calibration: read whole, and replaced in one step. Journals only grow."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from index import durable_files
from index.types import StoreError

ENTRY_BYTES = 200  # of an entry of a journal, about


class StateFiles(Protocol):
    """Files that all processes of a service see alike, wherever they are kept."""

    def place(self, name: str) -> str:
        """Where a file is, for messages."""
        ...

    def read(self, name: str) -> bytes | None:
        """The contents; None if there is no such file. Raises StoreError."""
        ...

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replace a file, or create it, by what `change` makes of its contents; no other change comes in between. Raises StoreError."""
        ...

    def state(self, name: str) -> Hashable:
        """Differs after every change of a file, at most half a second later; cheap enough to be asked for at every request."""
        ...


class Journal(Protocol):
    """Entries that are only added, such as kept questions."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        ...

    def append(self, entry: Mapping[str, Any]) -> None:
        """Raises StoreError."""
        ...

    def entries(self, newest: int | None = None) -> Iterator[Any]:
        """The entries, or about the `newest` last ones, oldest first. Raises StoreError."""
        ...

    def clear(self) -> None:
        """Forget all entries. Raises StoreError."""
        ...


class FolderFiles:
    """Files in a data folder, which only their owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> str:
        return str(self._folder / name)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self.place(name)}: {error.strerror}") from error

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        with self._lock():
            content = change(self.read(name))
            try:
                self._replace(self._folder / name, content)
            except OSError as error:
                raise StoreError(f"cannot write {self.place(name)}: {error.strerror}") from error

    def state(self, name: str) -> Hashable:
        try:
            stat = (self._folder / name).stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time change files. The lock is on the folder itself and ends with the process."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"cannot use the data folder {self._folder}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, path: Path, content: bytes) -> None:
        part = path.with_name(f"{path.name}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        durable_files.sync(self._folder)


class FolderJournal:
    """A `Journal` in a file of JSON Lines. A line that a crash left incomplete is skipped."""

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        """`max_bytes`: of the file; further entries are refused."""
        self.path = path
        self._max_bytes = max_bytes
        self._writing = threading.Lock()

    @property
    def place(self) -> str:
        return str(self.path)

    def append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        try:
            with self._writing, self.path.open("ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
                size = file.seek(0, os.SEEK_END)
                if self._max_bytes is not None and size > self._max_bytes:
                    raise StoreError(f"it has more than {self._max_bytes:,} bytes; move it to another folder")
                file.write(_line_end_before(file, size) + line.encode())
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error.strerror}") from error

    def entries(self, newest: int | None = None) -> Iterator[Any]:
        try:
            with self.path.open("rb") as file:
                if newest is not None:  # the first line may be a part, which is skipped
                    file.seek(max(0, file.seek(0, os.SEEK_END) - newest * ENTRY_BYTES))
                yield from (entry for entry in map(_read_line, file) if entry is not None)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror}") from error

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)


def _read_line(line: bytes) -> Any:
    try:
        return json.loads(line.decode(errors="replace"))
    except ValueError:
        return None


def _line_end_before(file: BinaryIO, size: int) -> bytes:
    """A line break, if a crash left the last line incomplete."""
    if size == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"

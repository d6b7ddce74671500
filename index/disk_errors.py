"""What the operating system, and engines that write files themselves, say of a disk: as our errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.types import StorageFull, StoreError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def translate_disk_errors(place: Path) -> Iterator[None]:
    """Raises StorageFull or StoreError for what is raised inside; tantivy's ValueError and FAISS's RuntimeError are of that kind."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        full = getattr(error, "errno", None) in NO_SPACE or "no space left" in str(error).lower()
        name, reason = getattr(error, "filename", None) or place, getattr(error, "strerror", None) or error
        if full:
            raise StorageFull(f"the disk of {place} is full; free some space and try again") from error
        raise StoreError(f"cannot write {name}: {reason}") from error

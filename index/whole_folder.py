"""A folder that is there whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from index import durable_files as sealed


def write_whole_folder(target: Path, write: Callable[[Path], None]) -> None:
    """All of the folder, on disk, or none of it, also when two processes do this at once or one is killed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        part = Path(scratch) / target.name
        part.mkdir()
        write(part)
        sealed.sync_below(part)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    sealed.sync(target.parent)

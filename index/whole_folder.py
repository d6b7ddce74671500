"""A folder that is there whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole_folder(target: Path, write: Callable[[Path], None]) -> None:
    """All of the folder or none of it, also when two processes do this at once or one is killed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        part = Path(scratch) / target.name
        part.mkdir()
        write(part)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():
                raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")

"""The manifest of a generation: its segments, and the SHA-256 of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from index import durable_files
from index.types import DamagedIndex

FORMAT = 5
MANIFEST = "manifest.json"


def verify(path: Path, known: Collection[str] = ()) -> dict[str, Any]:
    """Check the SHA-256 of every file and return the manifest. `known`: digests of segments to pass over. Raises DamagedIndex."""
    try:
        manifest = durable_files.read_json(path / MANIFEST)
        if manifest["format"] != FORMAT:
            raise DamagedIndex(f"the index {path} has format {manifest['format']}, this version writes {FORMAT}")
        segments = {name.split("/")[0] for name in manifest["files"]}
        skipped = {segment for segment in segments if known and digest_of(manifest["files"], segment) in known}
        files = {name: digest for name, digest in manifest["files"].items() if name.split("/")[0] not in skipped}
        with ThreadPoolExecutor() as pool:  # hashing releases the GIL and dominates the start-up time
            found = dict(zip(files, pool.map(durable_files.file_sha256, [path / name for name in files]), strict=True))
        damaged = [name for name, digest in files.items() if found[name] != digest]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedIndex(f"the index {path} is incomplete ({error})") from error
    if damaged:
        raise DamagedIndex(f"the index {path} was modified: {', '.join(damaged)}")
    return manifest


def digest_of(files: Mapping[str, str], segment: str) -> str:
    """SHA-256 over the names and SHA-256 of a segment's files: equal for the same files in another generation."""
    lines = sorted(f"{name} {digest}" for name, digest in files.items() if name.startswith(f"{segment}/"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

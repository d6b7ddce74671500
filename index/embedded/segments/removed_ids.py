"""Purge the ids of removed passages that no generation on disk holds any more."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index import durable_files
from index.embedded.dense.flat import IDS_FILE
from index.embedded.segments.generations import list_folders
from index.embedded.store.store import Store
from index.id_sets import isin_sorted


def purge_removed_ids(folder: Path, store: Store) -> None:
    """Forget removed passage ids that are in no segment of any generation in `folder`.

    Call it after the adoption of a generation, while no segment is being built. A crash before or during the purge only leaves
    more ids than needed, and the next adoption purges them.
    """
    removed = store.removed_passages()
    if not len(removed):
        return
    durable_files.sync(folder)  # a generation that was deleted must not come back after a power loss
    held = np.zeros(len(removed), bool)
    for generation in list_folders(folder):
        for path in generation.glob(f"*/{IDS_FILE}"):
            held |= isin_sorted(removed, np.load(path, mmap_mode="r"))
    store.purge_removed_passages(removed[~held])

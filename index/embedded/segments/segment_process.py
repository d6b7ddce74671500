"""Builds large segments in a process of their own, of low priority: searches go on as fast.

    python -m index.embedded.segments.segment_process STORE FOLDER FINGERPRINT DIMENSION AFTER LAST POLICY

POLICY is a JSON object of the fields of `Policy`.
Few passages are built where they are asked for: starting a process takes longer.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from threading import Event

from index import child_process
from index.embedded.policy import Policy
from index.embedded.segments.segments import Span, write
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import StoreError

NICE = 10


class BuildStopped(Exception):
    """What was built is thrown away because the program ends."""


def build_segment(
    folder: Path, store: Store, fingerprint: str, dimension: int, span: Span, policy: Policy, stopping: Event | None = None
) -> None:
    """Build the segment of a span into an empty folder. Raises BuildStopped, or StoreError where it cannot be built."""
    if store.passages_in(span.after, span.last) <= policy.built_in_process:
        write(folder, store, fingerprint, dimension, span, policy)
        return
    try:
        child_process.run_module(
            "index.embedded.segments.segment_process",
            [store.folder, folder, fingerprint, dimension, span.after, span.last, json.dumps(asdict(policy))],
            stopping,
        )
    except child_process.ChildStopped:
        raise BuildStopped from None
    except child_process.ChildFailed as failure:
        raise StoreError(f"the index could not be built: {failure}") from failure


def main() -> None:
    store, folder, fingerprint, *numbers, policy = sys.argv[1:]
    dimension, after, last = map(int, numbers)
    child_process.exit_with_parent()
    os.nice(NICE)
    span = Span(after, last)
    write(
        Path(folder), Store(Database(Path(store), read_only=True)), fingerprint, dimension, span, Policy(**json.loads(policy))
    )


if __name__ == "__main__":
    main()

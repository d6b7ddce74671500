"""Builds large segments in a child process of low priority, so that searches stay fast.

    python -m index.embedded.segments.segment_process STORE FOLDER FINGERPRINT DIMENSION AFTER LAST POLICY

POLICY is a JSON object of the fields of `Policy`.
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
from index.embedded.segments.segments import Span, write_segment
from index.embedded.store.database import Database
from index.embedded.store.store import Store
from index.types import StoreError

NICE = 10


class BuildStopped(Exception):
    """The program is shutting down; the partial segment is discarded."""


def write_segment_apart(
    folder: Path, store: Store, fingerprint: str, dimension: int, span: Span, policy: Policy, stopping: Event | None = None
) -> None:
    """`write_segment`, in a child process if the span is large; starting one takes longer than building a few passages.

    Raises BuildStopped if `stopping` is set meanwhile, StoreError if the child process fails.
    """
    if store.passages_in(span.after, span.last) <= policy.built_in_process:
        write_segment(folder, store, fingerprint, dimension, span, policy)
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
        raise StoreError(f"cannot build the index: {failure}") from failure


def main() -> None:
    store, folder, fingerprint, *numbers, policy = sys.argv[1:]
    dimension, after, last = map(int, numbers)
    child_process.exit_with_parent()
    os.nice(NICE)
    span = Span(after, last)
    read_only = Store(Database(Path(store), read_only=True))
    write_segment(Path(folder), read_only, fingerprint, dimension, span, Policy(**json.loads(policy)))


if __name__ == "__main__":
    main()

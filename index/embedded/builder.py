"""Build the unindexed tail into a small segment; merge segments in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from corpus.types import QuotableError
from index.embedded.policy import DEFAULT, Policy
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.segments.generations import BuiltSegment, Generation
from index.embedded.segments.removed_ids import purge_removed_ids
from index.embedded.segments.segment_process import BuildStopped
from index.embedded.segments.segments import Span, bounded_merge_start, merge_start
from index.embedded.store.store import Store
from index.types import Embedder

log = logging.getLogger(__name__)


class IndexBuilder:
    """The only builder in a folder. Several threads may use it; neither searches nor writes wait for a merge."""

    def __init__(self, folder: Path, store: Store, searcher: Searcher, embedder: Embedder, policy: Policy = DEFAULT) -> None:
        self._folder, self._store, self._searcher, self._embedder = folder, store, searcher, embedder
        self._policy = policy
        self._building = threading.Lock()
        self._merging: Span | None = None
        self._merger: threading.Thread | None = None
        self._stopping = threading.Event()

    def build_if_behind(self) -> None:
        """Build a segment if there is none or the tail is too long; start a merge if one is due."""
        behind = self._searcher.unindexed
        if behind > self._policy.unindexed or (behind and not self._searcher.generation):
            self._extend(behind)
        self._begin_merge()

    def build(self, accept: Callable[[Generation], None] | None = None) -> None:
        """Build the whole index again and search it. `accept`: see `generations.build`."""
        self.wait()
        with self._building:
            self._adopt_built(None, 0, accept)

    def wait(self) -> None:
        """Wait until no merge runs."""
        if self._merger:
            self._merger.join()

    def close(self) -> None:
        """Stop a running merge; it is due again after the next start."""
        self._stopping.set()
        self.wait()

    def _extend(self, behind: int) -> None:
        with self._building:
            running = self._searcher.generation
            segments = running.segments if running else ()
            held = sum(segment.span.last <= self._merging.last for segment in segments) if self._merging else 0
            self._adopt_built(running, held + bounded_merge_start(segments[held:], behind, self._policy))

    def _adopt_built(self, running: Generation | None, keep: int, accept: Callable[[Generation], None] | None = None) -> None:
        fingerprint, dimension = self._embedder.fingerprint, self._embedder.dimension
        built = generations.build(self._folder, self._store, fingerprint, dimension, running, keep, self._policy, accept)
        self._searcher.adopt(built)
        if not (self._merger and self._merger.is_alive()):
            purge_removed_ids(self._folder, self._store)

    def _begin_merge(self) -> None:
        with self._building:
            if self._merger and self._merger.is_alive():
                return
            self._merging = self._due()
            if self._merging:
                self._merger = threading.Thread(target=self._merge, args=(self._merging,), name="merging", daemon=True)
                self._merger.start()

    def _due(self) -> Span | None:
        running = self._searcher.generation
        if running is None or (first := merge_start(running.segments, self._policy.merge_factor)) == len(running.segments):
            return None
        return Span(running.segments[first].span.after, running.last_passage_id)

    def _merge(self, span: Span) -> None:
        fingerprint, dimension = self._embedder.fingerprint, self._embedder.dimension
        try:
            with generations.build_segment(
                self._folder, self._store, fingerprint, dimension, span, self._stopping, self._policy
            ) as segment:
                self._publish(segment)
        except BuildStopped:
            pass
        except QuotableError as error:
            log.error("segments could not be merged: %s", error)
        except Exception:
            log.exception("unexpected error while merging segments")

    def _publish(self, segment: BuiltSegment) -> None:
        with self._building:
            running = self._searcher.generation
            fingerprint = self._embedder.fingerprint
            self._searcher.adopt(generations.publish(self._folder, self._store, fingerprint, segment, running, self._policy))
            purge_removed_ids(self._folder, self._store)

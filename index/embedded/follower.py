"""Follows the generations that another process builds, in a thread of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Event, Thread

from corpus.types import QuotableError
from index.embedded.policy import Policy
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.segments.generations import Generation
from index.embedded.store.store import Store
from index.types import Embedder

log = logging.getLogger(__name__)

# Between two looks for a newer generation. Nothing waits for one: what it does not hold yet is searched exactly.
SECONDS = 1.0


class Follower:
    """Keeps `searcher` on the newest generation until `stop`; the files of older ones are freed then, also in an idle process."""

    def __init__(self, store: Store, embedder: Embedder, policy: Policy) -> None:
        self._store, self._fingerprint, self._policy = store, embedder.fingerprint, policy
        self._folder = generations.generations_folder(store.folder)
        self._seen = generations.newest_mark(self._folder)
        self.searcher = Searcher(store, embedder, self._load_newest(None), policy, self._current)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(SECONDS):
            try:
                self._follow()
            except QuotableError as error:
                log.error("the newest index cannot be loaded: %s", error)
            except Exception:
                log.exception("unexpected error while following the index")

    def _follow(self) -> None:
        newest = generations.newest_mark(self._folder)
        if newest != self._seen:
            generation = self._load_newest(self.searcher.generation)
            if generation and generation.number != self.searcher.number:
                self.searcher.adopt(generation)
            self._seen = newest
        with self.searcher.snapshot():
            pass  # the first question after a pause does not wait for what was added meanwhile

    def _current(self, generation: Generation) -> Generation | None:
        return generation if generations.is_on_disk(self._folder, generation) else self._load_newest(generation)

    def _load_newest(self, loaded: Generation | None) -> Generation | None:
        segments = loaded.segments if loaded else ()
        return generations.load_newest(self._folder, self._store, self._fingerprint, self._policy, segments)


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """`follower`: None in the process that builds the index."""

    embedder: Embedder
    searcher: Searcher
    follower: Follower | None = None

"""Follows the generations that another process builds, in a thread of its own, and asks it for one."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from threading import Event, Thread

from corpus.types import QuotableError
from index.embedded.folder_lock import is_held
from index.embedded.policy import Policy
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.segments.generations import Generation
from index.embedded.store.store import Store
from index.types import Embedder, StoreError

log = logging.getLogger(__name__)

# Between two looks for a newer generation. Nothing waits for one: what it does not hold yet is searched exactly.
SECONDS = 1.0
POLL_SECONDS = 0.1
# Without an owner, until a request to it counts as failed: a server starts another one at once.
OWNER_SECONDS = 10.0


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


def rebuild_by_owner(store: Store) -> None:
    """Ask the process that owns the folder to build the index again, and wait. Raises StoreError if it cannot, or if there is none."""
    number, owned = store.request_rebuild(), time.monotonic()
    while (finished := store.finished_rebuild())[0] < number:
        if is_held(store.folder):
            owned = time.monotonic()
        elif time.monotonic() - owned > OWNER_SECONDS:
            raise StoreError("the server has ended before the index was built; run `qa rebuild` again")
        time.sleep(POLL_SECONDS)
    if finished[1]:
        raise StoreError(finished[1])

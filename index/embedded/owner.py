"""The embedded engine of the process that owns the data folder: it also builds the indexes and deletes old ones."""

from __future__ import annotations

from corpus.types import QuotableError
from index.embedded.builder import IndexBuilder
from index.embedded.candidate import CandidateEngine, Gate
from index.embedded.engine import EmbeddedEngine, OpenEmbedder
from index.embedded.folder_lock import FolderLock
from index.embedded.follower import OpenIndex
from index.embedded.policy import Policy
from index.embedded.searcher import Searcher
from index.embedded.segments import generations
from index.embedded.store.database import Database
from index.types import Embedder, Reranker


class EmbeddedOwner(EmbeddedEngine):
    """Holds the folder lock until it is closed. Documents may be changed by any process; it indexes them all."""

    def __init__(
        self,
        database: Database,
        open_embedder: OpenEmbedder,
        policy: Policy,
        reranker: Reranker | None,
        lock: FolderLock,
        gate: Gate | None = None,
    ) -> None:
        super().__init__(database, open_embedder, policy, reranker, lock)
        self._gate = gate
        self._builder: IndexBuilder | None = None

    def maintain(self) -> None:
        self._originals.sweep()
        builder = self._open_builder()
        requested, (finished, _) = self.store.requested_rebuild(), self.store.finished_rebuild()
        if requested > finished:
            self._carry_out_rebuild(builder, requested)
        builder.build_if_behind()

    def rebuild(self) -> None:
        self._build(self._open_builder())

    def wait_for_merges(self) -> None:
        """Wait until no segments are being merged."""
        self._open_builder().wait()

    def close(self) -> None:
        """Give up a running merge, close the database and release the folder."""
        if self._builder:
            self._builder.close()
        super().close()

    def _carry_out_rebuild(self, builder: IndexBuilder, number: int) -> None:
        """As another process requested; a failure is told there."""
        failure = ""
        try:
            self._build(builder)
        except QuotableError as error:
            failure = str(error)
        self.store.finish_rebuild(number, failure)

    def _open_builder(self) -> IndexBuilder:
        index = self._index()
        with self._loading:
            if self._builder is None:
                folder = generations.generations_folder(self.store.folder)
                self._builder = IndexBuilder(folder, self.store, index.searcher, index.embedder, self._policy)
            return self._builder

    def _build(self, builder: IndexBuilder) -> None:
        """Build the whole index again; it takes over if the gate lets it."""
        if gate := self._gate:
            builder.build(lambda built: gate(CandidateEngine(self.database, self.embedder, built, self._policy)))
        else:
            builder.build()

    def _load(self, name: str, embedder: Embedder) -> OpenIndex:
        store = self.store
        if (store.fingerprint, store.model) != (embedder.fingerprint, name):
            store.set_model(embedder.fingerprint, name)
        folder = generations.generations_folder(store.folder)
        generation = generations.recover_newest(folder, store, embedder.fingerprint, self._policy)
        return OpenIndex(embedder, Searcher(store, embedder, generation, self._policy))

"""An index that is built but not in use yet, as an engine that can be asked whether it may take over."""

from __future__ import annotations

from collections.abc import Callable

from index.embedded.engine import EmbeddedEngine
from index.embedded.follower import OpenIndex
from index.embedded.policy import DEFAULT, Policy
from index.embedded.searcher import Searcher
from index.embedded.segments.generations import Generation
from index.embedded.store.database import Database
from index.engine import EngineView
from index.types import Embedder

# Asks an index before it takes over. Raises QuotableError to keep the one in use.
Gate = Callable[[EngineView], None]


class CandidateEngine(EmbeddedEngine):
    """Reads the store of its database, which it does not own. Its model may be another one than the store's."""

    def __init__(self, database: Database, embedder: Embedder, generation: Generation, policy: Policy = DEFAULT) -> None:
        super().__init__(database, lambda _: ("", embedder), policy)
        self._loaded = OpenIndex(embedder, Searcher(self.store, embedder, generation, policy))

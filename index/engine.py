"""The Engine protocol: an engine holds the documents and ranks their passages for a question.

Every method may be called from several threads. Methods that read or write storage raise StoreError if that fails.
tests/index/engine/ has the contract suite.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from corpus.types import Document, Passage
from index.access.audience import Audience
from index.filters import Filter, Scalar
from index.jobs import Job, Jobs
from index.listing import DocumentPage, DocumentQuery, DocumentState
from index.ranking.query import PreparedQuery
from index.ranking.result import Ranking
from index.text.analysis import ENGLISH_ONLY
from index.types import NO_EDITS, NO_ORIGIN, DocumentVersion, Embedder, Matrix, Origin, StoredDocument, StoredPassage, Vector

PutOutcome = Literal["added", "replaced", "cancelled"]
KEPT_VERSIONS = 10  # earlier texts of a document that are kept unless a caller says otherwise


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """`unindexed`: passages that no segment holds yet. `recall`: the lowest recall@10 measured when segments were built, None if exact.

    `generation`: 0 before the first build. `model`: name of the embedding model. `degraded`: damage was found and is withheld.
    `jobs_failed`: neither retried nor dismissed. `written`: a process, such as a server, ingests documents and builds the index now.
    """

    documents: int
    passages: int
    generation: int
    segments: int
    unindexed: int
    recall: float | None
    model: str | None
    fingerprint: str | None
    degraded: bool
    jobs_waiting: int
    jobs_failed: int
    written: bool


@dataclass(frozen=True, slots=True)
class DocumentCopy:
    """Everything that an engine stores of a document, but its original. `vectors`: one for each passage, by the model `fingerprint`.

    `since`, `by`: when and by whom its text was stored. `earlier`: its earlier texts that are kept and intact, the newest first.
    """

    stored: StoredDocument
    document: Document
    passages: Sequence[Passage]
    vectors: Matrix
    fingerprint: str
    since: str = ""
    by: str | None = None
    earlier: Sequence[tuple[DocumentVersion, Document]] = ()


class Snapshot(Protocol):
    """A consistent view of the documents that a filter allows: nothing changes between its calls."""

    def search(self, query: PreparedQuery) -> Ranking:
        """Rank the allowed passages."""
        ...

    def best_similarity(self, vector: Vector) -> float:
        """The greatest similarity of a vector and an allowed passage, on the model's scale, times the vector's length; without passages
        that of the cosine 0."""
        ...

    def passages(self, ids: Sequence[int]) -> Sequence[StoredPassage]:
        """As `Engine.passages`."""
        ...


class EngineView(Protocol):
    """What can be read of the documents that a caller may read: of an engine all, else what `index.access.restricted` leaves.

    `allowed=None` is no filter; a filter that matches no document allows nothing.
    """

    # Facts

    @property
    def embedder(self) -> Embedder:
        """The model whose vectors are stored."""
        ...

    @property
    def generation(self) -> int:
        """Number of the index build that is searched, 0 before the first."""
        ...

    @property
    def version(self) -> Hashable:
        """Changes whenever an answer may change; differs between audiences."""
        ...

    @property
    def degraded(self) -> bool:
        """Whether damage was found; damaged rows are withheld."""
        ...

    def counts(self) -> tuple[int, int]:
        """The number of documents and of passages."""
        ...

    # Search

    def prepare(self, question: str, languages: Sequence[str] = ENGLISH_ONLY, *, spelling: bool = True) -> PreparedQuery:
        """Correct the spelling, if set, and embed the question, or start to; `languages`: its own, then others of the documents."""
        ...

    def known_languages(self) -> Sequence[tuple[Scalar, int]]:
        """The documents' known languages with their numbers, most frequent first; of up to 10 s ago on a cluster, ±.1% in a folder."""

    def snapshot(self, allowed: Filter | None = None) -> AbstractContextManager[Snapshot]:
        """A view for several reads. Keep it short: the store keeps what is replaced meanwhile. Do not open one inside another."""
        ...

    def facets(self, key: str, allowed: Filter | None, limit: int) -> Sequence[tuple[Scalar, int]]:
        """The values of a field or metadata key (`year`: of the date) with their document counts, the most frequent first.

        A list in the metadata counts by its elements.
        """
        ...

    # Documents

    def document(self, document_id: str) -> StoredDocument | None:
        """Raises DamagedRow."""
        ...

    def page(self, query: DocumentQuery) -> DocumentPage:
        """A page of the documents that a query selects."""
        ...

    def states(self, document_ids: Sequence[str]) -> Mapping[str, DocumentState]:
        """The states of these documents, without those that are ready."""
        ...

    def content(self, document_id: str) -> Document | None:
        """A document with its text. Raises DamagedRow."""
        ...

    def versions(self, document_id: str) -> Sequence[DocumentVersion]:
        """The present text of a document and its earlier ones that are kept, the newest first; none without the document.

        Raises DamagedRow.
        """
        ...

    def version_content(self, document_id: str, version: str) -> Document | None:
        """A document with the text that has this SHA-256, the present one or an earlier one; None if it is not kept. Raises DamagedRow."""
        ...

    def passages(self, ids: Sequence[int]) -> Sequence[StoredPassage]:
        """The stored, undamaged passages among `ids`, in their order."""
        ...

    def passages_of(self, document_id: str) -> Sequence[StoredPassage]:
        """All undamaged passages of a document, in the order of its text. Raises DamagedRow."""
        ...

    def passage_counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        """The number of passages of each document that has any."""
        ...

    def original(self, document_id: str) -> bytes | None:
        """The file that a document was read from; None if none is kept. Raises DamagedRow."""
        ...


class Engine(EngineView, Protocol):
    """`audience`: who asks; None reads everything. Only what it may read is searched, and all statistics are of that alone."""

    @property
    def is_new(self) -> bool:
        """Whether no document was ever stored."""
        ...

    def status(self) -> EngineStatus: ...
    def counts(self, allowed: Filter | None = None) -> tuple[int, int]: ...
    def known_languages(self, audience: Audience | None = None) -> Sequence[tuple[Scalar, int]]: ...
    def languages(self) -> Sequence[tuple[str | None, int]]:
        """The number of documents in each language, the most frequent first; None for an unknown language."""
        ...

    def prepare(
        self, question: str, languages: Sequence[str] = ENGLISH_ONLY, *, spelling: bool = True, audience: Audience | None = None
    ) -> PreparedQuery: ...
    def search(self, query: PreparedQuery, allowed: Filter | None = None, audience: Audience | None = None) -> Ranking:
        """Rank passages, best first."""
        ...

    def snapshot(self, allowed: Filter | None = None, audience: Audience | None = None) -> AbstractContextManager[Snapshot]: ...
    def documents(self, after: str | None = None, limit: int = 100) -> Sequence[StoredDocument]:
        """Up to `limit` undamaged documents with ids after `after`, ordered by id."""
        ...

    def documents_from(self, location: str) -> Sequence[StoredDocument]:
        """The documents read from a location, ordered by id."""
        ...

    def locations(self, prefix: str) -> set[str]:
        """The locations that begin with `prefix`."""
        ...

    # Writing

    def put(
        self,
        document_id: str,
        document: Document,
        passages: Sequence[Passage],
        vectors: Matrix,
        *,
        origin: Origin = NO_ORIGIN,
        edits: Mapping[str, Any] = NO_EDITS,
        unless: Callable[[], bool] = lambda: False,
        by: str | None = None,
        keep_versions: int = KEPT_VERSIONS,
    ) -> PutOutcome:
        """Store a document in place of any other with its id; when this returns it is on disk and found.

        A search finds the old document or the new one, never parts. `vectors`: float32 (n, d) by `embedder`, one for each passage.
        `edits`: its `collection` and `access`, which are those of the old document unless they are given.
        `unless`: called inside the transaction; if it returns true, nothing is stored. `by`: who stores it. `keep_versions`: how many of
        the earlier texts stay if the text is another one, the newest. Raises FingerprintMismatch.
        """
        ...

    def export(self, document_id: str) -> DocumentCopy | None:
        """A document with all its passages and vectors, as of one moment; None if there is none. Raises DamagedRow."""
        ...

    def put_copies(self, copies: Sequence[DocumentCopy]) -> None:
        """Store documents as another engine holds them, with their times and edits, in place of those with their ids.

        Their numbers and the ids of their passages are new. They are on disk and found when this returns; a search finds each of them
        whole or not at all. Raises FingerprintMismatch.
        """
        ...

    def holds(self, document_id: str, document: Document) -> bool:
        """Whether this very document is stored, undamaged, with all its passages and vectors."""
        ...

    def find_duplicate(self, version: str, excluding: str) -> str | None:
        """The id of another document than `excluding` with the same text."""
        ...

    def update_origin(self, document_id: str, origin: Origin) -> None:
        """Change where a document was read from, and nothing else."""
        ...

    def edit(self, document_id: str, changes: Mapping[str, Any]) -> tuple[StoredDocument, Job | None] | None:
        """Change `title`, `date`, `collection`, `access` or keys of the `metadata`; they stay changed when the document is replaced.

        None if there is no such document. A new title is searched once its job has put the document again. Raises DamagedRow.
        """
        ...

    def remove(self, document_id: str, *, keep_jobs: bool = False) -> bool:
        """Remove a document, and unless `keep_jobs` is set cancel the jobs that would store it again; False if there was neither.

        From the moment this returns it is not found, and none of its texts is kept.
        """
        ...

    def keep_original(self, content: bytes) -> AbstractContextManager[str]:
        """Keep the bytes of a file and give their SHA-256, to be named as the `original` of documents that are stored inside.

        They are on disk then, and are deleted after the last such document.
        """
        ...

    def originals(self) -> tuple[int, int]:
        """The number of kept files and their size in bytes."""
        ...

    @property
    def jobs(self) -> Jobs: ...
    def maintain(self) -> None:
        """Index what is not indexed if it slows searches down; start a merge if one is due. In the process that builds the index only."""
        ...

    def rebuild(self) -> None:
        """Build the whole index again from the stored documents and vectors."""
        ...

    def close(self) -> None: ...

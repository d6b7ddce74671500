"""Reads the documents of a cluster: the part of the engine that neither ranks nor writes."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.types import Document
from index.filters import Filter, Scalar
from index.listing import DocumentPage, DocumentQuery, DocumentState
from index.opensearch.connection import Connection
from index.opensearch.documents.records import Records
from index.opensearch.search.searcher import read_passages
from index.opensearch.state.jobs import ClusterJobs
from index.types import DocumentVersion, StoredDocument, StoredPassage


class ClusterReading:
    """See `index.engine.Engine`."""

    def __init__(self, connection: Connection, records: Records) -> None:
        self.connection, self.records = connection, records
        self.jobs = ClusterJobs(connection)

    def facets(self, key: str, allowed: Filter | None, limit: int) -> Sequence[tuple[Scalar, int]]:
        return self.records.facet(key, allowed, limit)

    def document(self, document_id: str) -> StoredDocument | None:
        record = self.records.record(document_id)
        return record.stored if record else None

    def documents(self, after: str | None = None, limit: int = 100) -> list[StoredDocument]:
        return self.records.after(after or "", limit)

    def page(self, query: DocumentQuery) -> DocumentPage:
        return self.records.page(query, self.jobs.document_ids(query.state) if query.state else ())

    def states(self, document_ids: Sequence[str]) -> dict[str, DocumentState]:
        return self.jobs.states(document_ids)

    def documents_from(self, location: str) -> list[StoredDocument]:
        return [record.stored for record in self.records.selected("location", location)]

    def locations(self, prefix: str) -> set[str]:
        return self.records.locations(prefix)

    def content(self, document_id: str) -> Document | None:
        record = self.records.record(document_id)
        return self.records.content(record) if record else None

    def versions(self, document_id: str) -> Sequence[DocumentVersion]:
        record = self.records.record(document_id)
        return record.versions if record else ()

    def version_content(self, document_id: str, version: str) -> Document | None:
        record = self.records.record(document_id)
        if record is None or record.stored.version == version:
            return self.records.content(record) if record else None
        found = next((each for each in record.versions[1:] if each.stored.version == version), None)
        return self.records.version_content(found) if found else None

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        found = read_passages(self.records.search_many, ids)
        return [found[passage_id] for passage_id in ids if passage_id in found]

    def passages_of(self, document_id: str) -> list[StoredPassage]:
        record = self.records.record(document_id)
        return self.records.passages_of(record) if record else []

    def passage_counts(self, document_ids: Sequence[str]) -> dict[str, int]:
        return {record.stored.id: record.passages for record in self.records.records(document_ids) if record.passages}

"""Storing and removing documents on a cluster, which has no transactions.

A document's passages and text are stored first, under a new revision. Then its record, which names that revision: this is the commit, and
an external version refuses it if a newer one is there. Then the rows of the revision before are deleted, and the change is counted, so
that every process opens a new view of the index. A crash in between leaves rows that no record names: no search shows them, and `sweep`
deletes them. The text of the revision before stays if the new record names it as an earlier one.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from corpus.types import Document, Passage
from index.documents import replaced_version
from index.opensearch.connection import Connection
from index.opensearch.documents import queries, rows
from index.opensearch.documents.mapping import CHANGES
from index.opensearch.documents.records import Records
from index.opensearch.documents.rows import Record, Row
from index.types import DocumentVersion, Matrix, StoredDocument

log = logging.getLogger(__name__)

REVISIONS = "revisions"
BULK_BYTES = 4_000_000  # about 500 passages: their vectors as text, texts and terms
# Until rows that no record names are left over for certain: nothing takes that long between passages and record.
LEFT_OVER_SECONDS = 3_600
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to store. Of `stored` all but the number counts. `indexed_title`: the title that its passages were embedded with.

    `edits`: those that were given with it; the others are of the document that it replaces. `by`: who stores it. `keep`: how many of the
    earlier texts stay; None for those of `earlier`, the newest first, and no others, with its text of `since`.
    """

    stored: StoredDocument
    document: Document
    passages: Sequence[Passage]
    vectors: Matrix
    indexed_title: str
    edits: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    by: str | None = None
    keep: int | None = None
    since: str = ""
    earlier: Sequence[tuple[DocumentVersion, Document]] = ()

    def versions(self, before: Record | None) -> list[DocumentVersion]:
        """Its present version and its earlier ones, if it replaces the document of this record."""
        stored = self.stored
        present = DocumentVersion(stored, self.since or stored.changed, by=self.by)
        if self.keep is None:
            return [present, *(version for version, _ in self.earlier)]
        if before is None:
            return [present]
        replaced, *earlier = before.versions
        if replaced.stored.version == stored.version:
            return [replace(replaced, stored=stored), *earlier]
        return [present, *[replaced_version(replaced, present.since), *earlier][: self.keep]]


class Writer:
    """Stores and removes documents. Several threads and processes may do so at once; of two changes of a document the later one counts."""

    def __init__(self, connection: Connection, records: Records) -> None:
        self._connection, self._records = connection, records

    def put(self, new: Sequence[NewDocument], unless: Callable[[], bool] = lambda: False) -> list[bool] | None:
        """Store documents and return which of them are now there; one that is not was replaced or removed by a later call.

        `unless`: called last before the commit; if it returns true, nothing is stored and None is returned.
        """
        numbered = self._numbered(new)
        before = {record.stored.id: record for record in self._records.records([each.stored.id for each in new])}
        staged = [self._stage(each, each.stored.number, each.versions(before.get(each.stored.id))) for each in numbered]
        self._write(row for written, _ in staged for row in written)
        records = [record for _, record in staged]
        if unless():
            self._delete((_name(row), row["key"]) for written, _ in staged for row in written)
            return None
        committed = self._commit(records)
        for place, (each, done) in enumerate(zip(numbered, committed, strict=True)):
            if not done:
                committed[place] = self._commit_again(each, records[place])
        replaced = [
            (before[record.stored.id], record)
            for record, done in zip(records, committed, strict=True)
            if done and record.stored.id in before
        ]
        self._delete((name for old, record in replaced for name in _names(old, record.kept_numbers)), refresh=True)
        self._connection.next(CHANGES)
        return committed

    def restate(self, record: Record, stored: StoredDocument) -> bool:
        """Change what the record says of a document, and nothing that is read of its text; False if it was replaced meanwhile.

        The passages are stored again, because filters find them by the document's fields.
        """
        revision = self._connection.next(REVISIONS)
        hits = self._records.passage_hits(record, "floats")
        copy = self._records.copy_of(record, hits, "")
        indexed_title = hits[0]["_source"]["indexed_title"] if hits else stored.title
        new = NewDocument(stored, copy.document, copy.passages, copy.vectors, indexed_title)
        present, *earlier = record.versions
        written, changed = self._stage(new, revision, [replace(present, stored=stored), *earlier], with_content=False)
        self._write(iter(written))
        (done,) = self._commit([changed])
        old = record if done else changed
        self._delete(_passage_names(old), refresh=True)
        self._connection.next(CHANGES)
        return done

    def remove(self, record: Record) -> None:
        """From the moment this returns the document is not found, and its texts are deleted."""
        number = self._connection.next(REVISIONS)
        row = rows.tombstone(record.stored.id, number)
        self._commit_rows([(record.key, number, row)])
        self._delete(_names(record), refresh=True)
        self._connection.next(CHANGES)

    def left_over(self, older_than: float = LEFT_OVER_SECONDS) -> Iterator[tuple[str, str, str, int]]:
        """Of passages and texts that no record names and that are older than some seconds: key, kind, and a field with its value."""
        self._connection.write("POST", f"/{self._records.index}/_refresh", accept=(404,))
        for kind, field in (("passage", "revision"), ("content", "number")):
            written = {"range": {"written": {"lt": int(time.time() - older_than)}}}
            query = {"bool": {"filter": [{"term": {"kind": kind}}, written]}}
            for found in self._records.combinations(query, "key", field):
                named = self._named([each["key"] for each in found], field)
                yield from (
                    (each["key"], kind, field, each[field]) for each in found if each[field] not in named.get(each["key"], ())
                )

    def sweep(self, older_than: float = LEFT_OVER_SECONDS) -> int:
        """Delete rows that no record names, and records of removed documents, older than some seconds; return their number."""
        deleted, before = 0, int(time.time() - older_than)
        for key, kind, field, number in self.left_over(older_than):
            deleted += self._delete_found(key, {"kind": kind, field: number})
        deleted += self._delete_found(None, {"kind": "record", "removed": True}, {"range": {"written": {"lt": before}}})
        if deleted:
            log.info("%s rows of documents that are not stored, or not any more, were deleted", deleted)
            self._connection.next(CHANGES)
        return deleted

    def _numbered(self, new: Sequence[NewDocument]) -> list[NewDocument]:
        """With numbers for the documents, which are their revisions, and for the earlier texts that are stored with them."""
        count = sum(1 + len(each.earlier) for each in new)
        last = self._connection.next(REVISIONS, count)
        numbers = iter(range(last - count + 1, last + 1))
        numbered = []
        for each in new:
            earlier = [
                (replace(version, stored=replace(version.stored, number=next(numbers))), text) for version, text in each.earlier
            ]
            numbered.append(replace(each, stored=replace(each.stored, number=next(numbers)), earlier=earlier))
        return numbered

    def _stage(
        self, new: NewDocument, revision: int, versions: Sequence[DocumentVersion], *, with_content: bool = True
    ) -> tuple[list[Row], Record]:
        """The rows before the commit, and the record."""
        stored = new.stored
        facts = self._records.facts
        passages = list(
            rows.passage_rows(
                *(stored, new.indexed_title, revision, new.passages, new.vectors),
                by_language=facts is None or facts.has_languages,
            )
        )
        record = Record(stored, revision, len(passages), sum(row["lengths"] for row in passages), versions)
        texts = [(stored.number, new.document), *((version.stored.number, text) for version, text in new.earlier)]
        contents = [rows.content_row(record.key, number, text) for number, text in texts] if with_content else []
        return [*passages, *contents], record

    def _commit_again(self, new: NewDocument, record: Record) -> bool:
        """After a refusal: what the record says changed while an older text was there, or a later text is there. True in the first case."""
        while True:
            row = self._records.row(new.stored.id)
            if row is None or row["number"] > new.stored.number:
                self._delete(_names(record, record.kept_numbers))
                return False
            self._delete(_passage_names(record))
            found = None if row["removed"] else rows.record_of(row)
            edits = found.stored.edits if found else {}  # such as who may read it, decided meanwhile
            now = replace(new, stored=replace(new.stored, edits={**new.stored.edits, **edits, **new.edits}))
            written, record = self._stage(now, self._connection.next(REVISIONS), now.versions(found), with_content=False)
            self._write(iter(written))
            (done,) = self._commit([record])
            if done:
                return True

    def _commit(self, records: Sequence[Record]) -> list[bool]:
        """Which records are the newest now."""
        done = self._commit_rows([(record.key, record.revision, rows.record_row(record)) for record in records])
        # A refusal may be of a repeated request that was carried out the first time.
        return [each or self._revision(record.stored.id) == record.revision for each, record in zip(done, records, strict=True)]

    def _revision(self, document_id: str) -> int | None:
        row = self._records.row(document_id)
        return row["revision"] if row else None

    def _commit_rows(self, versions: Sequence[tuple[str, int, Row]]) -> list[bool]:
        operations = (
            part
            for key, version, row in versions
            for part in (
                {"index": {**self._place(rows.record_name(key), key), "version": version, "version_type": "external"}},
                row,
            )
        )
        return [item["status"] != 409 for item in self._connection.bulk(operations, refresh=True)]

    def _write(self, staged: Iterator[Row]) -> None:
        """Store passages and contents, some megabytes a request."""
        operations: list[Mapping[str, Any]] = []
        size = 0
        for row in staged:
            operations += [{"index": self._place(_name(row), row["key"])}, row]
            size += len(row.get("terms", "")) + 20 * len(row.get("vector", ())) + len(str(row.get("content", "")))
            if size > BULK_BYTES:
                self._connection.bulk(operations)
                operations, size = [], 0
        if operations:
            self._connection.bulk(operations)

    def _delete(self, names: Iterator[tuple[str, str]], *, refresh: bool = False) -> None:
        """Names and keys of rows."""
        operations = [{"delete": self._place(name, key)} for name, key in names]
        for first in range(0, len(operations), ROWS_AT_ONCE):
            self._connection.bulk(operations[first : first + ROWS_AT_ONCE], refresh=refresh)

    def _place(self, name: str, key: str) -> dict[str, Any]:
        return {"_index": self._records.index, "_id": name, "routing": key}

    def _named(self, keys: Sequence[str], field: str) -> dict[str, set[int]]:
        """The revisions that records name, or the numbers of their texts, by key."""
        query = queries.every_document()
        query["bool"]["filter"].append({"terms": {"key": sorted(set(keys))}})
        source = ["versions.stored.number"] if field == "number" else False
        search = {"size": len(keys), "query": query, "_source": source, "docvalue_fields": ["key", field]}
        named = {}
        for hit in self._records.search(search)["hits"]["hits"]:
            earlier = [each["stored"]["number"] for each in hit.get("_source", {}).get("versions", ()) if "stored" in each]
            named[hit["fields"]["key"][0]] = {hit["fields"][field][0], *earlier}
        return named

    def _delete_found(self, key: str | None, terms: Mapping[str, Any], *conditions: queries.Body) -> int:
        """Delete the rows with these terms, those of one key or of any; return their number."""
        filters = [*({"term": {name: value}} for name, value in terms.items()), *conditions]
        if key is not None:
            filters.append({"term": {"key": key}})
        search = {"size": ROWS_AT_ONCE, "query": {"bool": {"filter": filters}}, "_source": False, "docvalue_fields": ["key"]}
        deleted = 0
        while hits := self._records.search(search, key)["hits"]["hits"]:
            self._delete(((hit["_id"], hit["fields"]["key"][0]) for hit in hits), refresh=True)
            deleted += len(hits)
        return deleted


def _name(row: Row) -> str:
    if row["kind"] == "content":
        return rows.content_name(row["number"])
    return rows.passage_name(row["revision"], row["id"] - rows.first_id(row["number"]))


def _names(record: Record, kept: Sequence[int] = ()) -> Iterator[tuple[str, str]]:
    """Of all rows of a revision but the record and the contents with these numbers."""
    yield from _passage_names(record)
    for number in (record.stored.number, *record.kept_numbers):
        if number not in kept:
            yield rows.content_name(number), record.key


def _passage_names(record: Record) -> Iterator[tuple[str, str]]:
    return ((rows.passage_name(record.revision, place), record.key) for place in range(record.passages))

"""Reading documents from the cluster, as last committed."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from corpus.types import Document
from index.engine import DocumentCopy
from index.filters import FIELDS, Filter, Scalar
from index.listing import DocumentPage, DocumentQuery
from index.opensearch.connection import Connection
from index.opensearch.documents import queries, rows
from index.opensearch.documents.fields import counted_prefix, counted_value, filter_query
from index.opensearch.documents.mapping import ALIAS, IndexFacts, read_facts
from index.opensearch.documents.queries import Body, Totals
from index.opensearch.documents.rows import Record
from index.opensearch.health import Health
from index.types import DamagedRow, DocumentVersion, EngineUnavailable, StoredDocument, StoredPassage

ROWS_AT_ONCE = 1_000
VECTORS_AT_ONCE = 500
# Values that are counted on each shard before the most frequent are chosen: exact for up to so many.
COUNTED_VALUES = 2_000
_WILDCARDS, _ESCAPED = re.compile(r"([*?\\])"), r"\\\1"


class Records:
    """Several threads may use it at once.

    Of one index as long as the process lives: vectors of another model are in another index.
    """

    def __init__(self, connection: Connection, index: str | None = None) -> None:
        """`index`: None for the one in use."""
        self._connection, self._index = connection, index
        self._facts: IndexFacts | None = None
        self.health = Health(connection, connection.index(ALIAS))

    @property
    def facts(self) -> IndexFacts | None:
        """None if there is no index yet."""
        if self._facts is None:
            self._facts = read_facts(self._connection, self._index)
        return self._facts

    @property
    def index(self) -> str:
        return self.facts.index if self.facts else self._index or self._connection.index(ALIAS)

    @property
    def _header(self) -> dict[str, Any]:
        return {"index": self.index, "ignore_unavailable": True}

    def record(self, document_id: str) -> Record | None:
        """The record of a document, also of one that was committed a moment ago."""
        row = self.row(document_id)
        return None if row is None or row["removed"] else rows.record_of(row)

    def row(self, document_id: str) -> Mapping[str, Any] | None:
        """As stored, that of a removed document too."""
        return self._get(document_id, rows.record_name(rows.key_of(document_id)))

    def records(self, document_ids: Sequence[str]) -> list[Record]:
        """Of those that exist, in the order of the ids."""
        if not document_ids:
            return []
        keys = [rows.key_of(document_id) for document_id in document_ids]
        docs = [{"_index": self.index, "_id": rows.record_name(key), "routing": key} for key in keys]
        found = self._connection.request("POST", "/_mget", {"docs": docs}).body["docs"]
        if any("error" in each and "index_not_found" not in str(each["error"]) for each in found):
            raise EngineUnavailable("part of the documents in the cluster is not available; try again later")
        existing = [each["_source"] for each in found if each.get("found")]
        return [rows.record_of(row) for row in existing if not row["removed"]]

    def totals(self, allowed: Filter | None = None) -> Totals:
        return queries.totals_of(self._search_present(queries.totals_search(allowed)))

    def after(self, document_id: str, limit: int) -> list[StoredDocument]:
        """Documents with ids above this one, ordered by id."""
        query = self._with({"range": {"order_id": {"gt": document_id}}})
        search = {
            "size": min(limit, ROWS_AT_ONCE),
            "query": query,
            "sort": [{"order_id": "asc"}],
            "_source": queries.RECORD_FIELDS,
        }
        found = [record.stored for record in queries.records_of(self.search({"track_total_hits": False, **search}))]
        if ROWS_AT_ONCE <= len(found) < limit:
            found += self.after(found[-1].id, limit - len(found))
        return found

    def selected(self, name: str, value: str, limit: int = ROWS_AT_ONCE) -> list[Record]:
        """Records whose field has this value, ordered by id."""
        search = {"size": limit, "query": self._with({"term": {name: value}}), "sort": [{"order_id": "asc"}]}
        return queries.records_of(self.search({**search, "_source": queries.RECORD_FIELDS}))

    def page(self, query: DocumentQuery, of_state: Collection[str]) -> DocumentPage:
        """`of_state`: the ids of the documents in the state that the query selects; if that is `ready`, of those that are not."""
        order = "desc" if query.descending else "asc"
        search: Body = {
            "size": query.limit + 1,
            "track_total_hits": True,
            "_source": queries.RECORD_FIELDS,
            "query": self._with(*_listed(query, of_state)),
            "sort": [{f"order_{query.sort}": order}, {"number": order}],
        }
        after = {"search_after": list(query.after)} if query.after else {}
        result = self._search_present({**search, **after})
        shown = result["hits"]["hits"][: query.limit]
        last = shown[-1]["sort"] if len(result["hits"]["hits"]) > query.limit else None
        documents = [rows.record_of(hit["_source"]).stored for hit in shown]
        return DocumentPage(documents, (str(last[0]), int(last[1])) if last else None, result["hits"]["total"]["value"])

    def locations(self, prefix: str) -> set[str]:
        condition = self._with({"prefix": {"location": prefix}} if prefix else {"exists": {"field": "location"}})
        return {each["location"] for found in self.combinations(condition, "location") for each in found}

    def languages(self) -> list[tuple[str | None, int]]:
        found: list[tuple[str | None, int]] = list(self._counts("language", None, queries.every_document(), COUNTED_VALUES))  # type: ignore[arg-type]
        unknown = self.totals().documents - sum(count for _, count in found)
        languages = found + [(None, unknown)] * (unknown > 0)
        return sorted(languages, key=lambda each: (-each[1], each[0] or ""))

    def facet(self, key: str, allowed: Filter | None, limit: int) -> list[tuple[Scalar, int]]:
        own = {"id": "document_id"}.get(key, key) if key == "year" or key in FIELDS else None
        query = queries.every_document(allowed)
        if own:
            found = self._counts(own, None, query, limit)
        else:
            terms = self._counts("facets", counted_prefix(key), query, limit)
            found = [(counted_value(str(term), key), count) for term, count in terms]
        return sorted(found, key=lambda each: (-each[1], isinstance(each[0], str), each[0]))[:limit]

    def content(self, record: Record) -> Document:
        """Raises DamagedRow."""
        row = self._get(record.stored.id, rows.content_name(record.stored.number))
        if row is None:
            raise DamagedRow(f"the stored text of {record.stored.id!r} is missing; add it again or restore a backup")
        return rows.document_of(record.stored, row)

    def version_content(self, version: DocumentVersion) -> Document:
        """Of an earlier text. Raises DamagedRow."""
        row = self._get(version.stored.id, rows.content_name(version.stored.number))
        with suppress(DamagedRow):
            if row is not None:
                return rows.document_of(version.stored, row)
        raise DamagedRow(f"an earlier text of {version.stored.id!r} is damaged or missing")

    def passages_of(self, record: Record) -> list[StoredPassage]:
        """In the order of the text. Raises DamagedRow if one is missing."""
        return [rows.stored_passage(hit["fields"]["id"][0], record, hit["_source"]) for hit in self.passage_hits(record)]

    def copy(self, record: Record, fingerprint: str) -> DocumentCopy:
        """Raises DamagedRow."""
        copy = self.copy_of(record, self.passage_hits(record, "floats"), fingerprint)
        present, *others = record.versions
        earlier = []
        for version in others:
            with suppress(DamagedRow):  # it is left out
                earlier.append((version, self.version_content(version)))
        return replace(copy, since=present.since, by=present.by, earlier=earlier)

    def copy_of(self, record: Record, hits: Sequence[Mapping[str, Any]], fingerprint: str) -> DocumentCopy:
        """`hits`: of all passages, with their floats. Raises DamagedRow."""
        vectors = [rows.vector_of(hit["fields"]) for hit in hits]
        passages = [rows.passage_of(hit["_source"]) for hit in hits]
        matrix = np.stack(vectors) if vectors else np.empty((0, 0), np.float32)
        return DocumentCopy(record.stored, self.content(record), passages, matrix, fingerprint)

    def passage_hits(self, record: Record, *fields: str) -> list[Mapping[str, Any]]:
        """Of the revision that a record names, in the order of the text. Raises DamagedRow if one is missing."""
        search = {
            "size": VECTORS_AT_ONCE,
            "track_total_hits": False,
            "_source": ["passage", "indexed_title"],
            "docvalue_fields": ["id", *fields],
            "query": {"bool": {"filter": [{"term": {"kind": "passage"}}, {"term": {"revision": record.revision}}]}},
            "sort": [{"id": "asc"}],
        }
        found: list[Mapping[str, Any]] = []
        after: Body = {}
        while hits := self.search({**search, **after}, record.key)["hits"]["hits"]:
            found += hits
            after = {"search_after": hits[-1]["sort"]}
        if len(found) != record.passages:
            raise DamagedRow(f"passages of {record.stored.id!r} are missing; add it again or restore a backup")
        return found

    def combinations(self, query: Body, *fields: str) -> Iterator[list[Mapping[str, Any]]]:
        """The values that some fields have together in the rows of a query, a part of them at a time."""
        own: Body = {"size": ROWS_AT_ONCE, "sources": [{name: {"terms": {"field": name}}} for name in fields]}
        while True:
            result = self.search({"size": 0, "query": query, "aggs": {"each": {"composite": own}}})
            found = queries.aggregation(result, "each")
            if not found.get("buckets"):
                return
            yield [bucket["key"] for bucket in found["buckets"]]
            own["after"] = found["after_key"]

    def search(self, body: Body, routing: str | None = None) -> Any:
        """Nothing is found where no index was created yet."""
        return self._connection.search_many([(self._header | ({"routing": routing} if routing else {}), body)])[0]

    def _search_present(self, body: Body) -> Any:
        """As `search`; if shards are missing, of the others. For what is shown, and nothing that decides about stored rows."""
        searches, began = [(self._header, body)], time.monotonic()
        if not self.health.lacks_shards():
            try:
                return self._connection.search_many(searches)[0]
            except EngineUnavailable:
                if not self.health.note_failure(time.monotonic() - began):
                    raise
        return self._connection.search_many(searches, partial=True)[0]

    def search_many(self, bodies: Sequence[Body]) -> list[Any]:
        return self._connection.search_many([(self._header, body) for body in bodies])

    def _get(self, document_id: str, name: str) -> Mapping[str, Any] | None:
        path = f"/{self.index}/_doc/{name}"
        found = self._connection.request("GET", path, params={"routing": rows.key_of(document_id)}, accept=(404,))
        row: Mapping[str, Any] | None = found.body["_source"] if found.status == 200 else None
        return row

    def _with(self, *conditions: Body) -> Body:
        query = queries.every_document()
        query["bool"]["filter"] += conditions
        return query

    def _counts(self, name: str, prefix: str | None, query: Body, limit: int) -> list[tuple[Scalar, int]]:
        """The most frequent values of a field with their document counts, those that begin with the prefix."""
        terms: Body = {"field": name, "size": max(limit, COUNTED_VALUES), "shard_size": max(limit, COUNTED_VALUES)}
        terms["execution_hint"] = "map"
        terms["order"] = [{"_count": "desc"}, {"_key": "asc"}]
        if prefix is not None:
            terms["include"] = f"{_escape(prefix)}.*"
        result = self._search_present({"size": 0, "query": query, "aggs": {"values": {"terms": terms}}})
        return [(bucket["key"], bucket["doc_count"]) for bucket in queries.aggregation(result, "values").get("buckets", ())]


def _listed(query: DocumentQuery, of_state: Collection[str]) -> Iterator[Body]:
    for word in query.title.casefold().split():
        part = f"*{_WILDCARDS.sub(_ESCAPED, word)}*"
        matches = [{"wildcard": {name: {"value": part}}} for name in ("order_title", "file_key")]
        yield {"bool": {"should": matches, "minimum_should_match": 1}}
    if query.type is not None:
        yield {"term": {"type": query.type}}
    if query.date_from is not None:
        yield {"range": {"date": {"gte": query.date_from}}}
    if query.date_to is not None:
        yield {"range": {"date": {"lte": f"{query.date_to}\x7f"}}}  # "2025-07" includes "2025-07-21"
    if query.state:
        among = {"terms": {"document_id": sorted(of_state)}}
        yield {"bool": {"must_not": [among]}} if query.state == "ready" else among
    if query.allowed is not None:
        yield filter_query(query.allowed)


def _escape(text: str) -> str:
    """For the regular expressions of Lucene."""
    return "".join(f"\\{c}" if not c.isalnum() and c.isascii() else c for c in text)

"""Finds damage in a cluster: missing copies of shards, damaged or incomplete documents, and rows that belong to no document."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.opensearch.connection import Connection
from index.opensearch.documents.mapping import is_closed_to_changes
from index.opensearch.documents.records import Records
from index.opensearch.documents.rows import Record
from index.opensearch.documents.writing import Writer
from index.opensearch.state.originals import ClusterOriginals
from index.types import DamagedRow

PAGE = 500
_ADD_AGAIN = "add the document again, or restore a backup with `qa restore FILE`"
_REPAIR = "run `qa check --repair`, which makes passages from its text, or restore a backup with `qa restore FILE`"


@dataclass(frozen=True, slots=True)
class Damage:
    """`remedy`: what to do. `document_id`: of a document whose passages can be made again from its text, if that is intact."""

    what: str
    remedy: str
    document_id: str | None = None


def find_damage(connection: Connection, sample: int | None = None) -> Iterator[Damage]:
    """Check shards and passage counts of everything; and read documents and originals whole, all or about `sample` of them."""
    yield from _shards(connection)
    records = Records(connection)
    facts = records.facts
    if facts is None:
        return
    if is_closed_to_changes(connection, facts.index):
        what = "the documents are closed to changes, because `qa rebuild --model` was interrupted"
        yield Damage(what, "run it again: it goes on where it stopped")
    originals = ClusterOriginals(connection, lambda _: True)
    chosen, total = random.Random(), max(records.totals().documents, 1)  # noqa: S311 - another sample each time
    after = ""
    while page := records.after(after, PAGE):
        found = records.records([document.id for document in page])
        yield from _missing_passages(records, found)
        for record in found:
            if sample is None or chosen.random() < sample / total:
                yield from _damage_of(records, originals, record, facts.fingerprint)
        after = page[-1].id
    left_over = {key for key, *_ in Writer(connection, records).left_over()}
    if left_over:
        what = f"rows of {len(left_over)} documents that were replaced, removed or never completed are left over"
        yield Damage(what, "nothing: they are never shown, and a running server or worker deletes them within the hour")


def _shards(connection: Connection) -> Iterator[Damage]:
    params = {"level": "indices", "timeout": "1s"}
    found = connection.request("GET", f"/_cluster/health/{connection.name}-*", params=params, accept=(404, 408)).body
    for name, index in sorted(found.get("indices", {}).items()):
        if index["status"] == "red":
            lost = index["number_of_shards"] - index["active_primary_shards"]
            what = f"{lost} of {index['number_of_shards']} shards of {name} are missing: part of its contents is not available"
            yield Damage(what, "start the nodes that are missing, or restore a snapshot or a backup")
        elif index["status"] == "yellow":
            what = f"{index['unassigned_shards']} copies of shards of {name} are missing: the loss of a node may lose contents"
            yield Damage(what, "start the nodes that are missing, or wait until the cluster has copied the shards")


def _missing_passages(records: Records, found: Sequence[Record]) -> Iterator[Damage]:
    """Counted, not read."""
    revisions = [record.revision for record in found]
    query = {"bool": {"filter": [{"term": {"kind": "passage"}}, {"terms": {"revision": revisions}}]}}
    terms = {"field": "revision", "size": max(len(revisions), 1)}
    result = records.search({"size": 0, "query": query, "aggs": {"each": {"terms": terms}}})
    counts = {bucket["key"]: bucket["doc_count"] for bucket in result["aggregations"]["each"]["buckets"]}
    for record in found:
        count = counts.get(record.revision, 0)
        if count != record.passages and _is_current(records, record):
            what = f"the document {record.stored.id!r} has {count} of its {record.passages} passages"
            yield Damage(what, _REPAIR, record.stored.id)


def _damage_of(records: Records, originals: ClusterOriginals, record: Record, fingerprint: str) -> Iterator[Damage]:
    try:
        copy = records.copy(record, fingerprint)
        if any(copy.document.text[passage.start : passage.end] != passage.text for passage in copy.passages):
            yield Damage(f"a passage of the document {record.stored.id!r} is not in its text", _REPAIR, record.stored.id)
    except DamagedRow as error:
        if _is_current(records, record):
            yield Damage(str(error), _ADD_AGAIN)
    for version in record.versions[1:]:
        try:
            records.version_content(version)
        except DamagedRow as error:
            if _is_current(records, record):
                yield Damage(str(error), "restore a backup; the present text is not affected")
    try:
        if record.stored.original:
            originals.read(record.stored.original)
    except DamagedRow as error:
        if _is_current(records, record):
            yield Damage(f"{error} ({record.stored.id!r})", "add its file again; the text is not affected")


def _is_current(records: Records, record: Record) -> bool:
    """Whether the document was not replaced meanwhile."""
    return any(now.revision == record.revision for now in records.records([record.stored.id]))

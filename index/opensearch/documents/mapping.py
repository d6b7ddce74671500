"""The index of documents on a cluster: its fields and settings, and what it says about itself.

It holds three kinds of rows. A *record* is a document without its text; it names the revision of its passages, and storing it is the
commit. *Passages* and the *content*, a document's text, are stored before and deleted afterwards. All rows of a document are in one
shard, so that whoever sees a record sees its passages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from index.opensearch.connection import Connection
from index.ranking.features import K1, B
from index.types import FingerprintMismatch, StoreError

FORMAT = 1
# Counts the changes of documents. Every commit raises it before it is acknowledged.
CHANGES = "changes"
ALIAS = "documents"
FIRST = f"{ALIAS}-000001"
# Seconds between refreshes that nobody asked for: every commit refreshes its shard, so that it is found when it is acknowledged.
REFRESH = "30s"
# A copy that was killed repeats every operation since the last flush, its graph included: 512 MB, the default, took minutes.
FLUSH = "64mb"
# Of HNSW, as Lucene's defaults; with 100 candidates a shard recall@10 was .9997 over 50,000 passages.
M, EF_CONSTRUCTION = 16, 100

_KEYWORD, _LONG = {"type": "keyword"}, {"type": "long"}
_SHORT = {"type": "keyword", "ignore_above": 8_000}
_BYTES = {"type": "binary", "doc_values": True}
_PROPERTIES: dict[str, Any] = {
    **dict.fromkeys(("kind", "key", "fields", "facets"), _KEYWORD),
    **dict.fromkeys(("number", "revision", "id", "lengths", "written"), _LONG),
    # Of records
    "removed": {"type": "boolean"},
    "passages": {"type": "integer"},
    **dict.fromkeys(("document_id", "title", "source", "url", "date", "year", "type", "language", "collection"), _SHORT),
    **dict.fromkeys(("location", "version", "original", "file_key"), _SHORT),
    **dict.fromkeys(
        (f"order_{name}" for name in ("id", "title", "file_name", "type", "date", "language", "added", "changed")), _KEYWORD
    ),
    # Of passages. `hashes`: of the terms, 32 bits each; `floats`: the vector, which the source leaves out.
    "terms": {"type": "text", "analyzer": "whitespace", "similarity": "ours", "index_options": "freqs"},
    "title_length": {"type": "integer"},
    "hashes": _BYTES,
    "floats": _BYTES,
}


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """`generation`: rises when an index with vectors of another model takes the place of this one."""

    generation: int
    fingerprint: str
    model: str


def read_facts(connection: Connection) -> IndexFacts | None:
    """Of the index that is searched; None if there is none yet. Raises StoreError for one of a newer version."""
    found = connection.request("GET", f"/{connection.index(ALIAS)}/_mapping", accept=(404,))
    if found.status == 404:
        return None
    ((name, index),) = found.body.items()
    facts = index["mappings"]["_meta"]
    if facts["format"] > FORMAT:
        raise StoreError(f"{connection.address} was written by a newer version of this program; install that one")
    return IndexFacts(int(name.rpartition("-")[2]), facts["fingerprint"], facts["model"])


def check_fingerprint(connection: Connection, facts: IndexFacts, fingerprint: str) -> None:
    """Raise FingerprintMismatch if the index holds vectors of another model."""
    if facts.fingerprint != fingerprint:
        raise FingerprintMismatch(
            f"{connection.address} holds vectors of the embedding model {facts.model} ({facts.fingerprint}), not of the configured one"
            f" ({fingerprint}); configure the old model"
        )


def create(connection: Connection, fingerprint: str, model: str, dimension: int) -> IndexFacts:
    """Create the index, unless another process has; return what the index says of itself. Raises StoreError."""
    vector = {
        "type": "knn_vector",
        "dimension": dimension,
        "method": {
            "name": "hnsw",
            # Also runs where k-NN's native libraries are missing.
            "engine": "lucene",
            "space_type": "cosinesimil",
            "parameters": {"m": M, "ef_construction": EF_CONSTRUCTION},
        },
    }
    mappings = {
        "dynamic": False,
        "_meta": {"format": FORMAT, "fingerprint": fingerprint, "model": model},
        "_source": {"excludes": ["vector", "floats", "hashes", "terms"]},
        "properties": {**_PROPERTIES, "vector": vector},
    }
    settings = {
        "index": {
            "knn": True,
            "number_of_shards": connection.address.shards,
            "auto_expand_replicas": "0-1",
            "refresh_interval": REFRESH,
            "translog.flush_threshold_size": FLUSH,
            "similarity": {"ours": {"type": "BM25", "k1": K1, "b": B}},
        }
    }
    connection.create_index(FIRST, mappings, settings, {connection.index(ALIAS): {}})
    facts = read_facts(connection)
    if facts is None:
        raise StoreError(f"the index of {connection.address} was deleted while it was created; try again")
    return facts

"""The index of documents on a cluster: its fields and settings, and what it says about itself.

It holds three kinds of rows. A *record* is a document without its text; it names the revision of its passages, and storing it is the
commit. *Passages* and the *content*, a document's text, are stored before and deleted afterwards. All rows of a document are in one
shard, so that whoever sees a record sees its passages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from index.opensearch.connection import Connection
from index.ranking.features import K1, B
from index.types import FingerprintMismatch, StoreError

# From 2 on the terms of a passage are those of its document's language; an older index goes on with those of English.
FORMAT, WITH_LANGUAGES = 2, 2
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
    """`index`: its name. `generation`: another one for an index with vectors of another model, which takes the place of this one.
    `has_languages`: whether its terms are those of the documents' languages.
    """

    index: str
    generation: int
    fingerprint: str
    model: str
    has_languages: bool = True


def read_facts(connection: Connection, index: str | None = None) -> IndexFacts | None:
    """Of an index, or of the one that new processes use; None if there is none. Raises StoreError for one of a newer version."""
    found = connection.request("GET", f"/{index or connection.index(ALIAS)}/_mapping", accept=(404,))
    return None if found.status == 404 else _facts(connection, *next(iter(found.body.items())))


def all_facts(connection: Connection) -> list[IndexFacts]:
    """Of every index with documents: the one in use, and those with vectors of other models."""
    found = connection.request("GET", f"/{connection.index(ALIAS)}-*/_mapping", accept=(404,)).body
    own = re.compile(rf"{re.escape(connection.index(ALIAS))}-\d+")
    return [_facts(connection, name, found[name]) for name in sorted(found) if own.fullmatch(name)]


def _facts(connection: Connection, name: str, index: Mapping[str, Any]) -> IndexFacts:
    facts = index["mappings"]["_meta"]
    if facts["format"] > FORMAT:
        raise StoreError(f"{connection.address} was written by a newer version of this program; install that one")
    number = int(name.rpartition("-")[2])
    return IndexFacts(name, number, facts["fingerprint"], facts["model"], facts["format"] >= WITH_LANGUAGES)


def check_fingerprint(connection: Connection, facts: IndexFacts, fingerprint: str) -> None:
    """Raise FingerprintMismatch if the index holds vectors of another model."""
    if facts.fingerprint != fingerprint:
        raise FingerprintMismatch(
            f"{connection.address} holds vectors of the embedding model {facts.model} ({facts.fingerprint}), not of the configured one"
            f" ({fingerprint}); configure the old model"
        )


def create(connection: Connection, fingerprint: str, model: str, dimension: int) -> IndexFacts:
    """Create the first index, unless another process has; return what it says of itself. Raises StoreError."""
    return _create(connection, FIRST, fingerprint, model, dimension, {connection.index(ALIAS): {}})


def create_beside(connection: Connection, fingerprint: str, model: str, dimension: int) -> IndexFacts:
    """An index for vectors of another model beside the one in use: that of an earlier, interrupted call, or a new one."""
    known = all_facts(connection)
    for facts in known:
        if facts.fingerprint == fingerprint:
            return facts
    suffix = f"{ALIAS}-{max((facts.generation for facts in known), default=0) + 1:06d}"
    return _create(connection, suffix, fingerprint, model, dimension, {})


def take_over(connection: Connection, old: IndexFacts, new: IndexFacts) -> None:
    """Let new processes use another index, in one step."""
    alias = connection.index(ALIAS)
    actions = [{"remove": {"index": old.index, "alias": alias}}, {"add": {"index": new.index, "alias": alias}}]
    connection.write("POST", "/_aliases", {"actions": actions})


def require_in_use(connection: Connection, index: str) -> None:
    """Raise StoreError if another index has taken the place of this one."""
    facts = read_facts(connection)
    if facts and facts.index != index:
        raise StoreError(f"{connection.address} has vectors of the model {facts.model} now: restart this process")


def close_to_changes(connection: Connection, index: str, closed: bool) -> None:
    """Refuse all changes of an index, of every process, or allow them again."""
    connection.write("PUT", f"/{index}/_settings", {"index": {"blocks.write": closed}})


def is_closed_to_changes(connection: Connection, index: str) -> bool:
    found = connection.request("GET", f"/{index}/_settings", params={"flat_settings": "true"}).body
    return any(each["settings"].get("index.blocks.write") == "true" for each in found.values())


def delete_index(connection: Connection, facts: IndexFacts) -> None:
    connection.write("DELETE", f"/{facts.index}", accept=(404,))


def _create(
    connection: Connection, suffix: str, fingerprint: str, model: str, dimension: int, aliases: Mapping[str, Any]
) -> IndexFacts:
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
    connection.create_index(suffix, mappings, settings, aliases)
    facts = read_facts(connection, connection.index(suffix))
    if facts is None:
        raise StoreError(f"the index of {connection.address} was deleted while it was created; try again")
    return facts

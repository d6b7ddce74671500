"""The searches of a question, as the cluster wants them; and what its results say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.filters import Filter
from index.opensearch.documents.fields import filter_query
from index.opensearch.documents.rows import Record, hashes_of, number_of, record_of, token
from index.ranking.features import match_passages
from index.ranking.scoring import LEG
from index.types import Ids, LexicalMatch, LexicalQuery, Scores, Vector

Body = dict[str, Any]
Hit = Mapping[str, Any]

# Nearest candidates that each shard looks for, of which LEG are taken, and best candidates by words, as the cluster scores them. With 300
# and 400 the first ten of 7 in 500 questions differed from exact ones, with 600 of each those of one.
NEIGHBOURS = 600
BY_WORDS = 600
# Weight in the candidate search of terms that count only if their word is rare, which is known when it has ended.
POSSIBLE_WEIGHT = 0.05
PASSAGES_AT_ONCE = 4_000  # a search gives at most 10,000 hits
_RECORDS: Body = {"term": {"kind": "record"}}
_STORED: Body = {"term": {"removed": False}}


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers of documents and passages, and of terms in all passages."""

    documents: int
    passages: int
    lengths: int


def every_document(allowed: Filter | None = None) -> Body:
    """The records of stored documents."""
    return {"bool": {"filter": [_RECORDS, _STORED, *([filter_query(allowed)] if allowed is not None else [])]}}


def totals_search(allowed: Filter | None) -> Body:
    sums = {name: {"sum": {"field": name}} for name in ("passages", "lengths")}
    return {"size": 0, "track_total_hits": True, "query": every_document(allowed), "aggs": sums}


def totals_of(result: Any) -> Totals:
    passages, lengths = (round(aggregation(result, name).get("value", 0)) for name in ("passages", "lengths"))
    return Totals(result["hits"]["total"]["value"], passages, lengths)


def aggregation(result: Any, name: str) -> Mapping[str, Any]:
    """Empty where there is no index yet."""
    found: Mapping[str, Any] = result.get("aggregations", {}).get(name, {})
    return found


def frequencies_search(terms: Sequence[str], allowed: Filter | None) -> Body:
    """How many of the allowed passages hold each term, counted, so that removed ones do not count."""
    filters = [{"term": {"terms": token(term)}} for term in terms]
    query = {} if allowed is None else {"query": filter_query(allowed)}
    return {"size": 0, "track_total_hits": False, **query, "aggs": {"terms": {"filters": {"filters": filters}}}}


def frequencies_of(terms: Sequence[str], result: Any) -> dict[str, int]:
    buckets = result["aggregations"]["terms"]["buckets"]
    return {term: bucket["doc_count"] for term, bucket in zip(terms, buckets, strict=True)}


def lexical_search(weights: Mapping[str, float], allowed: Filter | None) -> Body:
    """The best candidates by words."""
    wanted = [{"term": {"terms": {"value": token(term), "boost": weight}}} for term, weight in weights.items() if weight > 0]
    own: Body = {"should": wanted, "minimum_should_match": 1} if wanted else {"must": [{"match_none": {}}]}
    if allowed is not None:
        own["filter"] = [filter_query(allowed)]
    return _ids_only({"bool": own}, BY_WORDS)


def dense_search(vector: Vector, allowed: Filter | None) -> Body:
    """The nearest candidates. `vector`: of any length but 0. The filter is inside, so that as many are found with it as without."""
    own: Body = {"vector": vector.tolist(), "k": NEIGHBOURS}
    if allowed is not None:
        own["filter"] = filter_query(allowed)
    return _ids_only({"knn": {"vector": own}}, LEG)


def _ids_only(query: Body, size: int) -> Body:
    return {
        "size": size,
        "track_total_hits": False,
        "_source": False,
        "docvalue_fields": ["id", "revision"],
        "query": query,
    }


def ids_of(results: Iterable[Any]) -> list[int]:
    return sorted({hit["fields"]["id"][0] for result in results for hit in result["hits"]["hits"]})


def exact_search(ids: Sequence[int], vector: Vector) -> Body:
    """Exact cosines of these passages, and the terms that the lexical scores are computed from."""
    script = {
        "source": "knn_score",
        "lang": "knn",
        "params": {"field": "vector", "query_value": vector.tolist(), "space_type": "cosinesimil"},
    }
    return {
        # A passage may be there twice, while its document is stored again.
        "size": 2 * len(ids),
        "track_total_hits": False,
        "_source": False,
        "docvalue_fields": ["id", "revision", "title_length", "hashes"],
        "query": {"script_score": {"query": {"terms": {"id": list(ids)}}, "script": script}},
    }


def revisions_search(numbers: Sequence[int]) -> Body:
    """Which revision the record of each document names."""
    query = {"bool": {"filter": [_RECORDS, _STORED, {"terms": {"number": list(numbers)}}]}}
    own = {"size": len(numbers), "track_total_hits": False, "_source": False, "docvalue_fields": ["number", "revision"]}
    return {**own, "query": query}


def revisions_of(result: Any) -> dict[int, int]:
    fields = [hit["fields"] for hit in result["hits"]["hits"]]
    return {each["number"][0]: each["revision"][0] for each in fields}


def committed(result: Any, revisions: Mapping[int, int]) -> list[Hit]:
    """The passages whose document's record names their revision, by ascending id."""
    found = {}
    for hit in result["hits"]["hits"]:
        passage_id, revision = hit["fields"]["id"][0], hit["fields"]["revision"][0]
        if revisions.get(number_of(passage_id)) == revision:
            found[passage_id] = hit
    return [found[passage_id] for passage_id in sorted(found)]


def cosine(score: float) -> float:
    """The cluster's scores are not negative: (1 + cosine) / 2."""
    return 2 * score - 1


def exact_scores(hits: Sequence[Hit], terms: LexicalQuery) -> tuple[Ids, Scores, LexicalMatch]:
    """Ids, cosines and lexical features of committed passages, by the same formulas as in every engine."""
    ids = np.array([hit["fields"]["id"][0] for hit in hits], np.int64)
    cosines = np.array([cosine(hit["_score"]) for hit in hits], np.float32)
    hashes = [hashes_of(hit["fields"]) for hit in hits]
    lengths = np.array([len(each) for each in hashes], np.int64)
    titles = np.array([hit["fields"]["title_length"][0] for hit in hits], np.int32)
    numbers = np.array([number_of(int(passage_id)) for passage_id in ids], np.int64)
    return ids, cosines, match_passages(terms, numbers, np.concatenate([np.empty(0, np.uint32), *hashes]), lengths, titles)


def passages_search(ids: Sequence[int]) -> Body:
    own: Body = {"size": 2 * len(ids), "track_total_hits": False, "_source": ["passage"], "docvalue_fields": ["id", "revision"]}
    return {**own, "query": {"terms": {"id": list(ids)}}}


def records_search(numbers: Sequence[int]) -> Body:
    query = {"bool": {"filter": [_RECORDS, _STORED, {"terms": {"number": list(numbers)}}]}}
    return {"size": len(numbers), "track_total_hits": False, "_source": RECORD_FIELDS, "query": query}


RECORD_FIELDS = ["stored", "revision", "passages", "lengths"]


def records_of(result: Any) -> list[Record]:
    return [record_of(hit["_source"]) for hit in result["hits"]["hits"]]

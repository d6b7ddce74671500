"""Ranks passages for a question: the cluster finds candidates by words and by vectors, `index.ranking` scores and fuses them.

A question takes three round trips: both legs with the document frequencies; exact scores with the revisions that count; texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from index.access.audience import Audience
from index.filters import Filter
from index.opensearch.documents import queries
from index.opensearch.documents.queries import Body, Totals
from index.opensearch.documents.rows import number_of, stored_passage
from index.opensearch.search.views import View, ViewReader, Views
from index.ranking.lexical_query import held_synonyms, lexical_query
from index.ranking.query import PreparedQuery
from index.ranking.reranking import RERANKED, rerank
from index.ranking.result import Ranking
from index.ranking.scoring import rank_candidates
from index.text.idf import general_shares
from index.types import Embedder, LexicalQuery, Reranker, StoredPassage, Vector


class Searcher:
    """What the searches of a process share."""

    def __init__(self, views: Views, embedder: Embedder, generation: int, reranker: Reranker | None) -> None:
        self.views, self.embedder, self.generation, self.reranker = views, embedder, generation, reranker
        self._general_shares = general_shares(embedder.word_ranks)

    def terms(self, query: PreparedQuery, frequency: Callable[[str], int], totals: Totals) -> LexicalQuery:
        return lexical_query(
            query.question,
            frequency,
            totals.passages,
            totals.lengths / max(totals.passages, 1),
            self._general_shares,
            context=query.context,
            context_weight=query.context_weight,
            languages=query.languages,
            related_words=self.embedder.related_words,
            synonyms=query.synonyms,
        )

    def possible_terms(self, query: PreparedQuery) -> tuple[set[str], Mapping[str, float]]:
        """The terms whose frequency may matter, and weights for finding candidates by them."""
        asked: set[str] = set()

        def rare_everywhere(term: str) -> int:
            """So that the related words of every word are considered."""
            asked.add(term)
            return 1

        terms = self.terms(query, rare_everywhere, Totals(1, 1, 1))
        weights = {term: queries.POSSIBLE_WEIGHT for term, _ in terms.expansions}
        weights |= {term: query.context_weight for term, _ in terms.context}
        return asked, weights | {term: 1.0 for term, _ in terms.weights}


@dataclass(frozen=True, slots=True)
class _FirstResults:
    """Of the first round trip of a search."""

    ids: Sequence[int]
    frequencies: Mapping[str, int]
    totals: Totals
    allowed: Totals


class ClusterSnapshot:
    """See `index.engine.Snapshot`. Close it."""

    def __init__(self, searcher: Searcher, allowed: Filter | None, audience: Audience | None) -> None:
        """`allowed`: of what the audience may read, which all statistics are of."""
        self._searcher, self._allowed, self._audience = searcher, allowed, audience
        self._reader = ViewReader(searcher.views)
        self._passages: dict[int, StoredPassage | None] = {}

    def search(self, query: PreparedQuery) -> Ranking:
        searcher = self._searcher
        found = self._first_results(query)

        def frequency(term: str) -> int:
            return found.frequencies.get(term, 0)

        terms = searcher.terms(query, frequency, found.totals)
        hits = []
        if found.ids:
            numbers = sorted(set(map(number_of, found.ids)))
            searches = [queries.exact_search(found.ids, query.vector), queries.revisions_search(numbers)]
            _, (exact, revisions) = self._reader.search(lambda view: searches)
            hits = queries.committed(exact, queries.revisions_of(revisions))
        ids, cosines, match = queries.exact_scores(hits, terms)
        ranking = rank_candidates(
            query,
            terms,
            ids,
            searcher.embedder.scale.similarities(cosines),
            match,
            generation=searcher.generation,
            passages=found.allowed.passages,
            absent=[term for term in dict(terms.weights) if not frequency(term)],
            synonyms=held_synonyms(query.synonyms, query.languages[0], frequency),
            partial=self._reader.is_partial,
        )
        if searcher.reranker is None or query.lexical_only:
            return ranking
        return rerank(ranking, searcher.reranker, RERANKED, self.passages)

    def best_similarity(self, vector: Vector) -> float:
        length = float(np.linalg.norm(vector))
        if not length:
            return 0.0
        _, (nearest,) = self._reader.search(lambda view: [queries.dense_search(vector, self._allowed)])
        numbers = sorted(set(map(number_of, queries.ids_of([nearest]))))
        if not numbers:
            return 0.0
        _, (revisions,) = self._reader.search(lambda view: [queries.revisions_search(numbers)])
        hits = queries.committed(nearest, queries.revisions_of(revisions))
        best = np.array([max((queries.cosine(hit["_score"]) for hit in hits), default=0.0) * length])
        return float(self._searcher.embedder.scale.similarities(best, length)[0])

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        unknown = [passage_id for passage_id in ids if passage_id not in self._passages]
        if unknown:
            # Their neighbours are asked for next, and cost no round trip then.
            wanted = sorted({near for each in unknown for near in (each - 1, each, each + 1)} - self._passages.keys())
            self._passages |= dict.fromkeys(wanted) | read_passages(
                lambda searches: self._reader.search(lambda view: searches)[1], wanted
            )
        return [stored for passage_id in ids if (stored := self._passages.get(passage_id))]

    def close(self) -> None:
        self._reader.close()

    def _first_results(self, query: PreparedQuery) -> _FirstResults:
        possible, weights = self._searcher.possible_terms(query)
        legs = [queries.lexical_search(weights, self._allowed), queries.dense_search(query.vector, self._allowed)]
        scopes = list(dict.fromkeys([self._audience, self._allowed]))
        unknown: list[str] = []
        uncounted: list[Filter | None] = []

        def searches(view: View) -> list[Body]:
            unknown[:] = sorted(possible - view.frequencies.get(self._audience, {}).keys())
            uncounted[:] = [scope for scope in scopes if scope not in view.totals]
            frequencies = [queries.frequencies_search(unknown, self._audience)] if unknown else []
            return [*legs, *map(queries.totals_search, uncounted), *frequencies]

        view, (lexical, dense, *counted) = self._reader.search(searches)
        view.totals.update({scope: queries.totals_of(counted.pop(0)) for scope in uncounted})
        known = view.frequencies.setdefault(self._audience, {})
        for result in counted:
            known.update(queries.frequencies_of(unknown, result))
        ids = queries.ids_of([lexical, dense])
        return _FirstResults(ids, dict(known), view.totals[self._audience], view.totals[self._allowed])


def read_passages(search: Callable[[Sequence[Body]], Sequence[object]], ids: Sequence[int]) -> dict[int, StoredPassage]:
    """The committed passages among `ids`. `search`: runs several searches of the same moment."""
    found: dict[int, StoredPassage] = {}
    for first in range(0, len(ids), queries.PASSAGES_AT_ONCE):
        some = ids[first : first + queries.PASSAGES_AT_ONCE]
        numbers = sorted(set(map(number_of, some)))
        passages, records = search([queries.passages_search(some), queries.records_search(numbers)])
        by_number = {record.stored.number: record for record in queries.records_of(records)}
        revisions = {number: record.revision for number, record in by_number.items()}
        for hit in queries.committed(passages, revisions):
            passage_id = int(hit["fields"]["id"][0])
            found[passage_id] = stored_passage(passage_id, by_number[number_of(passage_id)], hit["_source"])
    return found

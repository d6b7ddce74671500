"""An engine whose searches find the texts that were valid at a time.

Earlier texts are in no index. The present texts are ranked first; of the documents found, those whose text was replaced since are ranked
again by the text that they had, and those that were not there are left out. So a document is found only if its present text is among the
nearest to the question, in meaning or by words.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from corpus.splitting.passages import split
from corpus.types import Document
from index.engine import EngineView, Snapshot
from index.filters import Filter
from index.ranking.features import match_passages, term_hash
from index.ranking.query import PreparedQuery
from index.ranking.result import Ranking
from index.ranking.scoring import rank_candidates
from index.text.analysis import terms
from index.types import DamagedRow, DocumentVersion, LexicalMatch, LexicalQuery, StoredPassage, Vector
from qa.answering.answerer import Answerer

MAX_DOCUMENTS = 50  # replaced since, whose earlier text is read for a question: the first in the ranking
# Of earlier texts, that are embedded for a question: those with most of its words. With 300 a question took 3.4 s of one core.
MAX_PASSAGES = 100
# The ids of passages of earlier texts, in one search: beyond those of every engine, with as many digits as a public id may have.
FIRST_ID = 900_000_000_000_000_000


def answerer_as_of(answerer: Answerer, moment: str) -> Answerer:
    """As this one, over the documents as they were at a moment, ISO 8601, UTC, milliseconds."""
    return answerer.over(cast(EngineView, PastEngine(answerer.engine, moment)))


class PastEngine:
    """As `index.engine.EngineView`, of which it changes what a question reads. `moment`: ISO 8601, UTC, milliseconds."""

    def __init__(self, engine: EngineView, moment: str) -> None:
        self._engine, self._moment = engine, moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @property
    def version(self) -> Hashable:
        return self._moment, self._engine.version

    @contextmanager
    def snapshot(self, allowed: Filter | None = None) -> Iterator[PastSnapshot]:
        with self._engine.snapshot(allowed) as snapshot:
            yield PastSnapshot(snapshot, self._engine, self._moment)

    def content(self, document_id: str) -> Document | None:
        version = version_at(self._engine.versions(document_id), self._moment)
        return self._engine.version_content(document_id, version.stored.version) if version else None

    def passages_of(self, document_id: str) -> Sequence[StoredPassage]:
        version = version_at(self._engine.versions(document_id), self._moment)
        if version is None or version.until is None:
            return self._engine.passages_of(document_id) if version else ()
        return earlier_passages(self._engine, version, 1, FIRST_ID)


def earlier_passages(engine: EngineView, version: DocumentVersion, place: int, first_id: int) -> list[StoredPassage]:
    """The passages of an earlier text. `place`: of its document among those of one search."""
    document = engine.version_content(version.stored.id, version.stored.version)
    passages = split(document, engine.embedder, engine.embedder.max_tokens) if document else []
    stored = replace(version.stored, number=-place)  # unlike that of every document that is stored
    return [StoredPassage(first_id + number, stored, passage) for number, passage in enumerate(passages)]


def version_at(versions: Sequence[DocumentVersion], moment: str) -> DocumentVersion | None:
    """The version that was valid at a moment; None if the document was not there, or the version is not kept."""
    for version in versions:
        if version.since <= moment:
            return version if version.until is None or moment < version.until else None
    return None


@dataclass(frozen=True, slots=True)
class _Texts:
    """Passages with the terms of each in the question's language, those of the title first, and the number of those."""

    passages: Sequence[StoredPassage]
    terms: Sequence[Sequence[str]]
    title_lengths: Sequence[int]

    @classmethod
    def of(cls, passages: Sequence[StoredPassage], language: str) -> _Texts:
        titles = [terms(stored.document.title, language) for stored in passages]
        bodies = [terms("\n".join((*stored.passage.headings, stored.passage.text)), language) for stored in passages]
        both = [title + body for title, body in zip(titles, bodies, strict=True)]
        return cls(passages, both, [len(title) for title in titles])

    def match(self, weights: LexicalQuery) -> LexicalMatch:
        hashed = np.array([term_hash(term) for found in self.terms for term in found], np.uint32)
        lengths = np.array([len(found) for found in self.terms], np.int64)
        numbers = np.array([stored.document.number for stored in self.passages], np.int64)
        return match_passages(weights, numbers, hashed, lengths, np.array(self.title_lengths, np.int32))


class PastSnapshot:
    """See `index.engine.Snapshot`."""

    def __init__(self, snapshot: Snapshot, engine: EngineView, moment: str) -> None:
        self._now, self._engine, self._moment = snapshot, engine, moment
        self._earlier: dict[int, StoredPassage] = {}

    def search(self, query: PreparedQuery) -> Ranking:
        ranking = self._now.search(query)
        similarities = {each.passage_id: each.similarity for each in ranking.candidates}
        found = self._now.passages(list(similarities))
        # A document's last change is no earlier than its text, and its first version no later than any.
        valid = [stored for stored in found if stored.document.changed <= self._moment]
        replaced = [stored for stored in found if stored.document.added <= self._moment < stored.document.changed]
        earlier, unchanged = self._passages_then(dict.fromkeys(stored.document.id for stored in replaced))
        valid += [stored for stored in replaced if stored.document.id in unchanged]
        if len(valid) == len(found):
            return ranking
        self._earlier = {stored.id: stored for stored in earlier}
        texts = _Texts.of([*valid, *earlier], ranking.language)
        return self._rank_again(query, ranking, texts, [similarities[stored.id] for stored in valid])

    def best_similarity(self, vector: Vector) -> float:
        return self._now.best_similarity(vector)

    def passages(self, ids: Sequence[int]) -> list[StoredPassage]:
        now = {stored.id: stored for stored in self._now.passages([each for each in ids if each not in self._earlier])}
        found = (self._earlier.get(each) or now.get(each) for each in ids)
        return [stored for stored in found if stored]

    def _passages_then(self, document_ids: dict[str, None]) -> tuple[list[StoredPassage], set[str]]:
        """The passages that documents had, and the ids of those whose text is the same."""
        earlier: list[StoredPassage] = []
        unchanged: set[str] = set()
        for place, document_id in enumerate(list(document_ids)[:MAX_DOCUMENTS], 1):
            with suppress(DamagedRow):
                version = version_at(self._engine.versions(document_id), self._moment)
                if version is None:
                    continue
                if version.until is None:
                    unchanged.add(document_id)
                else:
                    earlier += earlier_passages(self._engine, version, place, FIRST_ID + len(earlier))
        return earlier, unchanged

    def _rank_again(self, query: PreparedQuery, ranking: Ranking, texts: _Texts, known: Sequence[float]) -> Ranking:
        """`known`: the similarities of the first of the texts, which are present ones."""
        own = set(terms(ranking.meant, ranking.language))
        weights = LexicalQuery(
            tuple((term, weight) for term, weight in ranking.term_weights.items() if term in own),
            expansions=(),
            mean_length=float(np.mean([len(found) for found in texts.terms] or [1])),
            context=tuple((term, weight) for term, weight in ranking.term_weights.items() if term not in own),
        )
        match = texts.match(weights)
        by_words = np.argsort(-match.share[len(known) :], kind="stable")[:MAX_PASSAGES] + len(known)
        embedder = self._engine.embedder
        vectors = embedder.embed_passages([texts.passages[place].passage.searchable_text for place in by_words.tolist()])
        places = np.concatenate([np.arange(len(known)), by_words])
        similarities = np.concatenate([np.array(known, np.float32), embedder.scale.similarities(vectors @ query.vector)])
        held = {term for found in texts.terms for term in found}
        return rank_candidates(
            replace(query, question=ranking.question),
            weights,
            np.array([texts.passages[place].id for place in places.tolist()], np.int64),
            similarities.astype(np.float32),
            match.at(places),
            generation=ranking.generation,
            passages=ranking.passages,
            absent=[term for term in ranking.absent if term not in held],
            synonyms=[
                pair for pair in query.synonyms if pair in ranking.synonyms or held.issuperset(terms(pair[1], ranking.language))
            ],
            partial=ranking.partial,
        )

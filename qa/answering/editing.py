"""Applies an editor's rules to one question: hides before the ranking, breaks its ties, pins beside it.

Confidence is of what is not pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from index.engine import EngineView, Snapshot
from index.filters import Combination, Comparison, Filter, both, collection_of, of_collection
from index.ranking.query import PreparedQuery
from index.ranking.recency import CONSIDERED, day_of, prefer_recent
from index.ranking.result import Ranking
from index.types import DamagedRow, StoredPassage
from qa.answering.answer import NOTHING_CURATED, Curated, Result
from qa.answering.selection import marked
from qa.curation.rules import Curation, Place, Rule

MAX_PINNED = 5


@dataclass(frozen=True, slots=True)
class Editing:
    """The rules for one question, over what the asker may read. `filter`: the asker's. `recent_types`: as of Curation."""

    engine: EngineView
    filter: Filter | None
    rules: Sequence[Rule] = ()
    recent_types: Collection[str] = ()

    @property
    def allowed(self) -> Filter | None:
        """The filter without hidden documents."""
        hidden: dict[str | None, dict[str, None]] = {}
        for place in self._hidden():
            if not place.text:
                hidden.setdefault(place.collection, {})[place.document] = None
        allowed = self.filter
        for collection, ids in hidden.items():
            shown: Filter = Comparison("nin", "id", tuple(ids))
            if collection is not None:
                shown = Combination("or", (Comparison("ne", "collection", collection), shown))
            allowed = both(allowed, shown)
        return allowed

    def shows(self, stored: StoredPassage) -> bool:
        return not any(place.holds(stored) for place in self._hidden())

    def without_hidden(self, ranking: Ranking, snapshot: Snapshot) -> Ranking:
        """The ranking without passages that are hidden by their text."""
        if not any(place.text for place in self._hidden()):
            return ranking
        ids = [candidate.passage_id for candidate in ranking.candidates]
        hidden = {stored.id for stored in snapshot.passages(ids) if not self.shows(stored)}
        kept = np.array([place for place, each in enumerate(ids) if each not in hidden], int)
        return replace(
            ranking,
            candidates=[ranking.candidates[place] for place in kept.tolist()],
            contributions={name: part[kept] for name, part in ranking.contributions.items()},
        )

    def prefer_recent(self, ranking: Ranking, snapshot: Snapshot) -> Ranking:
        """Of documents of the types that the editor names the newer first, where they are about as good."""
        if not self.recent_types:
            return ranking
        first = snapshot.passages([candidate.passage_id for candidate in ranking.candidates[:CONSIDERED]])
        days = {each.id: day_of(each.document.date) for each in first if each.document.type in self.recent_types}
        return prefer_recent(ranking, {passage_id: day for passage_id, day in days.items() if day is not None})

    def apply(self, query: PreparedQuery, ranking: Ranking) -> Curated:
        """What is shown beside the ranking of this query. Not inside a snapshot."""
        if not self.rules and not ranking.synonyms:
            return NOTHING_CURATED
        places = list(dict.fromkeys(place for rule in self.rules for place in rule.pin))
        found = {result.stored.id: result for place in places if (result := self._pinned(place, query))}
        hidden = dict.fromkeys(place.document for place in self._hidden() if self._exists(place))
        return Curated(
            pinned=list(found.values())[:MAX_PINNED],
            hidden=list(hidden),
            stop_answer=next((rule.stop_answer for rule in self.rules if rule.stop_answer), None),
            synonyms=ranking.synonyms,
        )

    def _hidden(self) -> list[Place]:
        return [place for rule in self.rules for place in rule.hide]

    def _pinned(self, place: Place, query: PreparedQuery) -> Result | None:
        """The best passage of a pinned document, or the first with the text; None if the filter or access does not allow it."""
        within = of_collection(place.collection, both(self.allowed, Comparison("eq", "id", place.document)))
        with self.engine.snapshot(within) as snapshot:
            ranking = snapshot.search(query)
            found = snapshot.passages([candidate.passage_id for candidate in ranking.candidates])
        if found and place.text:  # it need not be a candidate
            with suppress(DamagedRow):
                found = self.engine.passages_of(place.document)
        stored = next((each for each in found if place.holds(each) and self.shows(each)), None)
        if stored is None:
            return None
        scores = {candidate.passage_id: candidate.score / ranking.best_possible for candidate in ranking.candidates}
        start, end = marked(stored, (), ranking.term_weights, ranking.language)
        base = stored.passage.start
        score = min(max(scores.get(stored.id, 0.0), 0.0), 1.0)
        return Result(stored, score, (start, end), stored.passage.text[start - base : end - base])

    def _exists(self, place: Place) -> bool:
        with suppress(DamagedRow):
            document = self.engine.document(place.document)
            return document is not None and place.is_in(document)
        return False


def edit(
    curation: Curation, whole: str, prepare: Callable[[bool], PreparedQuery], engine: EngineView, filter_: Filter | None
) -> tuple[PreparedQuery, Editing]:
    """The query of a question with its synonyms, and the rules for it.

    `prepare`: prepares it, with its spelling corrected or not. A question with synonyms is not corrected: no document may have its words.
    """
    collection = _asked_collection(curation, engine, filter_)
    query, synonyms = prepare(True), curation.synonyms_for(whole, collection)
    if synonyms and (query.question != whole or query.alternatives):
        query = prepare(False)
    query = replace(query, synonyms=curation.synonyms_for(query.question, collection))
    rules = curation.rules_for((whole, query.question), collection) if curation.rules else ()
    return query, Editing(engine, filter_, rules, curation.recent_types)


def _asked_collection(curation: Curation, engine: EngineView, filter_: Filter | None) -> str | None:
    """The collection that alone is asked: all that the asker may read, in the collection that the filter names if it does, is in it.

    None if there is none, or the curation says nothing of it.
    """
    named = collection_of(filter_)
    if not curation.depends_on(named):
        return None
    found = engine.facets("collection", of_collection(named), 2)
    return str(found[0][0]) if len(found) == 1 else None

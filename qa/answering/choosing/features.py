"""The features of a unit for a question: how well its words, its structure and its passage fit. Pure, about 50 µs a unit.

Each is 0 to 1 or near it. Shares are of the question's idf. `FEATURES` names the columns; `fit` of `benchmarks/reader` learns the weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from index.ranking.result import Candidate, Ranking
from index.text.analysis import stems
from index.types import Matrix, StoredPassage
from qa.answering.choosing.expectation import HARD, Expected, expectations, has
from qa.answering.choosing.words import analyse, opens_with_pronoun, prefixes, tokens
from qa.answering.question.names import names_and_numbers, share_missing
from qa.answering.units.unit import Unit, UnitKind

WINDOW = 12  # words; a larger distance adds nothing to proximity

_NEGATION = re.compile(r"\b(?:not|no|never|cannot|nor|without|unless|\w+n['’]t)\b", re.IGNORECASE)

FEATURES = (
    "covered",  # by the unit's own words
    "covered by lead-in",  # and not by the unit; the next three likewise
    "covered by headings",
    "covered by sentence before",
    "covered by sentence before a pronoun",
    "covered by word beginnings",
    "heaviest word missing",  # from the unit, its lead-in and headings
    "close together",
    "precision",  # share of the unit's terms that are in the question
    "names missing",  # from the unit, its lead-in and headings
    "names missing from document",
    "rank",
    "passage score",
    "passage score behind first",
    "similarity",
    "passage words",
    "best passage of its document",
    "passages of its document",
    "has what is expected",
    "lacks what is expected",
    "yes or no",
    "yes or no without condition",
    "way",
    "way without instruction",
    "reason",
    "reason without cause",
    "list",
    "list expected and unit is a list",
    "list expected and unit is an item",
    "list not expected and unit is a list",
    "item",
    "row",
    "row for a figure",
    "step",
    "step for a way",
    "short",
    "long",
    "question",
    "first in document",
    "pronoun first",
    "new words",  # of the expected kind that are not in the question
    "negation",
    "negation for yes or no",
)


class UnitFeatures:
    """Computes features for one question."""

    def __init__(self, ranking: Ranking, found: Sequence[tuple[Candidate, StoredPassage]]) -> None:
        self._question = ranking.question
        self._weights = ranking.term_weights
        self._total = sum(ranking.term_weights.values()) or 1.0
        self._heaviest = max(ranking.term_weights.values(), default=0.0) or 1.0
        self._prefixes = prefixes(self._weights)
        self._expected = expectations(ranking.question)
        self._hard = [kind for kind in HARD if kind in self._expected]
        self._names = stems(names_and_numbers(ranking.question))
        self._question_words = frozenset(token.lower() for token in tokens(ranking.question))
        self._found = found
        best = max(ranking.best_possible, 1e-6)
        self._scores = [min(max(candidate.score / best, 0.0), 1.0) for candidate, _ in found]
        documents = [stored.document.number for _, stored in found]
        self._share = [documents.count(number) / len(documents) for number in documents]
        self._first_of_document = [documents.index(number) == place for place, number in enumerate(documents)]
        self._document_terms = _terms_by_document(found)

    def matrix(self, units: Sequence[Unit]) -> Matrix:
        """Shape (units, features), float32."""
        rows = [self._row(unit) for unit in units]
        return np.array(rows, np.float32).reshape(len(units), len(FEATURES))

    def _row(self, unit: Unit) -> list[float]:
        weights, text = self._weights, analyse(unit.text)
        here = text.stems
        lead_in, headings, before = (analyse(part).stems for part in (unit.lead_in, unit.headings, unit.before))
        around = here | lead_in | headings
        pronoun = opens_with_pronoun(unit.text)
        from_before = self._share_of(term for term in weights if term in before and term not in around)
        prefixed = self._share_of(term for term, prefix in self._prefixes if term not in around and text.has_prefix(prefix))
        missing = max((weight for term, weight in weights.items() if term not in around), default=0.0)
        candidate, stored = self._found[unit.place]
        score = self._scores[unit.place]
        words = len(text.in_order)
        expected, kind = self._expected, unit.kind
        met = any(has(one, unit.text) for one in self._hard) if self._hard else False
        yes_no, way, reason = (one in expected for one in (Expected.YES_OR_NO, Expected.WAY, Expected.REASON))
        lists = Expected.LIST in expected
        conditional, instructs, causes = (has(one, unit.text) for one in (Expected.YES_OR_NO, Expected.WAY, Expected.REASON))
        is_list, is_item, is_row, is_step = (kind is one for one in (UnitKind.LIST, UnitKind.ITEM, UnitKind.ROW, UnitKind.STEP))
        negated = _NEGATION.search(unit.text) is not None or _NEGATION.search(unit.lead_in) is not None
        return [
            self._share_of(term for term in weights if term in here),
            self._share_of(term for term in weights if term in lead_in and term not in here),
            self._share_of(term for term in weights if term in headings and term not in here and term not in lead_in),
            from_before,
            from_before * pronoun,
            prefixed,
            missing / self._heaviest,
            self._closeness(text.in_order),
            sum(term in weights for term in here) / len(here) if here else 0.0,
            share_missing(self._names, around),
            share_missing(self._names, self._document_terms[stored.document.number] | around),
            1 / (1 + unit.place),
            score,
            self._scores[0] - score,
            candidate.similarity,
            candidate.lexical,
            self._first_of_document[unit.place],
            self._share[unit.place],
            met,
            bool(self._hard) and not met,
            yes_no,
            yes_no and not conditional,
            way,
            way and not instructs,
            reason,
            reason and not causes,
            is_list,
            lists and is_list,
            lists and is_item,
            is_list and not lists and not way,
            is_item,
            is_row,
            is_row and bool(self._hard),
            is_step,
            is_step and way,
            max(0.0, 1 - words / 6),
            math.log1p(max(words - 20, 0)) / 4,
            unit.text.rstrip().endswith("?"),
            unit.start == 0,
            pronoun,
            self._new_words(unit.text) if self._hard else 0.0,
            negated,
            negated and yes_no,
        ]

    def _share_of(self, found: Iterable[str]) -> float:
        return math.fsum(self._weights[term] for term in found) / self._total

    def _closeness(self, words: Sequence[str]) -> float:
        """The greatest share of the question within WINDOW words."""
        hits = [(place, term) for place, term in enumerate(words) if term in self._weights]
        return max((self._share_of({term for at, term in hits if 0 <= at - place < WINDOW}) for place, _ in hits), default=0.0)

    def _new_words(self, text: str) -> float:
        """1 if the text has what is expected once the question's own words are removed."""
        rest = " ".join(word for word in text.split() if word.strip(".,;:()'\"").lower() not in self._question_words)
        return float(any(has(kind, rest) for kind in self._hard))


def _terms_by_document(found: Sequence[tuple[Candidate, StoredPassage]]) -> Mapping[int, frozenset[str]]:
    """The terms of the found passages of each document, and of its title."""
    gathered: dict[int, frozenset[str]] = {}
    for _, stored in found:
        number = stored.document.number
        gathered[number] = (
            gathered.get(number, frozenset()) | analyse(stored.passage.text).stems | analyse(stored.passage.context).stems
        )
    return gathered

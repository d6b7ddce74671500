"""The features of units for a question: how well their words, their structure and their passage fit. Pure, about 20 µs a unit.

Each is 0 to 1 or near it. Shares are of the question's idf. `FEATURES` names the columns; `benchmarks.choosing.fit` learns the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from index.ranking.result import Candidate, Ranking
from index.text.analysis import stems
from index.types import Matrix, StoredPassage
from qa.answering.choosing.contained import (
    Booleans,
    Column,
    contained,
    contained_in_texts,
    names_of_documents,
    share_of_missing,
    texts_of_documents,
)
from qa.answering.choosing.expectation import HARD, Expected, expectations, has
from qa.answering.choosing.lacking import counted, counts, lacking
from qa.answering.choosing.ranges import held, quantities
from qa.answering.choosing.statements import Statement, negates, statement, states
from qa.answering.choosing.words import AnalysedText, analyse, prefixes, tokens
from qa.answering.question.names import designations, names_and_numbers, years
from qa.answering.units.unit import Unit, UnitKind

WINDOW = 12  # words; a larger distance adds nothing to proximity

FEATURES = (
    "covered",  # by the unit's own words
    "covered by lead-in",  # and not by the unit; the next three likewise
    "covered by headings",
    "covered by sentence before",
    "covered by sentence before a pronoun",
    "covered by word beginnings",
    "close together",
    "precision",  # share of the unit's terms that are in the question
    "names missing from document",
    "years missing",  # from the unit, its lead-in and headings; and what the question names by a word and a number ("Tier 5")
    "years missing from document",
    "designations missing",
    "designations missing from document",
    "range holds a number of the question",
    "ranges hold no number of the question",
    "rank",
    "passage score",
    "passage score behind first",
    "similarity",  # of its passage; `comparing` changes it
    "passage words",
    "best passage of its document",
    "passages of its document",
    "lacks an amount",  # although the question asks for one; the next four likewise
    "lacks a number",
    "lacks a time",
    "lacks a frequency",
    "lacks a contact",
    "lacks the number of what is counted",
    "place",
    "place without one",
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
    "list of steps for a way",
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
    "negation for a negated question",
)


class UnitFeatures:
    """Computes features for one question."""

    def __init__(self, ranking: Ranking, found: Sequence[tuple[Candidate, StoredPassage]]) -> None:
        self._language = ranking.language
        self._weight_of = ranking.term_weights
        self._terms = list(ranking.term_weights)
        self._weights = np.array(list(ranking.term_weights.values()))
        self._total = sum(ranking.term_weights.values()) or 1.0
        self._prefixes = dict(prefixes(self._terms))
        self._expected = expectations(ranking.question)
        self._hard = [kind for kind in HARD if kind in self._expected]
        self._names = stems(names_and_numbers(ranking.question), ranking.language)
        self._is_year = np.isin(self._names, years(ranking.question))
        self._counted = counted(ranking.question)
        self._designations = designations(ranking.question)
        self._quantities = quantities(ranking.question)
        self._is_negated = negates(ranking.question)
        self._question_words = frozenset(token.lower() for token in tokens(ranking.question))
        best = max(ranking.best_possible, 1e-6)
        scores = np.array([min(max(candidate.score / best, 0.0), 1.0) for candidate, _ in found])
        documents = [stored.document.number for _, stored in found]
        self._of_passage = {
            "rank": np.array([1 / (1 + place) for place in range(len(found))]),
            "passage score": scores,
            "passage score behind first": scores[:1] - scores,
            "similarity": np.array([candidate.similarity for candidate, _ in found]),
            "passage words": np.array([candidate.lexical for candidate, _ in found]),
            "best passage of its document": np.array([documents.index(number) == i for i, number in enumerate(documents)]),
            "passages of its document": np.array([documents.count(number) / len(documents) for number in documents]),
        }
        self._names_in_documents = contained(self._names, names_of_documents(self._names, found, ranking.language))
        self._texts_of_documents = texts_of_documents(found) if self._designations else []

    def matrix(self, units: Sequence[Unit]) -> Matrix:
        """Shape (units, features), float32."""
        if not units:
            return np.zeros((0, len(FEATURES)), np.float32)
        places = [unit.place for unit in units]
        columns = {name: values[places] for name, values in self._of_passage.items()}
        columns |= self._of_words(units) | self._of_numbers(units) | self._of_kind(units)
        return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)

    def _of_words(self, units: Sequence[Unit]) -> dict[str, Column]:
        """How much of the question the units and what stands around them cover."""
        texts = [analyse(unit.text, self._language) for unit in units]
        sets = [text.stems for text in texts]
        lead_ins, headings, befores = zip(*((unit.lead_in, unit.headings, unit.before) for unit in units), strict=True)
        words, count = [*self._terms, *self._names], len(self._terms)
        found = [
            contained(words, sets),
            contained_in_texts(words, lead_ins, self._language),
            contained_in_texts(words, headings, self._language),
        ]
        in_unit, in_lead_in, in_headings = (each[:, :count] for each in found)
        in_any = in_unit | in_lead_in | in_headings
        before = self._share(contained_in_texts(self._terms, befores, self._language) & ~in_any)
        names_around = np.logical_or.reduce(found)[:, count:]
        names_in_document = self._names_in_documents[[unit.place for unit in units]]
        around_or_in_document = names_around | names_in_document
        return {
            "covered": self._share(in_unit),
            "covered by lead-in": self._share(in_lead_in & ~in_unit),
            "covered by headings": self._share(in_headings & ~in_unit & ~in_lead_in),
            "covered by sentence before": before,
            "covered by sentence before a pronoun": before * [statement(unit.text).opens_with_pronoun for unit in units],
            "covered by word beginnings": self._share(self._begun(texts, in_any)),
            "close together": np.array([self._closeness(text) for text in texts]),
            "precision": in_unit.sum(axis=1) / np.maximum([len(words) for words in sets], 1),
            "names missing from document": share_of_missing(around_or_in_document),
            "years missing": share_of_missing(names_around[:, self._is_year]),
            "years missing from document": share_of_missing(around_or_in_document[:, self._is_year]),
        }

    def _of_numbers(self, units: Sequence[Unit]) -> dict[str, Column]:
        """Numbers of the question: whether a unit has "part 12", a range with its "age 17", a number for its "how many jobs"."""
        inside, outside = np.array([held(self._quantities, unit.text) for unit in units], float).T
        unnamed = unnamed_in_document = np.zeros(len(units))
        if self._designations:
            around = self._named([f"{unit.headings}\n{unit.lead_in}\n{unit.text}" for unit in units])
            unnamed = share_of_missing(around)
            unnamed_in_document = share_of_missing(
                around | self._named([self._texts_of_documents[unit.place] for unit in units])
            )
        return {
            "designations missing": unnamed,
            "designations missing from document": unnamed_in_document,
            "range holds a number of the question": inside,
            "ranges hold no number of the question": outside,
            "lacks the number of what is counted": self._without_count(units) if self._counted else np.zeros(len(units)),
        }

    def _without_count(self, units: Sequence[Unit]) -> Column:
        """Which units have no number before a word that follows "how many" in the question."""
        texts = ((unit.text, unit.lead_in, unit.headings) for unit in units)
        return np.array([not any(counts(self._counted, analyse(text, self._language)) for text in each) for each in texts])

    def _named(self, texts: Sequence[str]) -> Booleans:
        """Whether each text names each designation of the question, shape (texts, designations)."""
        return np.array([[pattern.search(text) is not None for pattern in self._designations] for text in texts])

    def _of_kind(self, units: Sequence[Unit]) -> dict[str, Column]:
        """What the units are and state, and whether that is what the question expects."""
        statements = [statement(unit.text) for unit in units]

        def lacks(kind: Expected) -> Column:
            """Which units lack what the question expects; none if it does not expect this kind."""
            return np.array([kind in self._expected and not states(kind, unit.text) for unit in units])

        def of(kind: UnitKind) -> Column:
            return np.array([unit.kind is kind for unit in units])

        expects = {kind: float(kind in self._expected) for kind in Expected}
        is_figure = float(bool(self._hard))
        met = np.array([any(states(kind, unit.text) for kind in self._hard) for unit in units])
        negated = np.array(
            [one.negates or statement(unit.lead_in).negates for unit, one in zip(units, statements, strict=True)]
        )
        words = np.array([len(analyse(unit.text, self._language).in_order) for unit in units])
        is_list, is_item, is_row, is_step = map(of, (UnitKind.LIST, UnitKind.ITEM, UnitKind.ROW, UnitKind.STEP))
        yes_no, way, reason, lists, place = (
            expects[one] for one in (Expected.YES_OR_NO, Expected.WAY, Expected.REASON, Expected.LIST, Expected.PLACE)
        )
        every = np.ones(len(units))
        return lacking(self._hard, units) | {
            "place": place * every,
            "place without one": lacks(Expected.PLACE),
            "yes or no": yes_no * every,
            "yes or no without condition": lacks(Expected.YES_OR_NO),
            "way": way * every,
            "way without instruction": lacks(Expected.WAY),
            "reason": reason * every,
            "reason without cause": lacks(Expected.REASON),
            "list": is_list,
            "list expected and unit is a list": lists * is_list,
            "list expected and unit is an item": lists * is_item,
            "list not expected and unit is a list": (1 - lists) * (1 - way) * is_list,
            "list of steps for a way": way * is_list * [one.has_steps for one in statements],
            "item": is_item,
            "row": is_row,
            "row for a figure": is_figure * is_row,
            "step": is_step,
            "step for a way": way * is_step,
            "short": np.maximum(0.0, 1 - words / 6),
            "long": np.log1p(np.maximum(words - 20, 0)) / 4,
            "question": np.array([one.asks for one in statements]),
            "first in document": np.array([unit.start == 0 for unit in units]),
            "pronoun first": np.array([one.opens_with_pronoun for one in statements]),
            "new words": np.array([has_kind and self._is_new(one) for has_kind, one in zip(met, statements, strict=True)]),
            "negation": negated,
            "negation for yes or no": yes_no * negated,
            "negation for a negated question": self._is_negated * negated,
        }

    def _share(self, contained: Booleans) -> Column:
        shares: Column = contained @ self._weights / self._total
        return shares

    def _begun(self, texts: Sequence[AnalysedText], whole: Booleans) -> Booleans:
        """Which terms have only their beginning in each text. `whole`: those that are there or around it."""
        found = np.zeros_like(whole)
        for column, term in enumerate(self._terms):
            if prefix := self._prefixes.get(term):
                for row in np.flatnonzero(~whole[:, column]).tolist():
                    found[row, column] = texts[row].has_prefix(prefix)
        return found

    def _closeness(self, text: AnalysedText) -> float:
        """The greatest share of the question within WINDOW words."""
        weights = self._weight_of
        hits = [(place, stem) for place, stem in enumerate(text.in_order) if stem in weights]
        if not hits:
            return 0.0
        near = ({term for at, term in hits if 0 <= at - place < WINDOW} for place, _ in hits)
        best: float = max(math.fsum(map(weights.__getitem__, terms)) for terms in near)  # fsum: independent of the set's order
        return best / self._total

    def _is_new(self, one: Statement) -> bool:
        """Whether it has what is expected, as it does, in words that are not in the question."""
        if one.different.isdisjoint(self._question_words):
            return True
        rest = " ".join(word for word, bare in one.words if bare not in self._question_words)
        return any(has(kind, rest) for kind in self._hard)

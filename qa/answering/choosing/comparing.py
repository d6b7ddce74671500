"""Compares units with the question by their vectors: for languages that the embedding model reads and the reading model does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from index.ranking.query import PreparedQuery
from index.types import Embedder, Matrix, Scores
from qa.answering.choosing.features import FEATURES
from qa.answering.choosing.reading import CUT_LIST
from qa.answering.units.unit import Unit

# docs/decisions/0030-multilingual.md has the figures of all three.
COMPARED_UNITS = 6  # the most promising ones
WITHIN = 2.0  # of the best score; of others no more are right
OWN_WEIGHT = 1.5  # of a unit's similarity, in weights of a passage's

_SIMILARITY = FEATURES.index("similarity")

Compare = Callable[[Sequence[Unit]], Scores]


def comparison(embedder: Embedder, query: PreparedQuery) -> Compare | None:
    """Units -> their similarities to the question, (units,), on the scale of the model; None if the model does not read its language.

    A unit is embedded as passages are, below its headings.
    """
    if query.lexical_only:
        return None

    def compare(units: Sequence[Unit]) -> Scores:
        # What may be meant by misspelt words finds passages, but the question as it stands chooses among their sentences.
        asked = query.vector if query.context else embedder.embed_question(query.question)
        return embedder.scale.similarities(embedder.embed_passages([_indexed_text(unit) for unit in units]) @ asked)

    return compare


def compared_features(units: Sequence[Unit], matrix: Matrix, scores: Scores, compare: Compare) -> Matrix:
    """The features, with the differences between the similarities of the units in doubt in place of those of their passages.

    The nearest unit keeps the best similarity of their passages: a sentence is nearer to its question than a passage is, which says
    nothing about whether it answers. `scores`: of the units without it.
    """
    places = np.argsort(-scores, kind="stable")[:COMPARED_UNITS]
    places = places[scores[places] >= scores.max() - WITHIN]
    if len(places) < 2:
        return matrix
    own = compare([units[i] for i in places])
    compared = matrix.copy()
    compared[places, _SIMILARITY] = matrix[places, _SIMILARITY].max() + OWN_WEIGHT * (own - own.max())
    return compared


def _indexed_text(unit: Unit) -> str:
    lead_in = "" if unit.text.startswith(unit.lead_in) else unit.lead_in
    return " › ".join(part for part in (unit.headings, lead_in, unit.text[:CUT_LIST]) if part)

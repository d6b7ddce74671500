"""A question's words -> what is looked up in a lexical index. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from index.analysis import STOP_WORDS, stems, words
from index.types import LexicalQuery
from index.word_statistics import RARE_SHARE, smooth_idf

JOINED_WEIGHT = 0.5


def lexical_query(
    question: str,
    document_frequency: Callable[[str], int],
    passages: int,
    mean_length: float,
    general_shares: Mapping[str, float],
    context: str = "",
    context_weight: float = 0.0,
) -> LexicalQuery:
    """The question's terms with their weights; `passages` and `mean_length` (in terms) are of the whole corpus.

    Terms that the corpus lacks keep their weight: what is found is judged against all that was asked for. Joined neighbours count
    only where the corpus has them. `context`: what was said before; those of its terms that the question lacks count
    `context_weight` times their idf.
    """

    def weight(term: str, frequency: int) -> float:
        return smooth_idf(frequency, passages, general_shares.get(term, RARE_SHARE))

    in_order = words(question)
    terms = list(dict.fromkeys(stems([word for word in in_order if word not in STOP_WORDS])))
    before = [term for term in dict.fromkeys(stems([w for w in words(context) if w not in STOP_WORDS])) if term not in terms]
    neighbours = [one + other for one, other in pairwise(in_order) if one not in STOP_WORDS and other not in STOP_WORDS]
    joined = [(term, document_frequency(term)) for term in dict.fromkeys(stems(neighbours)) if term not in terms]
    return LexicalQuery(
        tuple((term, weight(term, document_frequency(term))) for term in terms),
        tuple((term, JOINED_WEIGHT * weight(term, frequency)) for term, frequency in joined if frequency),
        mean_length or 1.0,  # nothing but stop words is stored
        tuple((term, context_weight * weight(term, document_frequency(term))) for term in before),
    )

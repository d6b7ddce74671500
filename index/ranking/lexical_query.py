"""A question's words -> what is looked up in a lexical index. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from index.text.abbreviations import NO_ABBREVIATIONS, Abbreviations
from index.text.analysis import STOP_WORDS, stems, words
from index.text.idf import RARE_SHARE, smooth_idf
from index.types import LexicalQuery

JOINED_WEIGHT = 0.5
ABBREVIATION_WEIGHT = 0.5  # of what was asked for, in all
# A word that the corpus lacks is also looked up by words of like meaning, with so much of its weight. One that the corpus has a few
# times is too, but less: in twelve passages the one that answers may well say "rules" where another says "regulations".
RELATED_WEIGHT = 0.5
KNOWN_FROM = 5  # passages
# From the first cosine on a word counts a little, from the second wholly.
LEAST_RELATED, FULLY_RELATED = 0.3, 0.6

Related = Callable[[str], Sequence[tuple[str, float]]]


def lexical_query(
    question: str,
    document_frequency: Callable[[str], int],
    passages: int,
    mean_length: float,
    general_shares: Mapping[str, float],
    *,
    context: str = "",
    context_weight: float = 0.0,
    related_words: Related = lambda word: (),
    abbreviations: Abbreviations = NO_ABBREVIATIONS,
) -> LexicalQuery:
    """The question's terms with their weights; `passages` and `mean_length` (in terms) are of the whole corpus.

    Terms that the corpus lacks keep their weight: what is found is judged against all that was asked for. Joined neighbours and
    words of like meaning (`related_words`: word -> words with their cosines) count only where the corpus has them. `context`: what
    was said before; those of its terms that the question lacks count `context_weight` times their idf.
    """

    def weight(term: str) -> float:
        return smooth_idf(document_frequency(term), passages, general_shares.get(term, RARE_SHARE))

    def known(term: str) -> bool:
        return term not in weights and term not in before and document_frequency(term) > 0

    in_order = words(question)
    content = [word for word in in_order if word not in STOP_WORDS]
    term_of = dict(zip(content, stems(content), strict=True))
    weights = {term: weight(term) for term in term_of.values()}
    said = stems([word for word in words(context) if word not in STOP_WORDS])
    before = {term: context_weight * weight(term) for term in said if term not in weights}
    besides: dict[str, float] = {}
    for term, share in (
        *((term, JOINED_WEIGHT * weight(term)) for term in _joined(in_order) if known(term)),
        *_other_forms(abbreviations, list(term_of.values()), weights),
        *_related(term_of, weights, document_frequency, related_words, known),
    ):
        if known(term):
            besides[term] = max(besides.get(term, 0.0), share)
    # A corpus of nothing but stop words has a mean length of 0.
    return LexicalQuery(tuple(weights.items()), tuple(besides.items()), mean_length or 1.0, tuple(before.items()))


def _joined(in_order: Sequence[str]) -> list[str]:
    """The terms that neighbouring words make as one."""
    return stems([one + other for one, other in pairwise(in_order) if one not in STOP_WORDS and other not in STOP_WORDS])


def _other_forms(
    abbreviations: Abbreviations, terms: Sequence[str], weights: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    for asked, others in abbreviations.other_forms(terms):
        share = ABBREVIATION_WEIGHT * sum(weights[term] for term in asked) / len(others)
        yield from ((term, share) for term in others)


def _related(
    term_of: Mapping[str, str],
    weights: Mapping[str, float],
    document_frequency: Callable[[str], int],
    related_words: Related,
    known: Callable[[str], bool],
) -> Iterator[tuple[str, float]]:
    """Known terms of like meaning; those of one word have together at most RELATED_WEIGHT of its weight."""
    for word, term in term_of.items():
        frequency = document_frequency(term)
        if frequency >= KNOWN_FROM:
            continue
        found = related_words(word)
        alike = {
            other: min((cosine - LEAST_RELATED) / (FULLY_RELATED - LEAST_RELATED), 1.0)
            for other, (_, cosine) in reversed(list(zip(stems([one for one, _ in found]), found, strict=True)))
            if known(other)
        }
        share = RELATED_WEIGHT * (1 - frequency / KNOWN_FROM) * weights[term] / max(sum(alike.values()), 1.0)
        yield from ((other, share * part) for other, part in alike.items())

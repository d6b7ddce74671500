"""Question -> weighted terms to look up in a lexical index. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from index.text.analysis import ENGLISH_ONLY, stems, stop_words, terms, words
from index.text.idf import RARE_SHARE, smooth_idf
from index.types import LexicalQuery

JOINED_WEIGHT = 0.5
SYNONYM_WEIGHT = 0.8  # of a phrase's weight, shared by the words of its synonym
# Related words of a word that the corpus lacks share this part of its weight. A rare word is expanded too, but less: among twelve
# passages the one that answers may say "rules" where another says "regulations".
RELATED_WEIGHT = 0.5
COMMON_FROM = 5  # passages with the word; from here it is not expanded
MIN_COSINE, FULL_COSINE = 0.3, 0.6  # a related word counts from the first cosine and fully from the second

RelatedWords = Callable[[str], Sequence[tuple[str, float]]]


def lexical_query(
    question: str,
    document_frequency: Callable[[str], int],
    passages: int,
    mean_length: float,
    general_shares: Mapping[str, float],
    *,
    context: str = "",
    context_weight: float = 0.0,
    alternatives: Sequence[str] = (),
    languages: Sequence[str] = ENGLISH_ONLY,
    related_words: RelatedWords = lambda word: (),
    synonyms: Sequence[tuple[str, str]] = (),
) -> LexicalQuery:
    """Weigh the question's terms by idf and add expansions that occur in the corpus.

    `passages`, `mean_length` (in terms): of the whole corpus. `context`: earlier turns; terms that the question lacks count
    `context_weight` times their idf. `alternatives`: what may be meant by words that may be misspelt. `languages`: that of the question,
    and others, whose forms of its words are searched as well. `related_words`: word -> related words with their cosines. Terms that the
    corpus lacks keep their weight, so that a match is judged against the whole question. `synonyms`: as in PreparedQuery.
    """

    def weight(term: str) -> float:
        return smooth_idf(document_frequency(term), passages, general_shares.get(term, RARE_SHARE))

    def expands(term: str) -> bool:
        return term not in weights and term not in context_weights and document_frequency(term) > 0

    in_order = words(question)
    language, *others = languages
    content = [word for word in in_order if word not in stop_words(language)]
    term_of = dict(zip(content, stems(content, language), strict=True))
    weights = {term: weight(term) for term in term_of.values()}
    context_terms = terms(context, language)
    context_weights = {term: context_weight * weight(term) for term in context_terms if term not in weights}
    expansions: dict[str, float] = {}
    for term, share in (
        *((term, JOINED_WEIGHT * weight(term)) for term in _joined_neighbours(in_order, language) if expands(term)),
        *((term, weight(term)) for term in stems(words(" ".join(alternatives)), language) if expands(term)),
        *((form, weight(form)) for form in _forms(content, others) if expands(form)),
        *_related_terms(term_of, weights, document_frequency, related_words, expands),
        *_synonym_terms(synonyms, language, weights, expands),
    ):
        expansions[term] = max(expansions.get(term, 0.0), share)
    # The mean length is 0 in a corpus of stop words.
    return LexicalQuery(tuple(weights.items()), tuple(expansions.items()), mean_length or 1.0, tuple(context_weights.items()))


def held_synonyms(
    synonyms: Sequence[tuple[str, str]], language: str, document_frequency: Callable[[str], int]
) -> tuple[tuple[str, str], ...]:
    """The synonyms whose words passages hold."""
    return tuple(pair for pair in synonyms if all(document_frequency(term) for term in terms(pair[1], language)))


def _joined_neighbours(in_order: Sequence[str], language: str) -> list[str]:
    """Terms of neighbouring words written as one."""
    stop = stop_words(language)
    return stems([one + other for one, other in pairwise(in_order) if one not in stop and other not in stop], language)


def _forms(content: Sequence[str], languages: Sequence[str]) -> Iterator[str]:
    """The terms of words in each of the languages."""
    for language in languages:
        stop = stop_words(language)
        yield from stems([word for word in content if word not in stop], language)


def _synonym_terms(
    synonyms: Sequence[tuple[str, str]], language: str, weights: Mapping[str, float], expands: Callable[[str], bool]
) -> Iterator[tuple[str, float]]:
    """The terms of synonyms; those of one synonym share SYNONYM_WEIGHT of the weight of the phrase that it stands for."""
    for phrase, synonym in synonyms:
        others = terms(synonym, language)
        share = SYNONYM_WEIGHT * sum(weights.get(term, 0.0) for term in set(terms(phrase, language))) / max(len(others), 1)
        yield from ((other, share) for other in others if expands(other))


def _related_terms(
    term_of: Mapping[str, str],
    weights: Mapping[str, float],
    document_frequency: Callable[[str], int],
    related_words: RelatedWords,
    expands: Callable[[str], bool],
) -> Iterator[tuple[str, float]]:
    """Related terms of rare words with their weights; those of one word share at most RELATED_WEIGHT of its weight."""
    for word, term in term_of.items():
        frequency = document_frequency(term)
        if frequency >= COMMON_FROM:
            continue
        found = related_words(word)
        # Reversed: of two words with one stem the nearer counts.
        strengths = {
            other: min((cosine - MIN_COSINE) / (FULL_COSINE - MIN_COSINE), 1.0)
            for other, (_, cosine) in reversed(list(zip(stems([one for one, _ in found]), found, strict=True)))
            if expands(other)
        }
        share = RELATED_WEIGHT * (1 - frequency / COMMON_FROM) * weights[term] / max(sum(strengths.values()), 1.0)
        yield from ((other, share * strength) for other, strength in strengths.items())

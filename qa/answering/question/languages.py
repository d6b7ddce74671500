"""The language of a question, those that its words are taken for, and notices about languages that the model does not support."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from corpus.languages import detect, name
from index.filters import Scalar
from index.text.analysis import ENGLISH, analysed_as, language_of, words

MIN_CORRECTED_SHARE = 0.1  # of the documents, for corrections of questions in that language
MIN_SHARE = 0.05  # of the documents, in a language whose forms of every question's words are searched


def question_languages(question: str, detected: str | None, documents: Sequence[tuple[Scalar, int]]) -> tuple[str, ...]:
    """Whose stems and stop words a question's words have: its own first, or the documents' commonest if it is not one of theirs, and then
    the other ones, whose forms are searched as well.

    `detected`: the question's language, None if it is not known. `documents`: their known languages with their numbers.
    """
    own = language_of(words(question), detected)
    counts: Counter[str] = Counter()
    for code, count in documents:
        counts[analysed_as(str(code))] += count
    common = [code for code, count in counts.most_common() if count >= MIN_SHARE * counts.total()]
    # What is not recognised is analysed as English, and what is foreign has the names of the documents.
    is_theirs = not counts or (own in counts and (own != ENGLISH or (detected is not None and own in common)))
    return tuple(dict.fromkeys((own, *common) if is_theirs else (*common, own)))


def is_foreign(question: str, detected: str | None, documents: Sequence[tuple[Scalar, int]]) -> bool:
    """Whether a question is in another language than nearly all documents, English if none is known: their words are no corrections of
    its words. A question with foreign names seems to be English; letters with accents tell that it is not.
    """
    least = MIN_CORRECTED_SHARE * sum(count for _, count in documents)
    known = {code for code, count in documents if count >= least} or {ENGLISH}
    accents = any(letter.isalpha() and not letter.isascii() for letter in question)
    return detected not in (None, *known) or (accents and known == {ENGLISH})


def unsupported_language(text: str, supported: Collection[str]) -> str | None:
    """The code of the text's language if the model does not support it; None if it does or the language is not detected.

    `supported`: codes of the model's languages, empty for all.
    """
    language = detect(text) if supported else None
    return language if language not in (None, *supported) else None


def language_notice(question_language: str | None, passage_language: str | None, supported: Collection[str]) -> str | None:
    """A notice for the reader if the question or the first passage is in a language that the model does not support."""
    if question_language:
        language = name(question_language)
        return f"The question seems to be in {language}; the model supports {_names(supported)}, so passages were found by words alone."
    if supported and passage_language and passage_language not in supported:
        return (
            f"This passage is in {name(passage_language)}; the model supports {_names(supported)}, so its rank may be too low."
        )
    return None


def _names(codes: Collection[str]) -> str:
    return " and ".join(name(code) for code in sorted(codes))

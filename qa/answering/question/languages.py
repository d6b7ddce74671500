"""The language of a question, and notices about languages that the embedding model does not support."""

from __future__ import annotations

from collections.abc import Collection

from corpus.languages import detect, name


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

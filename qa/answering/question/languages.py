"""Which languages the embedding model serves, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Collection

from corpus.languages import detect, name


def unserved_language(text: str, served: Collection[str]) -> str | None:
    """The code of the language of a question that the model does not serve; None where it serves it or none can be told.

    `served` is empty where the model serves every language.
    """
    language = detect(text) if served else None
    return language if language not in (None, *served) else None


def notice(question_language: str | None, passage_language: str | None, served: Collection[str]) -> str | None:
    """What to tell a person whose question, or whose answer, is in a language that the model does not serve."""
    if question_language:
        asked = f"The question seems to be in {name(question_language)}"
        return f"{asked}; the model serves {_names(served)}, so passages were found by words alone."
    if served and passage_language and passage_language not in served:
        return f"This passage is in {name(passage_language)}; the model serves {_names(served)}, so it may rank worse than it should."
    return None


def _names(codes: Collection[str]) -> str:
    return " and ".join(name(code) for code in sorted(codes))

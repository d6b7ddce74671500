"""The words of an embedding model's vocabulary."""

from __future__ import annotations

from collections.abc import Mapping


def whole_words(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Those tokens that are words, in lower case: WordPiece marks what continues a word, SentencePiece and BPE what begins one."""
    marks = tuple("▁Ġ")
    begun = any(token.startswith(marks) for token in vocabulary)
    words: dict[str, int] = {}
    for token, rank in sorted(vocabulary.items(), key=lambda item: -item[1]):
        word = token[1:] if begun and token.startswith(marks) else "" if begun else token
        if len(word) > 1 and word.isalpha():
            words[word.lower()] = rank
    return words

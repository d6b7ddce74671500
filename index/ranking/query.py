"""A question prepared for a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from index.text.analysis import ENGLISH_ONLY
from index.types import Embedder, Vector


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """`question`: its text with the spelling corrected; `embed`: returns its vector, and waits while that is being computed.

    `languages`: those to take its words for, its own first, then others of the documents.
    `alternatives`: what may be meant by words that may be misspelt, searched as well. `meant`: the question with these instead, ""
    if there are none.
    `context`: earlier turns, whose terms count `context_weight` times their idf. `lexical_only`: rank by words, and by similarity
    only where no word is found: the model cannot read the question's language. `synonyms`: phrases of the question, each with a phrase
    whose words find passages too.
    """

    question: str
    embed: Callable[[], Vector]
    context: str = ""
    context_weight: float = 0.0
    lexical_only: bool = False
    alternatives: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, str], ...] = ()
    languages: tuple[str, ...] = ENGLISH_ONLY
    meant: str = ""

    @property
    def vector(self) -> Vector:
        """Unit length."""
        return self.embed()


def embed_together(embedder: Embedder, texts: Sequence[str]) -> Vector:
    """The direction between the vectors of one or more texts, unit length."""
    vectors = [embedder.embed_question(text) for text in texts]
    if len(vectors) == 1:
        return vectors[0]
    total = np.sum(vectors, axis=0)
    unit: Vector = total / np.linalg.norm(total)
    return unit

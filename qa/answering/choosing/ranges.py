"""Whether a text's ranges ("aged 18 to 24", "more than £20,000") hold the numbers of a question ("I'm 22"). Pure; for English."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qa.answering.choosing.words import CACHED_QUESTIONS, CACHED_TEXTS

_MONEY_SIGNS = "£$€"
_FIGURE = r"[£$€]?\d[\d,]*(?:\.\d+)?(?:k\b)?"
_UNITS = r"(?:[ -](?:years?|months?|weeks?|days?|hours?|pounds|children|people|employees|miles)(?: olds?)?)?"
_ONE = re.compile(_FIGURE)
_ASKED = re.compile(rf"(?<![\w.,/-]){_FIGURE}(?![\w/%]|[.,:]\d|(?:st|nd|rd|th)\b)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NEAR = 1e-3

_ABOVE = r"(?:over|above|more than|older than|exceed(?:s|ing)?|greater than)"
_AT_LEAST = r"(?:at least|minimum of|not less than|from)"
_BELOW = r"(?:under|below|less than|fewer than|younger than)"
_AT_MOST = r"(?:up to|no more than|not more than|at most|maximum of)"
# The first pattern that matches at a place counts. Groups are lower or upper limits; those of `over` and `under` are outside.
_RANGES = re.compile(
    rf"(?:between )?(?P<low>{_FIGURE}){_UNITS}(?: (?:to|and)(?: (?:under|up to))? |\s?[–-]\s?)(?P<high>{_FIGURE})"
    rf"|{_ABOVE} (?P<over>{_FIGURE}){_UNITS}(?:,? (?:but|and|to)?\s?(?:{_BELOW}|{_AT_MOST}) (?P<over_to>{_FIGURE}))?"
    rf"|{_AT_LEAST} (?P<least>{_FIGURE}){_UNITS}(?:,? (?:but|and|to) (?:{_BELOW}|{_AT_MOST})? ?(?P<least_to>{_FIGURE}))?"
    rf"|{_BELOW} (?P<under>{_FIGURE})"
    rf"|{_AT_MOST} (?P<most>{_FIGURE})"
    rf"|(?P<up>{_FIGURE}){_UNITS} (?:or|and) (?:over|more|above|older)\b"
    rf"|(?P<down>{_FIGURE}){_UNITS} (?:or|and) (?:under|less|below|fewer|younger)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    value: float
    is_money: bool


@dataclass(frozen=True, slots=True)
class Range:
    """`open`: the limits are outside of it."""

    low: float
    high: float
    is_money: bool
    open: bool = False

    @property
    def inside(self) -> Quantity:
        """A number inside it: near its only limit, or in the middle of two."""
        if self.high == math.inf:
            return Quantity(self.low + (_NEAR if self.open else 0), self.is_money)
        if self.low == 0:
            return Quantity(self.high - (_NEAR if self.open else 0), self.is_money)
        return Quantity((self.low + self.high) / 2, self.is_money)

    def holds(self, number: Quantity) -> bool:
        if number.is_money != self.is_money:
            return False
        return self.low < number.value < self.high if self.open else self.low <= number.value <= self.high


@lru_cache(maxsize=CACHED_QUESTIONS)
def quantities(question: str) -> Sequence[Quantity]:
    """Its numbers that are no years, dates, percentages or parts of words; of a range a number inside it."""
    stated = tuple(_ranges(question))
    rest = _RANGES.sub(" ", question) if stated else question
    single = (_quantity(match[0]) for match in _ASKED.finditer(rest) if not _YEAR.fullmatch(match[0]))
    return (*(each.inside for each in stated), *single)


@lru_cache(maxsize=CACHED_TEXTS)
def ranges(text: str) -> Sequence[Range]:
    return tuple(_ranges(text))


def _ranges(text: str) -> Iterator[Range]:
    for match in _RANGES.finditer(text):
        found = {name: _quantity(value) for name, value in match.groupdict().items() if value}
        if any(_YEAR.fullmatch(value) for value in match.groupdict().values() if value):
            continue
        is_money = any(quantity.is_money for quantity in found.values())
        low = next((found[name].value for name in ("low", "over", "least", "up") if name in found), 0.0)
        high = next(
            (found[name].value for name in ("high", "over_to", "least_to", "under", "most", "down") if name in found), math.inf
        )
        yield Range(low, high, is_money, open=match.lastgroup in ("over", "under"))


def _quantity(figure: str) -> Quantity:
    is_money = figure[0] in _MONEY_SIGNS
    number = figure.strip(_MONEY_SIGNS).replace(",", "")
    thousand = number[-1] in "kK"
    return Quantity(float(number.rstrip("kK")) * (1000 if thousand else 1), is_money or thousand)


def held(asked: Sequence[Quantity], text: str) -> tuple[bool, bool]:
    """Whether a range of the text holds one of the numbers; whether it has ranges of their kind and none does."""
    if not asked:
        return False, False
    found = [each for each in ranges(text) if any(each.is_money == number.is_money for number in asked)]
    inside = any(each.holds(number) for each in found for number in asked)
    return inside, bool(found) and not inside

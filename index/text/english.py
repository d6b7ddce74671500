"""Whether a word is English: in the word list of the package symspellpy, an inflection of such a word, or formed from one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from index.text.analysis import stems

_LIST = "frequency_dictionary_en_82_765.txt"  # a word and its frequency a line
# Letters of the word that another is formed from. "renewel" is not "newel" with a prefix.
_MIN_BASE, _MIN_BASE_OF_SHORT = 4, 6
_SHORT = 3  # letters of a prefix
# fmt: off
_PREFIXES = tuple(
    "anti auto bi co counter cross de dis down electro extra fore hyper hypo il im in inter intra ir macro mega micro mid mini mis mono"
    " multi nano neo neuro non off out over para photo poly post pre pro proto pseudo psycho quasi re semi sub super tele thermo trans"
    " ultra un under uni up".split()
)
_SUFFIXES = tuple(
    "able fold free ful hood ise ish ism ist ize less like man men most ness person proof side ward wards wise woman work".split()
)
# fmt: on


def is_english(word: str) -> bool:
    """Whether the list has the word, or the word that it is formed from. `word`: lower case, without accents."""
    return is_listed(word) or any(is_listed(base) for base in _bases(word))


def is_listed(word: str) -> bool:
    """Whether the list has the word or one with the same stem. Reads the list when it is first called (a tenth of a second)."""
    return stems([word])[0] in _listed_stems()


def _bases(word: str) -> Iterator[str]:
    """The word without a prefix, or without a suffix."""
    for prefix in _PREFIXES:
        base = word.removeprefix(prefix)
        if base != word and len(base) >= (_MIN_BASE if len(prefix) > _SHORT else _MIN_BASE_OF_SHORT):
            yield base
    for suffix in _SUFFIXES:
        for ending in (suffix, f"{suffix}s"):
            base = word.removesuffix(ending)
            if base != word and len(base) >= _MIN_BASE:
                yield base


@cache
def _listed_stems() -> frozenset[str]:
    lines = files("symspellpy").joinpath(_LIST).read_text("utf-8-sig").splitlines()
    return frozenset(stems([line.partition(" ")[0] for line in lines]))

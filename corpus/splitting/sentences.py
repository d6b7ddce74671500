"""Splits text into paragraphs and sentences, as code-point spans.

Uses rules instead of a trained model: exact offsets, no data files, the same result on every machine. A full stop ends a sentence
unless it belongs to an abbreviation, an initial, a number or a German ordinal. Stops of other scripts (。؟।) are supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpus.types import Span

_CLOSERS = "\"'”’»)\\]}›」』）"
# A run of stops with closing quotes and brackets, then white space (not after full-width stops).
_STOP = re.compile(rf"(?:[.!?…‽؟۔।॥]+[{_CLOSERS}]*(?=\s)|[。！？｡]+[{_CLOSERS}]*)")
_WORD_BEFORE_STOP = re.compile(r"[^\s(\[“‘\"']+$")
_NEXT_STARTS_LOWER = re.compile(r"\s+[\"'“‘(\[]*[a-zß-öø-ÿ]")
_NEXT_IS_NUMBER = re.compile(r"\s+[(\[]?\d")

# Precede a name or a number, never end a sentence.
_TITLES = frozenset(
    "mr mrs ms mx dr prof rev hon st sr jr messrs gen col maj capt cmdr lt sgt cpl pte adm gov sen rep pres supt insp det"
    " fr sra dra lord eng arch herr hr dipl ing mag bzw vgl".split()
)
_BEFORE_NUMBER = frozenset(
    "no nos nr art arts sec secs s ss para paras p pp reg regs vol vols ch fig figs pt pts cl sch app".split()
)
# Usually inside a sentence; a capital after them starts a name.
_INNER = frozenset(
    "e.g i.e eg ie cf vs v viz etc al approx est dept ave blvd rd ext tel jan feb mar apr jun jul aug sep sept oct nov dec"
    " inc ltd co corp plc bros a.m p.m c ca z.b d.h u.a usw p.ej ee.uu".split()
)
# May also end a sentence, if a capital follows.
_MAY_CLOSE = frozenset("etc al a.m p.m inc ltd co corp plc usw ext".split())
# Mostly followed by a name ("the U.S. Government"); these words after them start a sentence.
_COUNTRIES = frozenset("u.s u.k u.n e.u".split())
_NEXT_IS_STARTER = re.compile(
    r"\s+[\"'“‘(\[]*(?:The|This|That|These|Those|It|Its|He|She|They|We|You|I|His|Her|Their|Our|Your|My|A|An|In|On|At|By|For|From|To|As"
    r"|But|And|So|If|When|While|After|Before|Since|Although|However|There|Here|What|Who|Why|How|Where|Which|No|Not|All|Some|Most|Many"
    r"|Both|Each|With|Under)\b"
)
# An ordinal, as German writes it ("am 7. Januar", "ins 19. Jahrhundert", "der 3. Platz"), by the word after it or before it.
_ORDINAL = re.compile(r"\d{1,3}")
_NEXT_IS_COUNTED = re.compile(
    r"\s+(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhunderts?|Jahrtausends?"
    r"|Jh|Jhd|Jahrestag|Geburtstag|Lebensjahr|Auflage|Ausgabe|Platz|Klasse|Etage|Bezirk|Kapitel|Absatz|Artikel)\b"
)
_BEFORE_ORDINAL = re.compile(r"\b(?:im|vom|zum|zur|der|das|dem|des|ins|beim|seit)\s+$")

_ENUMERATOR = re.compile(r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,5})[.)]|#{1,6}|[-*•–·‣▪◦+])$")

_BLANK_LINES = re.compile(r"\n[ \t\u00a0\u3000]*(?:\n[ \t\u00a0\u3000]*)+")
_LINE_STARTS_UNIT = re.compile(r"[ \t]*(?:[-*•–·‣▪◦+]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]\s|\||>|$)")


def trim(text: str, start: int, end: int) -> Span:
    """The span without white space at its ends; empty (start == end) if it is all white space."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def paragraph_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the trimmed, non-empty spans between blank lines."""
    position = start
    for blank in _BLANK_LINES.finditer(text, start, end):
        yield from _non_empty(text, position, blank.start())
        position = blank.end()
    yield from _non_empty(text, position, end)


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Trimmed, non-empty, ordered spans that cover `text[start:end]` except white space.

    List items and table rows end with their line; other line breaks are white space.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    for paragraph in paragraph_spans(text, start, end):
        for unit_start, unit_end in _units(text, *paragraph):
            spans.extend(_sentences_of_unit(text, unit_start, unit_end))
    return spans


def _non_empty(text: str, start: int, end: int) -> Iterator[Span]:
    start, end = trim(text, start, end)
    if start < end:
        yield start, end


def _units(text: str, start: int, end: int) -> Iterator[Span]:
    """Split a paragraph before each line that starts a list item or a table row."""
    unit, line = start, start
    while line < end:
        newline = text.find("\n", line, end)
        next_line = end if newline < 0 else newline + 1
        if line > unit and _LINE_STARTS_UNIT.match(text, line, end):
            yield unit, line
            unit = line
        line = next_line
    yield unit, end


def _sentences_of_unit(text: str, start: int, end: int) -> Iterator[Span]:
    position = start
    for stop in _STOP.finditer(text, start, end):
        if stop.end() < end and _ends_sentence(text, position, stop, end):
            yield from _non_empty(text, position, stop.end())
            position = stop.end()
    yield from _non_empty(text, position, end)


def _ends_sentence(text: str, sentence_start: int, stop: re.Match[str], end: int) -> bool:
    if stop[0][0] != "." or stop[0].startswith(".."):
        # After an ellipsis or question inside a sentence, a lower case letter follows.
        return stop[0][0] in "。！？｡؟۔।॥" or not _NEXT_STARTS_LOWER.match(text, stop.end(), end)
    before = _WORD_BEFORE_STOP.search(text, max(sentence_start, stop.start() - 40), stop.start())
    word = before[0].strip("*_").lower() if before else ""
    if _NEXT_STARTS_LOWER.match(text, stop.end(), end):
        return False
    if text[sentence_start : stop.end()].strip() and _ENUMERATOR.fullmatch(text[sentence_start : stop.end()].strip()):
        return False
    if word in _TITLES or _is_compound_with_title(before[0] if before else ""):
        return False
    if word in _BEFORE_NUMBER and _NEXT_IS_NUMBER.match(text, stop.end(), end):
        return False
    if _ORDINAL.fullmatch(word) and _is_ordinal(text, sentence_start, stop, word, end):
        return False
    if word in _COUNTRIES:
        return bool(_NEXT_IS_STARTER.match(text, stop.end(), end))
    if word in _INNER:
        return word in _MAY_CLOSE and not _NEXT_IS_NUMBER.match(text, stop.end(), end)
    return not _is_initial(before[0] if before else "")


def _is_ordinal(text: str, sentence_start: int, stop: re.Match[str], number: str, end: int) -> bool:
    """Whether what follows is counted by the number, in German."""
    if _NEXT_IS_COUNTED.match(text, stop.end(), end):
        return True
    start = stop.start() - len(number)
    return _BEFORE_ORDINAL.search(text, max(sentence_start, start - 8), start) is not None


def _is_compound_with_title(word: str) -> bool:
    """Whether a title ends a compound: `Trinity-St` of "Trinity-St. Paul's", `Lt-Col` of "Lt-Col. Blake"."""
    first, _, last = word.replace("–", "-").rpartition("-")
    return bool(first) and last[:1].isupper() and last.lower() in _TITLES


def _is_initial(word: str) -> bool:
    """Whether a word is initials (`J` of "J. K. Rowling", `J.R.R` of "J.R.R. Tolkien") and not the pronoun "I"."""
    letters = word.split(".")
    return word != "I" and all(len(letter) == 1 and letter.isalpha() and letter.isupper() for letter in letters)

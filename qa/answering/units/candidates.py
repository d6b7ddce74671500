"""Turns found passages and their neighbours into units. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from corpus.splitting.sentences import sentence_spans
from corpus.splitting.tables import column_heads
from corpus.types import Passage, Span
from index.types import StoredPassage
from qa.answering.units.boilerplate import is_heading_like, is_notice, names_topic
from qa.answering.units.structure import Block, Items, Paragraph, Rows, blocks
from qa.answering.units.unit import Unit, UnitKind

# In code points. A list that is no longer is quoted whole for one of its items; a longer list is cut.
SHORT_LIST, LONGEST_LIST = 450, 1200
LONGEST_ITEM = 500  # a longer item is quoted by its sentences
LONGEST_LEAD_IN = 300
CACHED_REGIONS = 512  # about 10 kB each


def neighbour_ids(found: Sequence[StoredPassage]) -> list[int]:
    """Ids that the neighbours of passages have; an engine numbers the passages of a document consecutively."""
    ids = {stored.id for stored in found}
    return sorted({stored.id + step for stored in found for step in (-1, 1)} - ids)


def gather(found: Sequence[StoredPassage], neighbours: Sequence[StoredPassage]) -> list[Unit]:
    """The units of passages, best first. `neighbours`: passages with `neighbour_ids`, of the same documents or others."""
    places = {stored.id: place for place, stored in enumerate(found)}
    by_document: dict[int, list[StoredPassage]] = {}
    for stored in sorted((*found, *neighbours), key=lambda stored: stored.passage.start):
        by_document.setdefault(stored.document.number, []).append(stored)
    gathered: list[Unit] = []
    for passages in by_document.values():
        if any(stored.id in places for stored in passages):
            together = [(places.get(stored.id), stored.passage) for stored in passages]
            for region, held in regions(together, passages[0].document.title):
                gathered += units(region, held)
    return sorted(gathered, key=lambda unit: (unit.place, unit.start))


@dataclass(frozen=True, slots=True)
class Region:
    """Consecutive passages of one section of a document. `text`: with the white space between them, not always as it is in the
    document. `starts`: the offset of each passage in the document. `heads`: the column heads of table rows, "" of other text.
    """

    start: int
    text: str
    headings: str
    starts: tuple[int, ...]
    heads: str = ""

    def passage_at(self, offset: int) -> int:
        """Which of its passages holds this offset of the document."""
        return bisect_right(self.starts, offset) - 1


@dataclass(frozen=True, slots=True)
class _Made:
    """A unit of a region. `passages`: those that it belongs to if they were found, first come first."""

    unit: Unit
    passages: Sequence[int]


def regions(passages: Sequence[tuple[int | None, Passage]], title: str) -> Iterator[tuple[Region, Sequence[int | None]]]:
    """The regions of passages of one document in text order, each passage with its place or None for a neighbour."""
    run: list[tuple[int | None, Passage]] = []
    for place, passage in passages:
        if run and not _continues(run[-1][1], passage):
            yield _region([passage for _, passage in run], title), [place for place, _ in run]
            run = []
        run.append((place, passage))
    if run:
        yield _region([passage for _, passage in run], title), [place for place, _ in run]


def units(region: Region, places: Sequence[int | None]) -> list[Unit]:
    """The units that start in a found passage of a region, or, for a list, that hold one. `places`: the rank of each passage, None for
    a neighbour.
    """
    found = []
    for made in _units(region):
        place = next((places[i] for i in made.passages if places[i] is not None), None)
        if place is not None:
            found.append(made.unit.at(place))
    return found


@lru_cache(maxsize=CACHED_REGIONS)
def _units(region: Region) -> list[_Made]:
    """The units of all passages of a region. Cached: the same passages are found again and again."""
    found: list[_Made] = []
    lead_in: Span | None = None
    before = ""
    for block in blocks(region.text):
        made, lead_in, before = _units_of(block, region, lead_in, before)
        found += made
    return found


def _continues(passage: Passage, following: Passage) -> bool:
    gap = following.start - passage.end
    return passage.headings == following.headings and passage.anchor == following.anchor and 0 <= gap <= 4


def _region(run: Sequence[Passage], title: str) -> Region:
    text = run[0].text
    for passage, following in pairwise(run):
        text += "\n" * (following.start - passage.end) + following.text
    headings = " › ".join(part for part in (title, *run[0].headings) if part)
    return Region(run[0].start, text, headings, tuple(passage.start for passage in run), column_heads(run[0]))


def _units_of(block: Block, region: Region, lead_in: Span | None, before: str) -> tuple[list[_Made], Span | None, str]:
    """The units of a block, the lead-in that it ends with, and its last sentence."""
    match block:
        case Paragraph():
            return _sentences(block, region, lead_in, before)
        case Items():
            return _list(block, region, lead_in, before), None, ""
        case Rows():
            return _rows(block, region), None, ""


def _sentences(block: Paragraph, region: Region, lead_in: Span | None, before: str) -> tuple[list[_Made], Span | None, str]:
    made = []
    text = region.text
    introduced = text[slice(*lead_in)] if lead_in else ""
    quoted_from = lead_in[0] if lead_in and introduced.endswith(":") else None  # by the first sentence
    single = len(block.sentences) == 1
    for start, end in block.sentences:
        sentence = text[start:end]
        if sentence.endswith(":"):
            continue
        is_heading = (single and is_heading_like(sentence)) or _is_title(sentence, region) or names_topic(sentence)
        if not is_heading:
            is_joined = quoted_from is not None and end - quoted_from <= SHORT_LIST
            quote = (quoted_from, end) if quoted_from is not None and is_joined else (start, end)
            made.append(_unit(region, (start, end), UnitKind.SENTENCE, quote, introduced, before))
        before, quoted_from = sentence, None
    last = block.sentences[-1] if block.sentences else None
    leads = last is not None and (text[last[1] - 1] == ":" or (single and is_heading_like(text[slice(*last)])))
    return [unit for unit in made if unit is not None], last if leads else None, before


def _list(block: Items, region: Region, lead_in: Span | None, before: str) -> list[_Made]:
    text = region.text
    items = [span for span in block.items if not is_notice(text[slice(*span)])]
    while items and text[items[-1][1] - 1] == ":":  # it introduces what follows
        items.pop()
    if not items:
        return []
    introduced = text[slice(*lead_in)] if lead_in and lead_in[1] - lead_in[0] <= LONGEST_LEAD_IN else ""
    whole_start = lead_in[0] if lead_in and introduced.endswith(":") else items[0][0]
    is_short = items[-1][1] - whole_start <= SHORT_LIST
    kind = UnitKind.STEP if block.numbered else UnitKind.ITEM
    found: list[_Made | None] = []
    if len(items) > 1:
        shown = [span for span in items if span[1] - whole_start <= LONGEST_LIST] or items[:1]
        whole = (whole_start, shown[-1][1])
        if text[whole[1] - 1] != ":":
            passages = [region.passage_at(region.start + start) for start, _ in items]
            found.append(_made(region, whole, UnitKind.LIST, whole, passages, "", before, len(items) - len(shown)))
    for start, end in items:
        if end - start > LONGEST_ITEM:
            block_of_item, _, _ = _sentences(Paragraph(sentence_spans(text, start, end)), region, lead_in, "")
            found += block_of_item
        elif text[end - 1] != ":":
            shown_for_item = (whole_start, items[-1][1]) if is_short else (start, end)
            if not is_short and introduced and end - whole_start <= SHORT_LIST:
                shown_for_item = (whole_start, end)
            found.append(_unit(region, (start, end), kind, shown_for_item, introduced, before))
    return [unit for unit in found if unit is not None]


def _rows(block: Rows, region: Region) -> list[_Made]:
    if not block.rows:
        return []
    heads = region.heads or (region.text[slice(*block.rows[0])] if len(block.rows) > 1 else "")
    rows = block.rows[1:] if heads and not region.heads else block.rows
    found = [_unit(region, span, UnitKind.ROW, lead_in=heads) for span in rows]
    return [unit for unit in found if unit is not None]


def _is_title(sentence: str, region: Region) -> bool:
    plain = sentence.strip(" .#*").casefold()
    return any(plain == part.strip().casefold() for part in region.headings.split(" › "))


def _unit(
    region: Region, span: Span, kind: UnitKind, quote: Span | None = None, lead_in: str = "", before: str = ""
) -> _Made | None:
    """None for a notice."""
    if is_notice(region.text[slice(*span)]):
        return None
    return _made(region, span, kind, quote or span, [region.passage_at(region.start + span[0])], lead_in, before)


def _made(
    region: Region, span: Span, kind: UnitKind, quote: Span, passages: Sequence[int], lead_in: str, before: str, more: int = 0
) -> _Made:
    base = region.start
    start, end, shown = base + span[0], base + span[1], (base + quote[0], base + quote[1])
    unit = Unit(start, end, kind, region.text[slice(*span)], shown, passages[0], region.headings, lead_in, before, more)
    return _Made(unit, passages)

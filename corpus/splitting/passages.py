"""Document -> Passages: at sentence ends, never across a heading, within the model's token budget. Pure.

A paragraph stays whole where it fits. Short neighbours of one section are joined until there is enough to judge by, and a
line that introduces the next ("It includes commitments to explore:") is kept with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpus.splitting.sentences import paragraph_spans, sentence_spans, trim
from corpus.types import Document, Heading, Passage, Section, Span, Tokenizer, page_at

# In tokens. Paragraphs are joined until a passage holds ENOUGH, and never beyond FULL; a single paragraph may use the budget.
ENOUGH = 50
FULL = 160
# The heading path may take this share of the budget; what is longer is cut from the embedded text (never from the passage).
CONTEXT_SHARE = 0.4
SEPARATOR = " › "


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of text that is not cut further, with its length in tokens; `opens` where it introduces what follows."""

    start: int
    end: int
    tokens: int
    opens: bool = False


def split(document: Document, tokenizer: Tokenizer, budget: int) -> list[Passage]:
    """Passages in the order of the text; together they hold all of it but white space and headings.

    `budget` is the most tokens the embedding model reads, special tokens not counted.
    Raises ValueError for a budget too small to hold anything.
    """
    if budget < 8:
        raise ValueError(f"a token budget of {budget} is too small to hold a passage; the least is 8")
    passages: list[Passage] = []
    contexts: dict[tuple[str, ...], tuple[str, int]] = {}
    for section in sections(document):
        if section.headings not in contexts:
            contexts[section.headings] = _context(document.title, section.headings, tokenizer, budget)
        context, context_tokens = contexts[section.headings]
        for start, end in _pack(document.text, section, tokenizer, budget - context_tokens):
            passages.append(
                Passage(
                    start=start,
                    end=end,
                    text=document.text[start:end],
                    headings=section.headings,
                    context=context,
                    page=page_at(document.pages, start),
                    anchor=section.anchor,
                )
            )
    return passages


def sections(document: Document) -> Iterator[Section]:
    """The text before the first heading, then the text under each; headings that hold no text of their own are left out.

    A document that is nothing but headings gives its headings as text, so that no document is empty.
    """
    path: list[Heading] = []
    ends = [heading.start for heading in document.headings] + [len(document.text)]
    found = False
    if document.text[: ends[0]].strip():
        found = True
        yield Section(0, ends[0])
    for heading, end in zip(document.headings, ends[1:], strict=True):
        while path and path[-1].level >= heading.level:
            path.pop()
        path.append(heading)
        if document.text[heading.end : end].strip():
            found = True
            titles = tuple(part.title for part in path if part.title and part.title != document.title)
            yield Section(heading.end, end, titles, _nearest_anchor(path))
    if not found and document.text.strip():
        yield Section(0, len(document.text))


def _nearest_anchor(path: Sequence[Heading]) -> str | None:
    return next((heading.anchor for heading in reversed(path) if heading.anchor), None)


def _context(title: str, headings: tuple[str, ...], tokenizer: Tokenizer, budget: int) -> tuple[str, int]:
    """The title and as many of the innermost headings as fit into their share of the budget, and its length in tokens."""
    parts = [" ".join(part.split()) for part in (title, *headings)]
    parts = [part for part in parts if part]
    while parts:
        context = SEPARATOR.join(parts)
        tokens = tokenizer.count_tokens([context + SEPARATOR.rstrip()])[0]
        if tokens <= budget * CONTEXT_SHARE:
            return context, tokens
        del parts[1 if len(parts) > 1 else 0]
    return "", 0


def _pack(text: str, section: Section, tokenizer: Tokenizer, budget: int) -> Iterator[Span]:
    current: list[_Piece] = []
    for piece in _pieces(text, section, tokenizer, budget):
        tokens = sum(part.tokens for part in current)
        fits = tokens + piece.tokens <= min(FULL, budget) or (current and current[-1].opens and tokens + piece.tokens <= budget)
        wants_more = tokens < ENOUGH or piece.tokens < ENOUGH // 2 or (current and current[-1].opens)
        if current and not (fits and wants_more):
            yield current[0].start, current[-1].end
            current = []
        current.append(piece)
    if current:
        yield current[0].start, current[-1].end


def _pieces(text: str, section: Section, tokenizer: Tokenizer, budget: int) -> Iterator[_Piece]:
    """Whole paragraphs where they fit the budget, else runs of whole sentences of about equal length."""
    spans = list(paragraph_spans(text, section.start, section.end))
    for (start, end), tokens in zip(spans, tokenizer.count_tokens([text[a:b] for a, b in spans]), strict=True):
        if tokens <= budget:
            yield _Piece(start, end, tokens, opens=text[end - 1] == ":")
        else:
            yield from _cut_paragraph(text, start, end, tokenizer, budget, tokens)


def _cut_paragraph(text: str, start: int, end: int, tokenizer: Tokenizer, budget: int, tokens: int) -> Iterator[_Piece]:
    share = tokens / -(-tokens // min(FULL, budget))
    run: list[_Piece] = []
    for piece in _measured(text, sentence_spans(text, start, end), tokenizer, budget):
        length = sum(part.tokens for part in run)
        if run and (length + piece.tokens > budget or length + piece.tokens / 2 > share):
            yield _joined(run, text)
            run = []
        run.append(piece)
    if run:
        yield _joined(run, text)


def _joined(run: list[_Piece], text: str) -> _Piece:
    start, end = run[0].start, run[-1].end
    return _Piece(start, end, sum(piece.tokens for piece in run), opens=text[end - 1] == ":")


def _measured(text: str, spans: Sequence[Span], tokenizer: Tokenizer, budget: int) -> Iterator[_Piece]:
    """Sentences with their lengths; one that alone exceeds the budget is halved, at white space where there is any."""
    for (start, end), tokens in zip(spans, tokenizer.count_tokens([text[a:b] for a, b in spans]), strict=True):
        if tokens <= budget or end - start < 2:
            yield _Piece(start, end, tokens)
        else:
            middle = _cut_near_middle(text, start, end)
            halves = [trim(text, start, middle), trim(text, middle, end)]
            yield from _measured(text, [half for half in halves if half[0] < half[1]], tokenizer, budget)


def _cut_near_middle(text: str, start: int, end: int) -> int:
    middle = (start + end) // 2
    reach = max((end - start) // 4, 1)
    for mark in ("\n", "; ", ", ", " "):
        before, after = text.rfind(mark, middle - reach, middle), text.find(mark, middle, middle + reach)
        candidates = [place + len(mark) for place in (before, after) if place >= 0]
        candidates = [place for place in candidates if start < place < end]
        if candidates:
            return min(candidates, key=lambda place: abs(place - middle))
    return middle

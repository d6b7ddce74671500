"""Splits a document into passages: at sentence ends, never across a heading, within a token budget.

A paragraph that fits is not split. Short paragraphs of a section are joined, and a lead-in ("It includes commitments to explore:")
stays with the text it introduces. A row of a table with column heads is a passage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corpus.splitting.sentences import paragraph_spans, sentence_spans, trim
from corpus.splitting.tables import column_groups, heads, row_sections
from corpus.types import Document, Heading, Passage, Section, Span, Table, Tokenizer, page_at

# In tokens. Paragraphs are joined up to MIN_TOKENS, and not beyond JOINED_TOKENS; a single paragraph may use the whole budget.
MIN_TOKENS = 50
JOINED_TOKENS = 160
# The heading path, or the column heads of a row, are cut to this share of the budget.
CONTEXT_SHARE = 0.4
SEPARATOR = " › "


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span that is not split further, with its length in tokens. `lead_in`: it ends in a colon."""

    start: int
    end: int
    tokens: int
    lead_in: bool = False


def split(document: Document, tokenizer: Tokenizer, budget: int) -> list[Passage]:
    """Split a document into passages that cover its text except white space, headings and column heads, in the order of the text.

    `budget` is the maximum number of tokens of the embedding model, without special tokens. Raises ValueError if it is below 8.
    """
    if budget < 8:
        raise ValueError(f"the token budget must be at least 8, not {budget}")
    passages: list[Passage] = []
    contexts: dict[tuple[str, ...], tuple[str, int]] = {}
    for section, table in _parts(document):
        for part in _rows(document.text, section, table, tokenizer, budget) if table else [section]:
            if part.headings not in contexts:
                contexts[part.headings] = _context(document.title, part.headings, tokenizer, budget, is_row=table is not None)
            context, context_tokens = contexts[part.headings]
            for start, end in _pack(document.text, part, tokenizer, budget - context_tokens):
                passages.append(
                    Passage(
                        start=start,
                        end=end,
                        text=document.text[start:end],
                        headings=part.headings,
                        context=context,
                        page=page_at(document.pages, start),
                        anchor=part.anchor,
                    )
                )
    return passages


def sections(document: Document) -> Iterator[Section]:
    """Yield the text before the first heading and under each heading, without empty sections.

    A document of headings only is one section with its whole text, so that no document is empty.
    """
    path: list[Heading] = []
    ends = [heading.start for heading in document.headings] + [len(document.text)]
    any_found = False
    if document.text[: ends[0]].strip():
        any_found = True
        yield Section(0, ends[0])
    for heading, end in zip(document.headings, ends[1:], strict=True):
        while path and path[-1].level >= heading.level:
            path.pop()
        path.append(heading)
        if document.text[heading.end : end].strip():
            any_found = True
            titles = tuple(part.title for part in path if part.title and part.title != document.title)
            yield Section(heading.end, end, titles, _nearest_anchor(path))
    if not any_found and document.text.strip():
        yield Section(0, len(document.text))


def _parts(document: Document) -> Iterator[tuple[Section, Table | None]]:
    """The sections, each divided into its tables, with their table, and the text around them."""
    tables = list(reversed(document.tables))
    for section in sections(document):
        position = section.start
        while tables and tables[-1].end <= section.end:
            table = tables.pop()
            if table.start >= position:
                if document.text[position : table.start].strip():
                    yield replace(section, start=position, end=table.start), None
                yield section, table
                position = table.end
        if document.text[position : section.end].strip():
            yield replace(section, start=position), None


def _rows(text: str, section: Section, table: Table, tokenizer: Tokenizer, budget: int) -> Iterator[Section]:
    """The rows of a table. Its columns are divided into groups whose heads leave room for the row."""
    names = heads(text, table)
    groups = 1
    while groups < len(names) and max(tokenizer.count_tokens(column_groups(names, groups))) > budget * CONTEXT_SHARE:
        groups = min(groups * 2, len(names))
    return row_sections(text, table, section, groups)


def _nearest_anchor(path: Sequence[Heading]) -> str | None:
    return next((heading.anchor for heading in reversed(path) if heading.anchor), None)


def _context(title: str, headings: tuple[str, ...], tokenizer: Tokenizer, budget: int, is_row: bool = False) -> tuple[str, int]:
    """The title and as many of the innermost headings as fit, and their length in tokens. A row keeps its column heads longest."""
    parts = [" ".join(part.split()) for part in (title, *headings)]
    parts = [part for part in parts if part]
    while parts:
        context = SEPARATOR.join(parts)
        tokens = tokenizer.count_tokens([context + SEPARATOR.rstrip()])[0]
        if tokens <= budget * CONTEXT_SHARE:
            return context, tokens
        del parts[1 if len(parts) > 1 + is_row else 0]
    return "", 0


def _pack(text: str, section: Section, tokenizer: Tokenizer, budget: int) -> Iterator[Span]:
    joined: list[_Piece] = []
    for piece in _pieces(text, section, tokenizer, budget):
        tokens = sum(part.tokens for part in joined)
        fits = tokens + piece.tokens <= min(JOINED_TOKENS, budget) or (
            joined and joined[-1].lead_in and tokens + piece.tokens <= budget
        )
        is_short = tokens < MIN_TOKENS or piece.tokens < MIN_TOKENS // 2 or (joined and joined[-1].lead_in)
        if joined and not (fits and is_short):
            yield joined[0].start, joined[-1].end
            joined = []
        joined.append(piece)
    if joined:
        yield joined[0].start, joined[-1].end


def _pieces(text: str, section: Section, tokenizer: Tokenizer, budget: int) -> Iterator[_Piece]:
    """Yield paragraphs that fit the budget, and longer ones as runs of sentences of about equal length."""
    spans = list(paragraph_spans(text, section.start, section.end))
    for (start, end), tokens in zip(spans, tokenizer.count_tokens([text[a:b] for a, b in spans]), strict=True):
        if tokens <= budget:
            yield _Piece(start, end, tokens, lead_in=text[end - 1] == ":")
        else:
            yield from _split_paragraph(text, start, end, tokenizer, budget, tokens)


def _split_paragraph(text: str, start: int, end: int, tokenizer: Tokenizer, budget: int, tokens: int) -> Iterator[_Piece]:
    target = tokens / -(-tokens // min(JOINED_TOKENS, budget))
    run: list[_Piece] = []
    for piece in _count_sentences(text, sentence_spans(text, start, end), tokenizer, budget):
        length = sum(part.tokens for part in run)
        if run and (length + piece.tokens > budget or length + piece.tokens / 2 > target):
            yield _join(run, text)
            run = []
        run.append(piece)
    if run:
        yield _join(run, text)


def _join(run: list[_Piece], text: str) -> _Piece:
    start, end = run[0].start, run[-1].end
    return _Piece(start, end, sum(piece.tokens for piece in run), lead_in=text[end - 1] == ":")


def _count_sentences(text: str, spans: Sequence[Span], tokenizer: Tokenizer, budget: int) -> Iterator[_Piece]:
    """Yield sentences with their lengths; one above the budget is halved, if possible at white space."""
    for (start, end), tokens in zip(spans, tokenizer.count_tokens([text[a:b] for a, b in spans]), strict=True):
        if tokens <= budget or end - start < 2:
            yield _Piece(start, end, tokens)
        else:
            middle = _find_middle(text, start, end)
            halves = [trim(text, start, middle), trim(text, middle, end)]
            yield from _count_sentences(text, [half for half in halves if half[0] < half[1]], tokenizer, budget)


def _find_middle(text: str, start: int, end: int) -> int:
    middle = (start + end) // 2
    reach = max((end - start) // 4, 1)
    for mark in ("\n", "; ", ", ", " "):
        before, after = text.rfind(mark, middle - reach, middle), text.find(mark, middle, middle + reach)
        candidates = [place + len(mark) for place in (before, after) if place >= 0]
        candidates = [place for place in candidates if start < place < end]
        if candidates:
            return min(candidates, key=lambda place: abs(place - middle))
    return middle

"""Checks a language model's text against the passages while it streams, and removes what they do not support. Pure.

A statement ends with a citation (`… [1].`) or with its paragraph. A sentence of it is kept if every citation names a given passage,
every quote is in the passage it cites word for word, every number and address is there too, and at least half of the words are.
A sentence whose negation differs from its evidence's is removed. This compares words, not meaning: other inversions can pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from corpus.splitting.sentences import sentence_spans
from corpus.types import Span
from index.text.analysis import terms
from index.types import StoredPassage
from qa.chat.negation import contradicts
from qa.chat.replies import Draft, passage_words

MIN_SUPPORT = 0.5  # share of the words
MAX_STATEMENT_CHARACTERS = 5_000  # without a citation

_CITE = r"\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]"
_CITES = rf"{_CITE}(?:[\s,;]*{_CITE})*"
# `… [1]. `, `…. [1] ` or `… [1] Next`. Looks at the text that follows, to be sure that no further citation does.
_STATEMENT_END = re.compile(
    rf"(?:{_CITES}\s*[.!?…:;]+[”\"')]*|[.!?…][”\"')]*\s*{_CITES})(?=\s+[^\s\[])|{_CITES}(?=\s+[“\"A-Z])|\n"
)
_CITATIONS = re.compile(_CITES)
_NUMBER = re.compile(r"\d{1,3}")
_CITATION_LIST = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})+)\]")  # “[1, 2]”, written as “[1][2]”
_QUOTE = re.compile(r"[“\"]([^“”\"\n]+)[”\"]")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
_ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>\"”)\]]+|\b[\w.+-]+@[\w-]+\.\w[\w.-]*", re.IGNORECASE)
_MARKUP = re.compile(r"\]\(|<[a-zA-Z/!]|!\[")
# Characters that models write for one another.
_ALIKE_CHARACTERS = ("'‘’‛ʼ", '"“”„«»', "-‐‑‒–—−")
_ALIKE = re.compile("|".join(rf"\\?[{re.escape(characters)}]" for characters in _ALIKE_CHARACTERS))


@dataclass(slots=True)
class Checker:
    """Takes an answer piece by piece. `draft`: the supported text so far; `removed`: unsupported statements; `received`: all text."""

    question: str
    passages: Sequence[StoredPassage]
    draft: Draft = field(default_factory=Draft)
    removed: list[str] = field(default_factory=list)
    received: str = ""
    _buffer: str = ""
    _line_breaks: str = ""

    def feed(self, piece: str) -> str:
        """Add a piece of the answer. Returns the text that this adds to the draft."""
        self.received += piece
        self._buffer += piece
        begin = len(self.draft.text)
        while end := _STATEMENT_END.search(self._buffer):
            self._check_statement(end.end())
        if len(self._buffer) > MAX_STATEMENT_CHARACTERS:
            self._check_statement(len(self._buffer))
        return self.draft.text[begin:]

    def finish(self) -> str:
        """Check the rest of the answer. Returns the text that this adds to the draft."""
        begin = len(self.draft.text)
        self._check_statement(len(self._buffer))
        return self.draft.text[begin:]

    @property
    def cited(self) -> dict[int, StoredPassage]:
        """The passages that the draft cites, by number."""
        return {number: self.passages[number - 1] for number in sorted({citation.number for citation in self.draft.citations})}

    def _check_statement(self, end: int) -> None:
        """Move the statement that ends at `end` from the buffer to the draft, as far as it is supported."""
        statement, self._buffer = self._buffer[:end], self._buffer[end:]
        if text := _CITATION_LIST.sub(_separate_citations, statement).strip():
            supported = self._supported_sentences(text)
            if supported:
                self.draft.write((self._line_breaks or " ") if self.draft.text else "")
                self._line_breaks = ""
                self._write(supported)
        if statement.endswith("\n"):
            self._line_breaks = "\n\n" if self._line_breaks else "\n"

    def _supported_sentences(self, statement: str) -> str:
        """The supported sentences, "" if none of them has a citation. A citation is for all sentences before it."""
        sentences = _split_sentences(statement)
        supported: list[str] = []
        for place, sentence in enumerate(sentences):
            unsupported = self._unsupported_part(sentence, " ".join(sentences[place:]))
            if unsupported is None:
                supported.append(sentence)
            else:
                self.removed.append(unsupported)
        kept = " ".join(supported)
        if kept and not _CITATIONS.search(kept):
            self.removed.append(kept)
            return ""
        return kept

    def _unsupported_part(self, sentence: str, rest: str) -> str | None:
        """The first quote that is not in its passage, or the whole sentence if that is unsupported. None if it is supported.

        `rest`: the statement from this sentence on; its first citation applies to a sentence without one.
        """
        groups = list(_CITATIONS.finditer(sentence)) or list(_CITATIONS.finditer(rest))[:1]
        cited = [int(number[0]) for group in groups for number in _NUMBER.finditer(group[0])]
        if not cited or any(not 1 <= number <= len(self.passages) for number in cited):
            return sentence
        for quote in _QUOTE.finditer(sentence):
            if self._locate(quote[1], _citation_after(rest, quote.end())) is None:
                return quote[0]
        sources = [self.passages[number - 1] for number in dict.fromkeys(cited)]
        return None if _is_supported(_CITATIONS.sub(" ", sentence), self.question, sources) else sentence

    def _write(self, statement: str) -> None:
        """Add a supported statement to the draft, its quotes in the document's own characters."""
        position = 0
        quoted: set[int] = set()
        for quote in _QUOTE.finditer(statement):
            self._write_unquoted(statement[position : quote.start()], statement, quoted)
            found = self._locate(quote[1], _citation_after(statement, quote.end()))
            if found is None:
                raise ValueError(f"this quote is not in the passage it cites: {quote[0]}")
            number, span = found
            stored = self.passages[number - 1]
            self.draft.quote(number, stored, span, passage_words(stored, span))
            quoted.add(number)
            position = quote.end()
        self._write_unquoted(statement[position:], statement, quoted)

    def _write_unquoted(self, text: str, statement: str, quoted: set[int]) -> None:
        """Add text without quotes. A citation of a passage that the statement does not quote gets the words that support it."""
        position = 0
        for mark in re.finditer(r"\[(\d{1,3})\]", text):
            self.draft.write(text[position : mark.start()])
            number, position = int(mark[1]), mark.end()
            if number in quoted:
                self.draft.write(mark[0])
            else:
                stored = self.passages[number - 1]
                self.draft.support(number, stored, _best_support(statement, stored))
        self.draft.write(text[position:])

    def _locate(self, words: str, numbers: Sequence[int]) -> tuple[int, Span] | None:
        """The first cited passage that holds these words, and their span in the document. None if none does.

        White space, apostrophes, quotation marks and dashes may differ.
        """
        pattern = r"\s+".join(_ALIKE.sub(_alike_class, re.escape(word)) for word in words.split())
        for number in numbers:
            stored = self.passages[number - 1]
            found = re.search(pattern, stored.passage.text) if pattern else None
            if found:
                return number, (stored.passage.start + found.start(), stored.passage.start + found.end())
        return None


def _separate_citations(citations: re.Match[str]) -> str:
    return "".join(f"[{number[0]}]" for number in _NUMBER.finditer(citations[1]))


def _citation_after(statement: str, place: int) -> list[int]:
    """The passage numbers for a quote that ends at `place`: those of the citation after it, else of the last one before it."""
    groups = list(_CITATIONS.finditer(statement))
    group = next((group for group in groups if group.start() >= place), groups[-1])
    return [int(number[0]) for number in _NUMBER.finditer(group[0])]


def _alike_class(found: re.Match[str]) -> str:
    return next(f"[{re.escape(characters)}]" for characters in _ALIKE_CHARACTERS if found[0][-1] in characters)


def _split_sentences(statement: str) -> list[str]:
    """The sentences of a statement, each with the citation that follows its full stop."""
    sentences: list[str] = []
    for start, end in sentence_spans(statement):
        sentence = statement[start:end].strip()
        citation = _CITATIONS.match(sentence)
        if citation and sentences:
            sentences[-1] += f" {citation[0]}"
            sentence = sentence[citation.end() :].lstrip()
            if not re.search(r"\w", sentence):
                sentences[-1] += sentence
                continue
        if sentence:
            sentences.append(sentence)
    return sentences


def _is_supported(statement: str, question: str, sources: Sequence[StoredPassage]) -> bool:
    """Whether the passages and the question hold every figure and address of a statement, and half of its words, and none negates it."""
    given = "\n".join([*(stored.passage.searchable_text for stored in sources), question])
    if _MARKUP.search(statement) or any(address[0].rstrip(".,;:!?") not in given for address in _ADDRESS.finditer(statement)):
        return False
    known_figures = set(_FIGURE.findall(given))
    if any(figure not in known_figures for figure in _FIGURE.findall(statement)):
        return False
    words, known = terms(statement), set(terms(given))
    if not words or sum(word in known for word in words) < MIN_SUPPORT * len(words):
        return False
    evidence = "\n".join(passage_words(stored, _best_support(statement, stored)) for stored in sources)
    return not contradicts(statement, evidence)


def _best_support(statement: str, stored: StoredPassage) -> Span:
    """The sentence of a passage that has most words of a statement, or two adjacent ones where the second adds some."""
    text, wanted = stored.passage.text, set(terms(statement))
    sentences = sentence_spans(text)
    runs = [*sentences, *((one[0], other[1]) for one, other in pairwise(sentences))]
    start, end = max(runs, key=lambda run: (len(wanted.intersection(terms(text[slice(*run)]))), run[0] - run[1]))
    return stored.passage.start + start, stored.passage.start + end

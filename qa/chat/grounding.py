"""What a language model wrote, checked against the passages as it comes: what they do not bear out is left out. Pure.

A statement is what ends with a citation (`… [1].`) or with its paragraph. A sentence of it is let through where every citation is of
a passage that was given, every quote stands word for word in the passage that it cites, every number and address in it stands there
too, and at least half of its words do. That is a check of words, not of meaning: a sentence that turns the passage's words around
passes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from corpus.splitting.sentences import sentence_spans
from corpus.types import Span
from index.embedded.store.rows import StoredPassage
from index.text.analysis import terms
from qa.answering.quotes import QuoteFinder
from qa.chat.replies import Draft

LEAST_SUPPORT = 0.5
LONGEST_STATEMENT = 5_000  # characters without a citation

_CITE = r"\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]"
_CITES = rf"{_CITE}(?:[\s,;]*{_CITE})*"
# `… [1]. `, `…. [1] ` or `… [1] Next`: with what comes next, so that no further citation can follow.
_END = re.compile(rf"(?:{_CITES}\s*[.!?…:;]+[”\"')]*|[.!?…][”\"')]*\s*{_CITES})(?=\s+[^\s\[])|{_CITES}(?=\s+[“\"A-Z])|\n")
_GROUP = re.compile(_CITES)
_NUMBER = re.compile(r"\d{1,3}")
_SEVERAL = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})+)\]")  # “[1, 2]”, shown as “[1][2]”
_QUOTE = re.compile(r"[“\"]([^“”\"\n]+)[”\"]")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
_ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>\"”)\]]+|\b[\w.+-]+@[\w-]+\.\w[\w.-]*", re.IGNORECASE)
_MARKUP = re.compile(r"\]\(|<[a-zA-Z/!]|!\[")


# Characters that models write one for the other.
_ALIKE_CHARACTERS = ("'‘’‛ʼ", '"“”„«»', "-‐‑‒–—−")
_ALIKE = re.compile("|".join(rf"\\?[{re.escape(characters)}]" for characters in _ALIKE_CHARACTERS))


@dataclass(slots=True)
class Checker:
    """Takes pieces of an answer and gives the statements that hold. `draft`: all that was let through; `removed`: what was not."""

    question: str
    passages: Sequence[StoredPassage]
    draft: Draft = field(default_factory=Draft)
    removed: list[str] = field(default_factory=list)
    heard: str = ""
    _waiting: str = ""
    _gap: str = ""

    def take(self, piece: str) -> str:
        """What of the answer can be shown after this piece."""
        self.heard += piece
        self._waiting += piece
        begin = len(self.draft.text)
        while end := _END.search(self._waiting):
            self._settle(end.end())
        if len(self._waiting) > LONGEST_STATEMENT:
            self._settle(len(self._waiting))
        return self.draft.text[begin:]

    def finish(self) -> str:
        """What of the rest can be shown."""
        begin = len(self.draft.text)
        self._settle(len(self._waiting))
        return self.draft.text[begin:]

    @property
    def cited(self) -> list[int]:
        """The numbers of the passages that what was let through cites."""
        return sorted({citation.number for citation in self.draft.citations})

    def _settle(self, end: int) -> None:
        statement, self._waiting = self._waiting[:end], self._waiting[end:]
        if said := _SEVERAL.sub(
            lambda cited: "".join(f"[{number[0]}]" for number in _NUMBER.finditer(cited[1])), statement
        ).strip():
            holding = self._holding(said)
            if holding:
                self.draft.write((self._gap or " ") if self.draft.text else "")
                self._gap = ""
                self._write(holding)
        if statement.endswith("\n"):
            self._gap = "\n\n" if self._gap else "\n"

    def _holding(self, said: str) -> str:
        """The sentences of a statement that hold, "" where none with a citation does. A citation is for all sentences before it."""
        sentences = _sentences(said)
        holding: list[str] = []
        for place, sentence in enumerate(sentences):
            fault = self._fault(sentence, " ".join(sentences[place:]))
            if fault is None:
                holding.append(sentence)
            else:
                self.removed.append(fault)
        kept = " ".join(holding)
        if kept and not _GROUP.search(kept):
            self.removed.append(kept)
            return ""
        return kept

    def _fault(self, sentence: str, on: str) -> str | None:
        """What is wrong with a sentence: its quote that does not hold, or all of it; None where it holds.

        `on`: the statement from this sentence on, whose first citation is the sentence's where it has none.
        """
        groups = list(_GROUP.finditer(sentence)) or list(_GROUP.finditer(on))[:1]
        cited = [int(number[0]) for group in groups for number in _NUMBER.finditer(group[0])]
        if not cited or any(not 1 <= number <= len(self.passages) for number in cited):
            return sentence
        for quote in _QUOTE.finditer(sentence):
            if self._found(quote[1], self._cited_after(on, quote.end())) is None:
                return quote[0]
        sources = [self.passages[number - 1] for number in dict.fromkeys(cited)]
        return None if _borne_out(_GROUP.sub(" ", sentence), self.question, sources) else sentence

    def _write(self, said: str) -> None:
        """Put a statement that holds into the draft, its quotes in the document's own characters."""
        position = 0
        quoted: set[int] = set()
        for quote in _QUOTE.finditer(said):
            self._write_plain(said[position : quote.start()], said, quoted)
            found = self._found(quote[1], self._cited_after(said, quote.end()))
            if found is None:
                raise ValueError(f"this quote does not hold: {quote[0]}")
            number, span = found
            self.draft.quote(number, self.passages[number - 1], span)
            quoted.add(number)
            position = quote.end()
        self._write_plain(said[position:], said, quoted)

    def _write_plain(self, text: str, said: str, quoted: set[int]) -> None:
        """Text without quotes; a citation of a passage that the statement does not quote gets the words that support it."""
        position = 0
        for mark in re.finditer(r"\[(\d{1,3})\]", text):
            self.draft.write(text[position : mark.start()])
            number, position = int(mark[1]), mark.end()
            if number in quoted:
                self.draft.write(mark[0])
            else:
                stored = self.passages[number - 1]
                self.draft.support(number, stored, _support(said, stored))
        self.draft.write(text[position:])

    def _cited_after(self, said: str, place: int) -> list[int]:
        """The numbers that a quote which ends there is given: of the citation that follows, else of the last one before."""
        groups = list(_GROUP.finditer(said))
        group = next((group for group in groups if group.start() >= place), groups[-1])
        return [int(number[0]) for number in _NUMBER.finditer(group[0])]

    def _found(self, words: str, numbers: Sequence[int]) -> tuple[int, Span] | None:
        """The cited passage in which these words stand, and where in the document.

        White space, apostrophes, quotation marks and dashes may be written otherwise: what is shown are the document's characters.
        """
        pattern = r"\s+".join(_ALIKE.sub(_any_alike, re.escape(word)) for word in words.split())
        for number in numbers:
            stored = self.passages[number - 1]
            found = re.search(pattern, stored.passage.text) if pattern else None
            if found:
                return number, (stored.passage.start + found.start(), stored.passage.start + found.end())
        return None


def _any_alike(found: re.Match[str]) -> str:
    return next(f"[{re.escape(characters)}]" for characters in _ALIKE_CHARACTERS if found[0][-1] in characters)


def _sentences(said: str) -> list[str]:
    """The sentences of a statement, each with the citation that stands behind its full stop."""
    sentences: list[str] = []
    for start, end in sentence_spans(said):
        sentence = said[start:end].strip()
        behind = _GROUP.match(sentence)
        if behind and sentences:
            sentences[-1] += f" {behind[0]}"
            sentence = sentence[behind.end() :].lstrip()
            if not re.search(r"\w", sentence):
                sentences[-1] += sentence
                continue
        if sentence:
            sentences.append(sentence)
    return sentences


def _borne_out(said: str, question: str, sources: Sequence[StoredPassage]) -> bool:
    """Whether the passages (or the question) hold every figure and address of a statement, and half of its words."""
    given = "\n".join([*(stored.passage.searchable_text for stored in sources), question])
    if _MARKUP.search(said) or any(address[0].rstrip(".,;:!?") not in given for address in _ADDRESS.finditer(said)):
        return False
    known_figures = set(_FIGURE.findall(given))
    if any(figure not in known_figures for figure in _FIGURE.findall(said)):
        return False
    words, known = terms(said), set(terms(given))
    return bool(words) and sum(word in known for word in words) >= LEAST_SUPPORT * len(words)


def _support(said: str, stored: StoredPassage) -> Span:
    """The sentence or two of a passage that bear out best what was said."""
    start, end = QuoteFinder(said, dict.fromkeys(terms(said), 1.0)).best(stored.passage.text)
    return stored.passage.start + start, stored.passage.start + end

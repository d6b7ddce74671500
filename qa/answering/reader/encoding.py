"""Turns a question and a window into a model's input: `question` and `context › text` as a pair. The training uses it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.types import Span

MAX_TOKENS = 256
MAX_QUESTION = 48  # tokens; the rest is cut off
# Tokens. Of a longer context the beginning (the title) and the end (the lead-in) are kept.
MAX_CONTEXT, CONTEXT_HEAD = 40, 12
SEPARATOR = " › "


@dataclass(frozen=True, slots=True)
class Encoding:
    """`offsets`: code points in the window's text of its tokens; the first of them is at `first` in `ids`."""

    ids: Sequence[int]
    type_ids: Sequence[int]
    first: int
    offsets: Sequence[Span]

    def tokens_of(self, span: Span) -> Span:
        """The places in `ids` of the tokens that overlap a span of the text; empty if it was cut off or has no token."""
        places = [place for place, (start, end) in enumerate(self.offsets) if start < span[1] and span[0] < end]
        return (self.first + places[0], self.first + places[-1] + 1) if places else (0, 0)


class Encoder:
    """Encodes with a tokenizer of the `tokenizers` library. Thread-safe."""

    def __init__(self, tokenizer: Any, max_tokens: int = MAX_TOKENS, *, lower_case: bool = False) -> None:
        """`tokenizer` is configured for this encoder: do not share it. `lower_case`: the tokenizer itself does not do it."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._lower_case = lower_case

    def encode(self, question: str, context: str, text: str) -> Encoding:
        """A text that is too long is cut at its end."""
        question, context = self._cut(question, MAX_QUESTION, 0), self._cut(context, CONTEXT_HEAD, MAX_CONTEXT - CONTEXT_HEAD)
        before = f"{context}{SEPARATOR}" if context else ""
        pair = self._tokenizer.encode(self._cased(question), self._cased(before + text))
        ids, type_ids, offsets, sequences = pair.ids, pair.type_ids, pair.offsets, pair.sequence_ids  # each access makes a list
        second = [place for place, sequence in enumerate(sequences) if sequence == 1]
        of_text = [place for place in second if offsets[place][1] > len(before)]
        end = second[-1] + 1 if second else len(ids) - 1
        first = of_text[0] if of_text else end
        kept = of_text[: max(0, self._max_tokens - first - (len(ids) - end))]
        places = [*range(first), *kept, *range(end, len(ids))]
        found = [(max(0, offsets[place][0] - len(before)), offsets[place][1] - len(before)) for place in kept]
        return Encoding([ids[place] for place in places], [type_ids[place] for place in places], first, found)

    def _cut(self, text: str, head: int, tail: int) -> str:
        """The first `head` and the last `tail` tokens of a longer text."""
        if len(text) <= head + tail:  # a token has at least one code point
            return text
        offsets = self._tokenizer.encode(self._cased(text), add_special_tokens=False).offsets
        if len(offsets) <= head + tail:
            return text
        return f"{text[: offsets[head - 1][1]]} {text[offsets[-tail][0] :]}" if tail else text[: offsets[head - 1][1]]

    def _cased(self, text: str) -> str:
        """Lower case letter by letter, so that offsets stay: "İ".lower() has two code points."""
        return "".join(low if len(low := char.lower()) == 1 else char for char in text) if self._lower_case else text

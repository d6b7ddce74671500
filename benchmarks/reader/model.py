"""The reading model in torch: the body of the default embedder with heads for start, end, evidence and "answers"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.reader.examples import Example
from index.embedding.model_files import DEFAULT_MODEL, find_model
from qa.answering.reader.encoding import Encoder, Encoding

LOWEST = -1e4


class ReadingNetwork(nn.Module):
    """Token logits (batch, tokens, 3): start, end, evidence; and the logit (batch,) that the window answers."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertModel

        folder = find_model(DEFAULT_MODEL, offline=True).folder
        self.body = BertModel.from_pretrained(folder, add_pooling_layer=False)
        size = self.body.config.hidden_size
        self.tokens = nn.Linear(size, 3)
        self.answers = nn.Linear(size, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
        return self.tokens(hidden), self.answers(hidden[:, 0]).squeeze(-1)


@dataclass(frozen=True, slots=True)
class Item:
    """An encoded example. `units`, `span`: token places; `span` is (0, 0) for no answer and None if it is unknown. `question`: its id;
    items of one question are windows that compete.
    """

    question: str
    encoding: Encoding
    units: Sequence[tuple[int, int]]
    right: Sequence[int]
    span: tuple[int, int] | None


def encode_example(encoder: Encoder, example: Example) -> Item | None:
    """None if the answer was cut off."""
    encoding = encoder.encode(example.question, example.context, example.text)
    units = [encoding.tokens_of(unit) for unit in example.units]
    kept = [place for place, (start, end) in enumerate(units) if start < end]
    right = [kept.index(place) for place in example.right if place in kept]
    span: tuple[int, int] | None = (0, 0)
    if example.right:
        if not right:
            return None
        span = None
        if example.span:
            start, end = encoding.tokens_of(example.span)
            span = (start, end - 1) if start < end else None
    return Item(example.question_id, encoding, [units[place] for place in kept], right, span) if kept else None


def inputs_of(items: Sequence[Item]) -> dict[str, Tensor]:
    """Padded int64 inputs (batch, tokens)."""
    longest = max(len(item.encoding.ids) for item in items)
    names: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
    for item in items:
        pad = [0] * (longest - len(item.encoding.ids))
        names["input_ids"].append([*item.encoding.ids, *pad])
        names["attention_mask"].append([1] * len(item.encoding.ids) + pad)
        names["token_type_ids"].append([*item.encoding.type_ids, *pad])
    return {name: torch.tensor(rows) for name, rows in names.items()}


def unit_logits(evidence: Tensor, items: Sequence[Item]) -> Tensor:
    """(batch, 1 + units): the null logit at [CLS], then the log of the mean exponential of each unit's token logits."""
    most = max(len(item.units) for item in items)
    inside = torch.zeros(len(items), most, evidence.shape[1], dtype=torch.bool)
    for row, item in enumerate(items):
        for column, (start, end) in enumerate(item.units):
            inside[row, column, start:end] = True
    counts = inside.sum(-1).clamp(min=1).log()
    pooled = evidence[:, None, :].masked_fill(~inside, LOWEST).logsumexp(-1) - counts
    pooled = pooled.masked_fill(~inside.any(-1), LOWEST)
    return torch.cat([evidence[:, :1], pooled], 1)


def losses(tokens: Tensor, answers: Tensor, items: Sequence[Item]) -> dict[str, Tensor]:
    """Mean losses of a batch: span (start and end with [CLS] for none), unit (with [CLS] for none), answers; and choice, over the units of
    all windows of a question, if the batch has several windows of one.
    """
    tokens, answers = tokens.float(), answers.float()
    text = torch.zeros(tokens.shape[:2], dtype=torch.bool)
    text[:, 0] = True
    for row, item in enumerate(items):
        text[row, item.encoding.first : item.encoding.first + len(item.encoding.offsets)] = True
    with_span = [row for row, item in enumerate(items) if item.span is not None]
    found = {}
    if with_span:
        spans = torch.tensor([item.span for item in items if item.span is not None])
        starts, ends = (tokens[..., i].masked_fill(~text, LOWEST)[with_span] for i in (0, 1))
        found["span"] = (functional.cross_entropy(starts, spans[:, 0]) + functional.cross_entropy(ends, spans[:, 1])) / 2
    logits = unit_logits(tokens[..., 2], items)
    right = torch.zeros(logits.shape, dtype=torch.bool)
    for row, item in enumerate(items):
        right[row, [place + 1 for place in item.right] if item.right else [0]] = True
    found["unit"] = (logits.logsumexp(-1) - logits.masked_fill(~right, LOWEST).logsumexp(-1)).mean()
    if choice := _choice_losses(logits, right, items):
        found["choice"] = torch.stack(choice).mean()
    labels = torch.tensor([float(bool(item.right)) for item in items])
    found["answers"] = functional.binary_cross_entropy_with_logits(answers, labels)
    return found


def _choice_losses(logits: Tensor, right: Tensor, items: Sequence[Item]) -> list[Tensor]:
    """The loss of each question with an answer and several windows. Units are compared by their logits less those of "nothing here"."""
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        rows.setdefault(item.question, []).append(row)
    found = []
    for group in rows.values():
        answers = right[group, 1:]
        if len(group) > 1 and bool(answers.any()):
            scores = logits[group, 1:] - logits[group, :1]
            scores = scores.masked_fill(logits[group, 1:] <= LOWEST / 2, LOWEST)
            found.append(scores.logsumexp((0, 1)) - scores.masked_fill(~answers, LOWEST).logsumexp((0, 1)))
    return found


def new_encoder(max_tokens: int) -> Encoder:
    import tokenizers

    folder = find_model(DEFAULT_MODEL, offline=True).folder
    tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    return Encoder(tokenizer, max_tokens)

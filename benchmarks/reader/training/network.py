"""The reading network in torch, for training: a BERT body with heads for start, end, evidence and "answers", and its losses.

The names of the weights are those of Hugging Face's BertModel, after "body.". Everything is vectorised over a batch, so that a GPU is
kept busy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS, EPSILON = 12, 1e-12
LOWEST = -1e4


class SelfAttention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """`hidden` has the shape (batch, tokens, width), `mask` (batch, 1, 1, tokens); the mask is true at tokens, false at padding."""
        size = (*hidden.shape[:2], HEADS, hidden.shape[2] // HEADS)
        query, key, value = (part(hidden).view(size).transpose(1, 2) for part in (self.query, self.key, self.value))
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2)


class Added(nn.Module):
    """A dense layer whose output is added to the input of its block and normalised."""

    def __init__(self, width_in: int, width: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width_in, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inner: Tensor, hidden: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(inner)) + hidden)


class Layer(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(width), "output": Added(width, width, dropout)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = Added(4 * width, width, dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        hidden = self.attention["output"](self.attention["self"](hidden, mask), hidden)
        return self.output(functional.gelu(self.intermediate["dense"](hidden)), hidden)


class Embeddings(nn.Module):
    def __init__(self, words: int, positions: int, width: int, dropout: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(words, width)
        self.position_embeddings = nn.Embedding(positions, width)
        self.token_type_embeddings = nn.Embedding(2, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: ids.shape[1]]
        return self.dropout(self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings(types) + positions))


class Body(nn.Module):
    """`frozen`: number of lower layers that do not learn, nor do the embeddings then."""

    def __init__(self, layers: int, words: int, positions: int, width: int, dropout: float, frozen: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.embeddings = Embeddings(words, positions, width, dropout)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(width, dropout) for _ in range(layers))})

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> list[Tensor]:
        """The hidden values after the embeddings and after each layer."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            found = [self.embeddings(ids, types)]
        for place, layer in enumerate(self.encoder["layer"]):
            with torch.set_grad_enabled(torch.is_grad_enabled() and place >= self.frozen):
                found.append(layer(found[-1], mask[:, None, None, :]))
        return found

    def train(self, mode: bool = True) -> Body:
        """What does not learn drops nothing out."""
        super().train(mode)
        if self.frozen:
            for part in (self.embeddings, *self.encoder["layer"][: self.frozen]):
                part.eval()
        return self


class ReadingNetwork(nn.Module):
    def __init__(
        self, layers: int, words: int = 30522, positions: int = 512, width: int = 384, dropout: float = 0.1, frozen: int = 0
    ) -> None:
        super().__init__()
        self.body = Body(layers, words, positions, width, dropout, frozen)
        self.tokens = nn.Linear(width, 3)
        self.answers = nn.Linear(width, 1)

    def forward(self, batch: Batch) -> Read:
        hidden = self.body(batch.ids, batch.types, batch.mask)
        with torch.autocast(batch.ids.device.type, enabled=False):
            last = hidden[-1].float()
            return Read(hidden, self.tokens(last), self.answers(last[:, 0]).squeeze(-1))


@dataclass(slots=True)
class Read:
    """`tokens`: (batch, tokens, 3) start, end, evidence. `answers`: (batch,). `hidden`: (batch, tokens, width) a layer."""

    hidden: Sequence[Tensor]
    tokens: Tensor
    answers: Tensor


@dataclass(slots=True)
class Batch:
    """Padded windows. (batch, tokens): `ids`, `types`, `mask` (true at tokens), `text` (true at the text, and at [CLS] for "none").
    `units`: (batch, units, 2) places of tokens, padded with (0, 0); `right`: (batch, 1 + units), the first for "nothing here".
    `span`: (batch, 2), (0, 0) for no answer and negative if unknown. `group`: (batch,) numbers from 0 of the windows' questions.
    """

    ids: Tensor
    types: Tensor
    mask: Tensor
    text: Tensor
    units: Tensor
    right: Tensor
    span: Tensor
    group: Tensor


@dataclass(slots=True)
class Scores:
    """Log-probabilities. `spans`: (2, batch, tokens). `units`: (batch, 1 + units), the first for none. `choice`: (batch, units) among all
    windows of the question. `unit_logits`: (batch, units) less that of none.
    """

    spans: Tensor
    units: Tensor
    choice: Tensor
    unit_logits: Tensor


def score(read: Read, batch: Batch) -> Scores:
    spans = read.tokens[..., :2].permute(2, 0, 1).masked_fill(~batch.text, LOWEST).log_softmax(-1)
    places = torch.arange(batch.ids.shape[1], device=batch.ids.device)
    inside = (places >= batch.units[..., :1]) & (places < batch.units[..., 1:])
    length = (batch.units[..., 1] - batch.units[..., 0]).clamp(min=1).log()
    evidence = read.tokens[..., 2]
    pooled = evidence[:, None, :].masked_fill(~inside, LOWEST).logsumexp(-1) - length
    pooled = pooled.masked_fill(batch.units[..., 1] == 0, LOWEST)
    none = evidence[:, :1]
    logits = (pooled - none).masked_fill(batch.units[..., 1] == 0, LOWEST)
    return Scores(spans, torch.cat([none, pooled], 1).log_softmax(-1), logits - group_sum(logits, batch.group)[:, None], logits)


def group_sum(logits: Tensor, group: Tensor) -> Tensor:
    """The logarithm of the sum of exponentials over all windows of a window's question: (batch,)."""
    rows = logits.logsumexp(-1)
    count = int(group.max()) + 1
    highest = rows.detach().new_full((count,), LOWEST).scatter_reduce(0, group, rows.detach(), "amax")
    sums = rows.new_zeros(count).index_add(0, group, (rows - highest[group]).exp())
    return (sums.log() + highest)[group]


def label_losses(read: Read, scores: Scores, batch: Batch) -> dict[str, Tensor]:
    """Mean losses by the labels: span, unit (with none among them), choice (questions with several windows and an answer), answers."""
    known = batch.span[:, 0] >= 0
    spans = scores.spans[:, known].gather(-1, batch.span[known].T[..., None]).squeeze(-1)
    found = {"span": -spans.mean() if spans.numel() else scores.spans.sum() * 0}
    found["unit"] = -scores.units.masked_fill(~batch.right, LOWEST).logsumexp(-1).mean()
    answered = batch.right[:, 1:].any(-1)
    count = int(batch.group.max()) + 1
    windows = torch.bincount(batch.group, minlength=count)
    right = scores.choice.masked_fill(~batch.right[:, 1:], LOWEST)
    right = group_sum(right, batch.group)[answered & (windows[batch.group] > 1)]
    found["choice"] = -right.mean() if len(right) else scores.choice.sum() * 0
    found["answers"] = functional.binary_cross_entropy_with_logits(read.answers, answered.float())
    return found


def teacher_losses(read: Read, scores: Scores, teacher: Read, taught: Scores, batch: Batch) -> dict[str, Tensor]:
    """Mean distances from what a teacher reads: the same four, as divergences from its probabilities."""
    valid = batch.units[..., 1] > 0
    choice = (taught.choice.exp() * (taught.choice - scores.choice)).masked_fill(~valid, 0).sum() / (batch.group.max() + 1)
    return {
        "span": divergence(taught.spans, scores.spans).mean(),
        "unit": divergence(taught.units, scores.units).mean(),
        "choice": choice,
        "answers": functional.binary_cross_entropy_with_logits(read.answers, teacher.answers.sigmoid()),
    }


def divergence(of: Tensor, by: Tensor) -> Tensor:
    return (of.exp() * (of - by)).sum(-1)


def hidden_loss(read: Read, other: Read, mask: Tensor) -> Tensor:
    """The mean squared difference from the hidden values of another network with at least as many layers, at layers evenly spaced."""
    step = (len(other.hidden) - 1) / (len(read.hidden) - 1)
    pairs = [(mine, other.hidden[round(place * step)]) for place, mine in enumerate(read.hidden) if place]
    return torch.stack([(mine - theirs.detach())[mask].float().square().mean() for mine, theirs in pairs]).mean()


def load_body(network: ReadingNetwork, weights: Mapping[str, Tensor], layers: Sequence[int]) -> None:
    """Take the embeddings, the heads if there are any, and these layers of other weights."""
    state = network.state_dict()
    for name in state:
        place = name.split(".")
        if name.startswith("body.encoder.layer."):
            place[3] = str(layers[int(place[3])])
        if (source := ".".join(place)) in weights:
            state[name][: len(weights[source])].copy_(weights[source])  # fewer positions
    network.load_state_dict(state)

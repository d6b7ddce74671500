"""A network in training with its optimizer."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmarks.reader.training.network import ReadingNetwork

MEAN = 0.998  # of the mean weights that is kept at each step


@dataclass(slots=True)
class Learner:
    """A network in training, the running mean of its weights, and its optimizer."""

    network: ReadingNetwork
    rate: float
    embeddings: bool = False  # whether they learn
    mean: ReadingNetwork = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        body = self.network.body
        for part in (body.embeddings, *body.encoder["layer"][: body.frozen]):
            part.requires_grad_(self.embeddings)
        self.mean = copy.deepcopy(self.network).eval()
        heads = [*self.network.tokens.parameters(), *self.network.answers.parameters()]
        learning = [p for p in body.parameters() if p.requires_grad]
        groups = [{"params": learning, "lr": self.rate}, {"params": heads, "lr": max(self.rate, 5e-4)}]
        for group in groups:
            group["first"] = group["lr"]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=heads[0].is_cuda)

    def step(self, loss: Tensor, factor: float, steps: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["first"] * factor
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            mine = [p for p in self.network.parameters() if p.requires_grad]
            means = [m for m, p in zip(self.mean.parameters(), self.network.parameters(), strict=True) if p.requires_grad]
            torch._foreach_lerp_(means, mine, 1 - min(MEAN, steps / (steps + 10)))

    def state(self) -> dict[str, Any]:
        """Of what learns."""
        return {
            "network": self._learning(self.network.state_dict()),
            "mean": self._learning(self.mean.state_dict()),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"], strict=False)
        self.mean.load_state_dict(state["mean"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])

    def learned(self) -> dict[str, Tensor]:
        """The mean of the weights that learn."""
        return self._learning(self.mean.state_dict())

    def _learning(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        names = {name for name, parameter in self.network.named_parameters() if parameter.requires_grad}
        return {name: tensor for name, tensor in weights.items() if name in names}

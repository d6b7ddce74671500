"""Trains the upper layers of multilingual-e5-small and the heads to read, from English questions.

    python -m benchmarks.reader.multilingual.train --minutes 60          # on two processor cores

The embeddings and the lower layers, which represent all languages alike, do not learn. So what the upper layers learn from English
questions holds for other languages too. Reads build/reader/multilingual/examples.npz.xz; writes upper-*.npz and training.json to --out.
A run that was interrupted goes on from its last checkpoint in --state.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.reader.generic import BUILD
from benchmarks.reader.multilingual.data import PACK, read_model
from benchmarks.reader.training.learner import Learner
from benchmarks.reader.training.network import ReadingNetwork, load_body
from benchmarks.reader.training.train import Training
from index.embedding.bert_graph import FOUR_BIT_BLOCK, FourBits

FROZEN = 6  # lower layers
RATE = 2e-4
NAME = "upper"


class MultilingualTraining(Training):
    def run(self) -> None:
        model = read_model()
        network = ReadingNetwork(model.layers, len(model.words.scales), model.max_length, frozen=FROZEN)
        weights = {f"body.{name}": torch.from_numpy(np.array(array, np.float32)) for name, array in model.weights.items()}
        weights["body.embeddings.word_embeddings.weight"] = _table(model.words)
        load_body(network, weights, range(model.layers))
        learner = Learner(network, RATE)
        self.fit(NAME, [learner], None, self.options.minutes)
        self.validate(NAME, learner)
        self.save(NAME, learner)


def _table(words: FourBits) -> Tensor:
    """(words, d) in full precision."""
    numbers = np.stack([words.halves & 15, words.halves >> 4], axis=-1).astype(np.int8)
    blocks = ((numbers ^ 8) - 8).reshape(len(words.scales), -1, FOUR_BIT_BLOCK).astype(np.float32)
    return torch.from_numpy((blocks * words.scales[..., None]).reshape(len(words.scales), -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--tokens", type=int, default=2048, help="of a batch at most, with padding")
    parser.add_argument("--log-steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--pack", type=Path, default=PACK)
    parser.add_argument("--out", type=Path, default=BUILD / "multilingual" / "run")
    parser.add_argument("--state", type=Path, default=BUILD / "multilingual" / "state")
    parser.set_defaults(generic=1.0, labels=1.0, hidden=0.0, validated=10**6)
    MultilingualTraining(parser.parse_args()).run()


if __name__ == "__main__":
    main()

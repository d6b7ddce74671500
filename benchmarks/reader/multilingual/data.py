"""Prepares the examples of the multilingual reading model: English questions, with the tokens of multilingual-e5-small.

    python -m benchmarks.reader.multilingual.data

Reads `data/reading` in the shared folder; writes build/reader/multilingual-*.jsonl and build/reader/multilingual/examples.npz.xz. No
article of SQuAD's dev set trains: those of XQuAD, which judges the model, are among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from tokenizers import Tokenizer

from benchmarks.reader.examples import Example, Words, write_examples
from benchmarks.reader.generic import BUILD, MIXTURE, SEED, examples_of, records
from benchmarks.reader.pack import MAX_TOKENS, pack, write
from index.embedding.model_files import MULTILINGUAL_FILE, MULTILINGUAL_MODEL, find_model
from index.embedding.multilingual.weights import E5Model, read
from qa.answering.reader.encoding import Encoder
from qa.answering.reader.multilingual.export import tokenizer_of_pairs

PACK = BUILD / "multilingual"
WORDS: Words = (25, 60)  # of a window; the product reads 40
# Questions at most, where fewer than in the mixture of the English model: short or plain texts, of which there are many.
FEWER = {"squadshifts_amazon_reviews": 1_500, "squadshifts_reddit": 1_500, "qamr": 2_000, "fairytaleqa": 1_000}
UNANSWERED = 0.7  # of the mixture's share of questions without an answer
VALIDATION, VALIDATED = "squad11_dev_outside_squad2", 600
# Of each set in `training.data.SETS`.
FILES = (["multilingual-train"], [], [], [], ["multilingual-validation"])


def examples() -> Iterator[Example]:
    for name, (most, share, windows) in MIXTURE.items():
        yield from examples_of(name, records(name), FEWER.get(name, most), UNANSWERED * share, min(windows, 1), SEED, WORDS)


def read_model() -> E5Model:
    return read(find_model(MULTILINGUAL_MODEL, offline=True).folder / MULTILINGUAL_FILE)


def main() -> None:
    train = list(examples())
    validation = list(examples_of(VALIDATION, records(VALIDATION), VALIDATED, 0.0, words=WORDS))
    for name, found in (("train", train), ("validation", validation)):
        digest = write_examples(BUILD / f"multilingual-{name}.jsonl", found)
        print(f"{name}: {len(found)} windows, {digest}", flush=True)
    print(dict(Counter(example.source for example in train)))
    tokenizer: Tokenizer = tokenizer_of_pairs(read_model())
    write(PACK / "examples.npz.xz", pack(Encoder(tokenizer, MAX_TOKENS), FILES, np.uint32))


if __name__ == "__main__":
    main()

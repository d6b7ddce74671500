"""Builds small sentence-transformers models, and compares vectors.

Their weights are random, but for words that occur in one pair of related texts only: those know their subject, or the model would be
refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.embedding.similarity.measuring import PAIRS
from index.text.analysis import words

if TYPE_CHECKING:
    from transformers import BertConfig, BertModel

MIN_COSINE = 0.9999
KNOWN = "[PAD] [UNK] [CLS] [SEP] [MASK] who signed the memorandum a b c d e ##s . ?".split()


def tiny_config(vocabulary: Sequence[str] = KNOWN) -> BertConfig:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )


def _subjects() -> dict[str, int]:
    """The words of one pair of related English texts only, with the number of the pair."""
    pairs = json.loads(PAIRS.read_text("utf-8"))["en"]
    found: dict[str, set[int]] = {}
    for number, texts in enumerate(pairs):
        for word in set(words(" ".join(texts))) - set(KNOWN):
            found.setdefault(word, set()).add(number)
    return {word: min(numbers) for word, numbers in found.items() if len(numbers) == 1}


SUBJECTS = _subjects()
WORDS = [*KNOWN, *SUBJECTS]


def word_vectors(size: int) -> np.ndarray[Any, Any]:
    """Random, but alike for words of one subject; float32 (WORDS, size)."""
    random = np.random.default_rng(0)
    subjects = random.normal(size=(max(SUBJECTS.values()) + 1, size))
    return np.concatenate([random.normal(size=(len(KNOWN), size)), subjects[list(SUBJECTS.values())]]).astype(np.float32)


def random_bert() -> BertModel:
    """Two layers, 16 dimensions."""
    import torch
    from transformers import BertModel

    torch.manual_seed(0)
    return BertModel(tiny_config(WORDS))


def tiny_bert() -> BertModel:
    import torch

    bert = random_bert()
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight[len(KNOWN) :] = torch.from_numpy(word_vectors(16)[len(KNOWN) :])
    return bert


def save(bert: BertModel, folder: Path, pooling: str = "mean", *, normalize: bool = False) -> Path:
    """Save a sentence-transformers folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertTokenizerFast

    (folder / "vocab.txt").write_text("\n".join(WORDS))
    bert.save_pretrained(folder / "bert")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=32)
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling), *([Normalize()] if normalize else [])]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.prompts = {"query": "who ", "document": "the "}
    model.save(str(folder / "model"))
    return folder / "model"


def cosine(one: Any, other: Any) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def assert_unit(vectors: np.ndarray[Any, Any]) -> None:
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-5)

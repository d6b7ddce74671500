"""Builds small sentence-transformers models with random weights, and compares vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import BertConfig, BertModel

MIN_COSINE = 0.9999
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] who signed the memorandum a b c d e ##s . ?".split()


def tiny_config(words: Sequence[str] = WORDS) -> BertConfig:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )


def tiny_bert() -> BertModel:
    import torch
    from transformers import BertModel

    torch.manual_seed(0)
    return BertModel(tiny_config())


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

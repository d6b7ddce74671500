"""Embedder that runs a model in sentence-transformers: the source of exports, and the fallback for models without one.

Importing sentence_transformers takes seconds and hundreds of megabytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.embedding.model_files import NO_TORCH, ModelFiles, set_up_hub
from index.embedding.vocabulary import RelatedWords, whole_words
from index.types import CosineScale, Matrix, ModelError, Vector

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MAX_LENGTH = 512  # tokens, for models without a limit


class TorchEmbedder:
    """Supports every model that sentence-transformers can load."""

    def __init__(self, files: ModelFiles, device: str = "cpu") -> None:
        self._model = load(files.folder, device)
        self.fingerprint = files.fingerprint
        self.scale = CosineScale()
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        special_tokens = getattr(self._model.tokenizer, "num_special_tokens_to_add", lambda pair: 0)(False)
        self.max_tokens = max_length(self._model) - special_tokens
        self._count = _token_counter(self._model.tokenizer)

    @property
    def word_ranks(self) -> Mapping[str, int]:
        return whole_words(self._model.tokenizer.get_vocab())

    @cached_property
    def related_words(self) -> RelatedWords:
        return related_words(self._model)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [self._count(text) for text in texts]

    def embed_question(self, text: str) -> Vector:
        vector: Vector = self._model.encode_query(text, normalize_embeddings=True, show_progress_bar=False)
        return vector

    @property
    def cache_counts(self) -> tuple[int, int]:
        return 0, 0  # no cache

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        vectors: Matrix = self._model.encode_document(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return vectors


def device_name() -> str:
    """The device that sentence-transformers would use, such as "cuda", "mps" or "cpu"."""
    from sentence_transformers.util import get_device_name

    return str(get_device_name())


def load(folder: Path, device: str = "cpu") -> SentenceTransformer:
    """Raises ModelError if sentence-transformers cannot load the folder."""
    set_up_hub(offline=True)  # the files are local by now
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except ModuleNotFoundError as error:
        raise ModelError(f"{folder} needs sentence-transformers; {NO_TORCH}") from error

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(folder), device=device, local_files_only=True, trust_remote_code=False).eval()
    except Exception as error:
        raise ModelError(f"sentence-transformers cannot load {folder}: {error}") from error


def max_length(model: SentenceTransformer) -> int:
    """Maximum number of tokens with special ones; DEFAULT_MAX_LENGTH for models without a limit (word vectors)."""
    length = model.max_seq_length
    return int(length) if length and math.isfinite(length) else DEFAULT_MAX_LENGTH


def prompt(model: SentenceTransformer, names: Sequence[str]) -> str:
    """The prompt that sentence-transformers prepends to texts of this kind, found by the names its encode methods use."""
    for name in names:
        if model.prompts.get(name):
            return str(model.prompts[name])
    return str(model.prompts.get(model.default_prompt_name) or "") if model.default_prompt_name else ""


def related_words(model: SentenceTransformer) -> RelatedWords:
    """From the input embeddings of a transformer; empty for other kinds of models."""
    embeddings = getattr(getattr(model[0], "auto_model", None), "get_input_embeddings", lambda: None)()
    weight = getattr(embeddings, "weight", None)
    if weight is None:
        return RelatedWords.none()
    vectors = weight.detach().cpu().numpy().astype(np.float32)
    return RelatedWords.of(whole_words(model.tokenizer.get_vocab()), vectors)


def _token_counter(tokenizer: Any) -> Callable[[str], int]:
    """Counts tokens without special ones, for tokenizers of three libraries."""
    import tokenizers

    if isinstance(tokenizer, tokenizers.Tokenizer):  # static embeddings
        whole = tokenizers.Tokenizer.from_str(tokenizer.to_str())
        whole.no_truncation()
        return lambda text: len(whole.encode(text, add_special_tokens=False).ids)
    if callable(tokenizer):  # transformers
        return lambda text: len(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])
    return lambda text: len(tokenizer.tokenize(text))  # word lists

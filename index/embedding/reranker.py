"""Optional re-ranking by a cross-encoder, which reads question and passage together; off unless a model is configured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.embedding.model_files import NO_TORCH, model_folder, set_up_hub
from index.types import ModelError, Scores


class CrossEncoderReranker:
    """A cross-encoder in sentence-transformers."""

    def __init__(self, name: str, *, offline: bool = True) -> None:
        """`name`: a folder, or a name in the local model cache. Raises ModelError if it is missing or unusable."""
        folder = model_folder(name, offline=offline, marker="config.json")
        set_up_hub(offline=True)  # the files are local by now
        try:
            from sentence_transformers import CrossEncoder
        except ModuleNotFoundError as error:
            raise ModelError(f"the re-ranker needs sentence-transformers; {NO_TORCH}") from error

        try:
            self._model = CrossEncoder(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise ModelError(f"sentence-transformers cannot load the cross-encoder {folder}: {error}") from error
        if self._model.num_labels != 1:
            raise ModelError(f"{folder} is not a re-ranking model: it has {self._model.num_labels} outputs instead of one")

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        pairs = [(question, text) for text in texts]
        return np.asarray(self._model.predict(pairs, show_progress_bar=False), np.float32).reshape(len(texts))

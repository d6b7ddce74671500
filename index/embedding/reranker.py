"""Re-ranking by a cross-encoder, which reads question and passage together: off unless the operator names a model.

Every question costs as many readings of a passage as are re-ranked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.embedding.model_files import model_folder, set_up_hub
from index.types import ModelError, Scores


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers."""

    def __init__(self, name: str, *, offline: bool = True) -> None:
        """`name`: a folder, or a name in this machine's model cache. Raises ModelError where it is missing or unusable."""
        folder = model_folder(name, offline=offline, marker="config.json")
        set_up_hub(offline=True)  # the files are here by now
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise ModelError(f"sentence-transformers cannot load the cross-encoder {folder}: {error}") from error
        if self._model.num_labels != 1:
            raise ModelError(f"{folder} is no re-ranking model: it has {self._model.num_labels} outputs and not one")

    def scores(self, question: str, texts: Sequence[str]) -> Scores:
        found: Scores = np.asarray(
            self._model.predict([(question, text) for text in texts], show_progress_bar=False), np.float32
        ).reshape(len(texts))
        return found

"""Many passages on a GPU, where sentence-transformers sees one; questions and single documents stay with the export, which is quicker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from index.embedding.model_files import ModelFiles
from index.embedding.torch_embedder import TorchEmbedder
from index.types import Embedder, Matrix, Vector

log = logging.getLogger(__name__)

# There while the kernel driver of NVIDIA's GPUs is loaded. To ask torch costs seconds, which no start without a GPU should take.
DRIVER = Path("/proc/driver/nvidia/version")
# From so many passages on it pays to bring them to the device; the first time the model is loaded, which takes seconds.
MANY = 64

Probe = Callable[[], str | None]


def cuda_device() -> str | None:
    """The name of the CUDA device that sentence-transformers would use; None where there is none."""
    if not DRIVER.exists():
        return None
    from index.embedding.torch_embedder import device_name

    name = device_name()
    return name if name.startswith("cuda") else None


def accelerated(embedder: Embedder, files: ModelFiles, probe: Probe = cuda_device) -> Embedder:
    """The embedder, with many passages on the device that `probe` finds; the same one where it finds none."""
    device = probe()
    if device is None:
        return embedder
    log.info("passages are embedded on %s", device)
    return GpuEmbedder(embedder, files, device)


class GpuEmbedder:
    """Safe to call from several threads at once."""

    def __init__(self, embedder: Embedder, files: ModelFiles, device: str) -> None:
        self._embedder, self._files, self._device = embedder, files, device
        self._original: TorchEmbedder | None = None
        self._loading = threading.Lock()

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    @property
    def word_ranks(self) -> Mapping[str, int]:
        return self._embedder.word_ranks

    @property
    def related_words(self) -> Callable[[str], Sequence[tuple[str, float]]]:
        return self._embedder.related_words

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    def embed_question(self, text: str) -> Vector:
        return self._embedder.embed_question(text)

    @property
    def cache_counts(self) -> tuple[int, int]:
        return self._embedder.cache_counts

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        if len(texts) < MANY:
            return self._embedder.embed_passages(texts)
        with self._loading:
            if self._original is None:
                self._original = TorchEmbedder(self._files, self._device)
        return self._original.embed_passages(texts)

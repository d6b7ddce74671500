"""Embeds many passages on a GPU if sentence-transformers finds one; questions and single documents use the export, which is faster."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from index.embedding.model_files import ModelFiles
from index.embedding.torch_embedder import TorchEmbedder
from index.types import CosineScale, Embedder, Matrix, Vector

log = logging.getLogger(__name__)

# Exists while NVIDIA's kernel driver is loaded. Asking torch takes seconds, too long for a start without a GPU.
DRIVER = Path("/proc/driver/nvidia/version")
MANY = 64  # passages from which the device is faster; loading the model for the first ones takes seconds

Probe = Callable[[], str | None]


def cuda_device() -> str | None:
    """The name of the CUDA device that sentence-transformers would use, or None."""
    if not DRIVER.exists() or find_spec("torch") is None:
        return None
    from index.embedding.torch_embedder import device_name

    name = device_name()
    return name if name.startswith("cuda") else None


def use_gpu(embedder: Embedder, files: ModelFiles, probe: Probe = cuda_device) -> Embedder:
    """Wrap the embedder to embed many passages on the device that `probe` finds; return it unchanged if there is none."""
    device = probe()
    if device is None:
        return embedder
    log.info("embedding passages on %s", device)
    return GpuEmbedder(embedder, files, device)


class GpuEmbedder:
    """Thread-safe."""

    def __init__(self, embedder: Embedder, files: ModelFiles, device: str) -> None:
        self._embedder, self._files, self._device = embedder, files, device
        self._torch_embedder: TorchEmbedder | None = None
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
    def scale(self) -> CosineScale:
        return self._embedder.scale

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
            if self._torch_embedder is None:
                self._torch_embedder = TorchEmbedder(self._files, self._device)
        return self._torch_embedder.embed_passages(texts)

"""Many passages are embedded on a GPU if there is one; here the CPU stands in for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.embedding import gpu_embedder as module
from index.embedding.gpu_embedder import MANY, cuda_device, use_gpu
from index.embedding.model_files import DEFAULT_MODEL, find_model
from index.types import Embedder

TEXTS = [
    f"Passage {number} is about the {word}." for number, word in enumerate(["otter", "budget", "visa", "canal"] * (MANY // 4))
]


def test_without_a_driver_torch_is_not_asked(embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRIVER", tmp_path / "version")
    monkeypatch.setattr("index.embedding.torch_embedder.device_name", lambda: pytest.fail("torch was asked"))
    assert use_gpu(embedder, find_model(DEFAULT_MODEL, offline=True)) is embedder


@pytest.mark.parametrize(("name", "found"), [("cuda", "cuda"), ("cuda:1", "cuda:1"), ("mps", None), ("cpu", None)])
def test_cuda_device_is_the_one_of_sentence_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, found: str | None
) -> None:
    (tmp_path / "version").write_text("NVRM version")
    monkeypatch.setattr(module, "DRIVER", tmp_path / "version")
    monkeypatch.setattr("index.embedding.torch_embedder.device_name", lambda: name)
    assert cuda_device() == found


def test_only_many_passages_use_the_device(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = module.TorchEmbedder
    monkeypatch.setattr(module, "TorchEmbedder", lambda files, device: loaded.append(device) or load(files, device))
    using = use_gpu(embedder, find_model(DEFAULT_MODEL, offline=True), lambda: "cpu")
    few, question = using.embed_passages(TEXTS[: MANY - 1]), using.embed_question(TEXTS[0])
    assert loaded == []
    many = using.embed_passages(TEXTS)
    using.embed_passages(TEXTS)
    assert loaded == ["cpu"]
    assert (using.fingerprint, using.dimension, using.max_tokens) == (
        embedder.fingerprint,
        embedder.dimension,
        embedder.max_tokens,
    )
    assert many.shape == (len(TEXTS), embedder.dimension)
    assert np.sum(many[: len(few)] * few, axis=1).min() > 0.9999
    assert float(question @ embedder.embed_question(TEXTS[0])) > 0.9999

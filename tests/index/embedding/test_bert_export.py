"""BERT models exported from their files: equal to sentence-transformers, without torch; other models go through torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.embedding.bert_export import Unsupported, read_model
from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL, find_model
from index.embedding.onnx_embedder import create_session
from index.types import Embedder
from tests.index.embedding.models import MIN_COSINE, cosine, save, tiny_bert

TEXTS = ["", "who signed?", "A B C. d e s", "MEMORANDUMS é 東京", "d " * 100, "[CLS] a [SEP] b [MASK] [PAD]"]


def assert_equal_vectors(embedder: Embedder, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    passages = embedder.embed_passages(TEXTS)
    assert passages.shape[1] == embedder.dimension == reference.get_embedding_dimension()
    for text, passage in zip(TEXTS, passages, strict=True):
        assert cosine(passage, reference.encode_document(text)) >= MIN_COSINE, text
        assert cosine(embedder.embed_question(text), reference.encode_query(text)) >= MIN_COSINE, text


@pytest.fixture
def without_torch(caplog: pytest.LogCaptureFixture) -> Callable[[Path, str], Embedder]:
    """Export a model, which must not go through torch."""

    def load(folder: Path, name: str) -> Embedder:
        caplog.set_level("INFO")
        embedder = load_embedder(name, folder)
        assert "torch" not in caplog.text
        return embedder

    return load


def test_the_default_model_agrees_with_sentence_transformers(tmp_path: Path, without_torch: Any) -> None:
    assert_equal_vectors(without_torch(tmp_path, DEFAULT_MODEL), find_model(DEFAULT_MODEL, offline=True).folder)


@pytest.mark.parametrize(("pooling", "normalize"), [("mean", True), ("cls", False), ("cls", True)])
def test_tiny_models_agree_with_sentence_transformers(
    tmp_path: Path, without_torch: Any, pooling: str, normalize: bool
) -> None:
    folder = save(tiny_bert(), tmp_path, pooling, normalize=normalize)
    assert_equal_vectors(without_torch(tmp_path / "models", str(folder)), folder)
    (file,) = tmp_path.rglob("model.onnx")
    output = create_session(file, 1).run(None, inputs([2, 5, 3]))[0]
    assert (abs(np.linalg.norm(output) - 1) < 1e-5) == normalize


def test_padding_does_not_change_a_vector(tiny_models: Path) -> None:
    (file,) = tiny_models.rglob("model.onnx")
    session = create_session(file, 1)
    together = session.run(["sentence_embedding"], inputs([2, 5, 6, 7, 8, 3], [2, 9, 3]))[0]
    alone = session.run(["sentence_embedding"], inputs([2, 9, 3]))[0]
    np.testing.assert_allclose(together[1], alone[0], atol=1e-6)


def inputs(*rows: list[int]) -> dict[str, Any]:
    longest = max(map(len, rows))
    ids = np.array([row + [0] * (longest - len(row)) for row in rows])
    mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return {"input_ids": ids, "token_type_ids": np.zeros_like(ids), "attention_mask": mask}


@pytest.mark.parametrize(
    ("file", "key", "value", "reason"),
    [
        ("config.json", "model_type", "distilbert", "its architecture is distilbert"),
        ("config.json", "hidden_act", "relu", "hidden_act to relu"),
        ("config.json", "position_embedding_type", "relative_key", "position_embedding_type to relative_key"),
        ("config.json", "auto_map", {"AutoModel": "code.Model"}, "code of its own"),
        ("config.json", "intermediate_size", 64, "has the shape"),
        ("config.json", "num_hidden_layers", 3, "has no encoder.layer.2"),
        ("1_Pooling/config.json", "pooling_mode", "max", "its pooling is max"),
        ("1_Pooling/config.json", "pooling_mode", ["cls", "mean"], "its pooling is"),
        ("1_Pooling/config.json", "include_prompt", False, "leaves prompts out"),
        ("tokenizer_config.json", "tokenizer_class", "XLMRobertaTokenizer", "its tokenizer is XLMRobertaTokenizer"),
        ("tokenizer_config.json", "do_lower_case", False, "tokenizer.json and tokenizer_config.json differ"),
        ("sentence_bert_config.json", "transformer_task", "fill-mask", "sets transformer_task"),
        ("config_sentence_transformers.json", "model_type", "SparseEncoder", "not a dense model"),
    ],
)
def test_unsupported_models_are_recognised(
    tiny_model: Path, tmp_path: Path, file: str, key: str, value: Any, reason: str
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    change(folder / file, key, value)
    with pytest.raises(Unsupported, match=reason):
        read_model(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "modules.json"])
def test_models_without_the_files_are_unsupported(tiny_model: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(Unsupported, match="cannot be read"):
        read_model(folder)


def test_an_unsupported_model_is_exported_through_torch(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    change(folder / "config.json", "hidden_act", "relu")
    embedder = load_embedder(str(folder), tmp_path / "models")
    assert "is exported through torch: config.json sets hidden_act to relu" in caplog.text
    assert list((tmp_path / "models").rglob("model.onnx"))
    assert_equal_vectors(embedder, folder)


def change(file: Path, key: str, value: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))

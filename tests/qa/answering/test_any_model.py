"""Answers do not depend on where a model's cosines lie: the press release with a model whose unrelated texts have cosines near .7."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.press_release import press_release
from index.embedded.opening import open_engine_to_write
from index.embedding.similarity import measuring
from index.types import CosineScale, Embedder, Matrix, Vector
from qa.answering.answerer import Answerer
from qa.answering.reader.loading import load_readers
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.settings import ANSWER_THRESHOLD
from tests.qa.answering.test_press_release_questions import OFF_TOPIC, QUESTIONS

SHARED = 1.6  # length of the part that all vectors have in common; the others have length 1


class CrowdedEmbedder:
    """The default model with a dimension in which all texts are alike, as in e5."""

    fingerprint = "crowded"
    cache_counts = (0, 0)

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.dimension = embedder.dimension + 1
        self.max_tokens = embedder.max_tokens
        self.word_ranks, self.related_words = embedder.word_ranks, embedder.related_words
        self.count_tokens = embedder.count_tokens
        self.scale = CosineScale()

    def embed_question(self, text: str) -> Vector:
        return self._crowd(self._embedder.embed_question(text)[None])[0]

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._crowd(self._embedder.embed_passages(texts))

    def _crowd(self, vectors: Matrix) -> Matrix:
        longer = np.pad(vectors, ((0, 0), (0, 1)), constant_values=SHARED)
        return np.asarray(longer / np.sqrt(1 + SHARED**2), np.float32)


@pytest.fixture(scope="module")
def crowded(embedder: Embedder) -> CrowdedEmbedder:
    model = CrowdedEmbedder(embedder)
    scale = measuring.fit(measuring.measure(model))
    assert scale is not None
    assert scale.unrelated > 0.7
    model.scale = scale
    return model


@pytest.fixture(scope="module")
def answerer(crowded: CrowdedEmbedder, exported_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answerer]:
    writer = DocumentWriter(open_engine_to_write(tmp_path_factory.mktemp("crowded"), lambda _: ("crowded", crowded)))
    with writer:
        document = press_release()
        writer.put(IncomingDocument(str(document.id), document))
        yield Answerer(writer.engine, ANSWER_THRESHOLD, ("en",), readers=load_readers("packaged", exported_model))


def test_questions_off_the_topic_are_refused(answerer: Answerer) -> None:
    answered = [question for question in OFF_TOPIC if answerer.ask(question).answerable]
    assert len(answered) <= 0.05 * len(OFF_TOPIC), answered


def test_questions_on_the_topic_are_answered(answerer: Answerer) -> None:
    refused = [asked["question"] for asked in QUESTIONS if not answerer.ask(asked["question"]).answerable]
    assert len(refused) <= 0.05 * len(QUESTIONS), refused

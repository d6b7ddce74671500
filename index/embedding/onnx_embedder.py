"""An exported model, served with onnxruntime and tokenizers. The only importer of the ONNX runtime."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from index import durable_files
from index.embedding.model_files import sha256
from index.embedding.vocabulary import RelatedWords, whole_words
from index.types import Matrix, ModelError, Vector

# From so many passages on it pays to load the model a second time, with one thread a passage, for as long as they take.
MANY = 16
# Questions whose vectors are kept: 8 MB at 384 dimensions. People ask the same things, and a page asks again when it is reloaded.
QUESTIONS_KEPT = 4096
# How long the model's threads look for the next step before they sleep. By default that is long enough to be in the way of whoever
# takes the answer and asks the next question, on other threads and in other processes; the next step comes much sooner.
SPIN_MICROSECONDS = 1000
FACTS_FILE = "export.json"
RELATED_FILE = "related-words.npz"
MODEL_FILE = "model.onnx"


class OnnxEmbedder:
    """Serves an export with onnxruntime and tokenizers. Safe to call from several threads at once."""

    def __init__(self, folder: Path, fingerprint: str, threads: int = 2, questions: Path | None = None) -> None:
        """`threads`: cores for one question, and passages embedded side by side. Raises ModelError where a file was changed.

        `questions`: the verified folder of another export, whose vectors of questions can be compared with these passages'.
        """
        import tokenizers

        facts = verify(folder)
        self.fingerprint = fingerprint
        self.dimension: int = facts["dimension"]
        self.max_tokens: int = facts["max_length"] - facts["special_tokens"]
        self._inputs: list[str] = facts["inputs"]
        self._question_prompt: str = facts["question_prompt"]
        self._passage_prompt: str = facts["passage_prompt"]
        self._lower = facts["lower_case"]
        self._threads = threads
        self._model_file = folder / MODEL_FILE
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(facts["max_length"])
        self._counter = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._counter.no_padding()
        self._counter.no_truncation()
        self.related_words = RelatedWords.load(folder / RELATED_FILE)
        self._question_session = _QuestionSession(questions / MODEL_FILE if questions else self._model_file, threads)
        if not questions:
            self._passage_session = self._question_session
        self._question_vector = lru_cache(QUESTIONS_KEPT)(self._embedded_question)

    @cached_property
    def _passage_session(self) -> Any:
        """Loaded when passages come, where another export embeds the questions: a server that is only asked never needs it."""
        return _session(self._model_file, self._threads)

    @property
    def word_ranks(self) -> Mapping[str, int]:
        return whole_words(self._tokenizer.get_vocab(with_added_tokens=False))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(e.ids) for e in self._counter.encode_batch([self._cased(t) for t in texts], add_special_tokens=False)]

    def embed_question(self, text: str) -> Vector:
        """float32 (d,), unit length, read-only: the array is cached."""
        return self._question_vector(text)

    @property
    def cache_counts(self) -> tuple[int, int]:
        kept = self._question_vector.cache_info()
        return kept.hits, kept.misses

    def _embedded_question(self, text: str) -> Vector:
        vector = self._embed(self._question_session, self._question_prompt + text)
        vector.flags.writeable = False
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """One text at a time on each core, the longest first, so that the cores come to the end together.

        Batches were slower a text, also of texts of like length (docs/decisions/0014-scale.md).
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        encodings = self._tokenizer.encode_batch([self._cased(self._passage_prompt + text) for text in texts])
        order = sorted(range(len(texts)), key=lambda place: -len(encodings[place].ids))
        session = self._passage_session if len(texts) < MANY else _session(self._model_file, 1)

        def embed(place: int) -> None:
            vectors[place] = self._vector(session, encodings[place])

        with ThreadPoolExecutor(1 if len(texts) < MANY else self._threads) as pool:
            list(pool.map(embed, order))
        return vectors

    def _embed(self, session: Any, text: str) -> Vector:
        return self._vector(session, self._tokenizer.encode(self._cased(text)))

    def _vector(self, session: Any, encoding: Any) -> Vector:
        columns = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": encoding.type_ids}
        vector = session.run(None, {name: np.array([columns[name]], np.int64) for name in self._inputs})[0][0]
        return unit(vector)

    def _cased(self, text: str) -> str:
        return text.lower() if self._lower else text


class _QuestionSession:
    """A question that is alone is computed on all threads; several at once on one thread each, so that they do not wait for each other.

    What is computed is the same. No lock is held meanwhile. docs/decisions/0015-speed.md has the figures.
    """

    def __init__(self, model_file: Path, threads: int) -> None:
        self._model_file = model_file
        self._alone = _session(model_file, threads)
        self._together: Any = self._alone if threads == 1 else None  # loaded when it is first needed: it takes as much memory
        self._running = 0
        self._counting, self._loading = threading.Lock(), threading.Lock()

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Any]) -> Any:
        with self._counting:
            self._running += 1
            session = self._alone if self._running == 1 else None
        try:
            return (session or self._loaded()).run(outputs, inputs)
        finally:
            with self._counting:
                self._running -= 1

    def _loaded(self) -> Any:
        if self._together is None:
            with self._loading:
                self._together = self._together or _session(self._model_file, 1)
        return self._together


def unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else vector


def _session(model_file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS))
    return onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])


def verify(folder: Path) -> dict[str, Any]:
    """What is said of an export, all of whose files are what was written. Raises ModelError."""
    try:
        facts: dict[str, Any] = durable_files.read_json(folder / FACTS_FILE)
        if RELATED_FILE not in facts["sha256_of"]:
            raise ModelError("an earlier version made it")
        damaged = [name for name, digest in facts["sha256_of"].items() if sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError, ModelError) as error:
        raise ModelError(f"the exported model in {folder} is incomplete: {error}") from error
    if damaged:
        raise ModelError(f"the exported model in {folder} was altered: {', '.join(damaged)}")
    return facts

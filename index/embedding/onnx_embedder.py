"""Embedder for a model exported to ONNX. Importer of the ONNX runtime."""

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
from index.types import CosineScale, Matrix, ModelError, Vector

MANY = 16  # passages from which a temporary second session with one thread per passage is faster
CACHED_QUESTIONS = 1024  # vectors: 2 MB at 384 dimensions
# How long idle threads of the model spin before they sleep. The default is so long that they slow down other threads and processes.
SPIN_MICROSECONDS = 1000
FACTS_FILE = "export.json"
RELATED_FILE = "related-words.npz"
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
MAPPED_FILE, WEIGHTS_FILE = "mapped.onnx", "mapped.weights"
MAPPED_BYTES = 1024  # smaller weights stay in the model's file


class OnnxEmbedder:
    """Thread-safe."""

    def __init__(self, folder: Path, fingerprint: str, threads: int = 2, questions: Path | None = None) -> None:
        """Load an export. Raises ModelError if a file is missing or modified.

        `threads`: for one question, and for passages embedded in parallel. `questions`: verified file of a second model that embeds
        questions, with vectors comparable to the passages'.
        """
        import tokenizers

        facts = verify(folder)
        self.fingerprint = fingerprint
        self.scale = CosineScale()
        self.dimension: int = facts["dimension"]
        self.max_tokens: int = facts["max_length"] - facts["special_tokens"]
        self._inputs: list[str] = facts["inputs"]
        self._question_prompt: str = facts["question_prompt"]
        self._passage_prompt: str = facts["passage_prompt"]
        self._lower = facts["lower_case"]
        self._threads = threads
        self._model_file = folder / MODEL_FILE
        self._tokenizer_file = str(folder / TOKENIZER_FILE)
        self._tokenizer = tokenizers.Tokenizer.from_file(self._tokenizer_file)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(facts["max_length"])
        self.related_words = RelatedWords.load(folder / RELATED_FILE)
        self._question_session = _QuestionSession(questions or self._model_file, threads)
        if not questions:
            self._passage_session = self._question_session
        self._question_vector = lru_cache(CACHED_QUESTIONS)(self._compute_question_vector)

    @cached_property
    def _passage_session(self) -> Any:
        """Loaded on first use: a server that only answers questions never needs it if another export embeds them."""
        return create_session(self._model_file, self._threads)

    @cached_property
    def _counter(self) -> Any:
        """Loaded on first use: only splitting documents needs it, and it takes 8 MB."""
        import tokenizers

        counter = tokenizers.Tokenizer.from_file(self._tokenizer_file)
        counter.no_padding()
        counter.no_truncation()
        return counter

    @property
    def word_ranks(self) -> Mapping[str, int]:
        return whole_words(self._tokenizer.get_vocab(with_added_tokens=False))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [
            len(e.ids) for e in self._counter.encode_batch([self._normalize_case(t) for t in texts], add_special_tokens=False)
        ]

    def embed_question(self, text: str) -> Vector:
        """float32 (d,), unit length, read-only: the array is cached."""
        return self._question_vector(text)

    @property
    def cache_counts(self) -> tuple[int, int]:
        info = self._question_vector.cache_info()
        return info.hits, info.misses

    def _compute_question_vector(self, text: str) -> Vector:
        vector = self._vector(
            self._question_session, self._tokenizer.encode(self._normalize_case(self._question_prompt + text))
        )
        vector.flags.writeable = False
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """One text at a time per core, longest first, so that all cores finish at about the same time.

        Batches were slower per text, even with texts of equal length (docs/decisions/0014-scale.md).
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        encodings = self._tokenizer.encode_batch([self._normalize_case(self._passage_prompt + text) for text in texts])
        order = sorted(range(len(texts)), key=lambda place: -len(encodings[place].ids))
        session = self._passage_session if len(texts) < MANY else create_session(self._model_file, 1)

        def embed(place: int) -> None:
            vectors[place] = self._vector(session, encodings[place])

        with ThreadPoolExecutor(1 if len(texts) < MANY else self._threads) as pool:
            list(pool.map(embed, order))
        return vectors

    def _vector(self, session: Any, encoding: Any) -> Vector:
        columns = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": encoding.type_ids}
        vector = session.run(None, {name: np.array([columns[name]], np.int64) for name in self._inputs})[0][0]
        return unit(vector)

    def _normalize_case(self, text: str) -> str:
        return text.lower() if self._lower else text


class _QuestionSession:
    """Runs a single question on all threads, and concurrent questions on one thread each; the vectors are equal.

    No lock is held while the model runs. docs/decisions/0015-speed.md has the figures.
    """

    def __init__(self, model_file: Path, threads: int) -> None:
        self._model_file, self._threads = model_file, threads
        self._sessions: dict[int, Any] = {}  # by threads, loaded on first use: a process that only ingests needs none
        self._running = 0
        self._counting, self._loading = threading.Lock(), threading.Lock()

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Any]) -> Any:
        with self._counting:
            self._running += 1
            threads = self._threads if self._running == 1 else 1
        try:
            return (self._sessions.get(threads) or self._load(threads)).run(outputs, inputs)
        finally:
            with self._counting:
                self._running -= 1

    def _load(self, threads: int) -> Any:
        with self._loading:
            if threads not in self._sessions:
                self._sessions[threads] = create_session(self._model_file, threads)
            return self._sessions[threads]


def unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else vector


def create_session(model_file: Path, threads: int) -> Any:
    """A session on the processor whose runs take this many threads; several may run at once."""
    return _open_session(model_file, {"session.intra_op.spin_duration_us": str(SPIN_MICROSECONDS)}, threads=threads)


def write_mapped(model_file: Path, folder: Path) -> None:
    """Write a model as the runtime uses it, with its weights in a file of their own, which all sessions of all processes map.

    Otherwise each session has copies of the weights, packed for the processor's instructions. A runtime that packs them in another way,
    on another processor, recognises it and makes its own copies.
    """
    entries = {
        "session.optimized_model_external_initializers_file_name": WEIGHTS_FILE,
        "session.optimized_model_external_initializers_min_size_in_bytes": str(MAPPED_BYTES),
        "session.save_external_prepacked_constant_initializers": "1",
    }
    _open_session(model_file, entries, write_to=folder / MAPPED_FILE)


def _open_session(model_file: Path, entries: Mapping[str, str], *, threads: int = 1, write_to: Path | None = None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for name, value in entries.items():
        options.add_session_config_entry(name, value)
    if write_to:
        options.optimized_model_filepath = str(write_to)
    return onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])


def write_facts(
    folder: Path,
    *,
    inputs: Sequence[str],
    dimension: int,
    max_length: int,
    special_tokens: int,
    lower_case: bool,
    question_prompt: str,
    passage_prompt: str,
) -> None:
    """Describe a finished export for `verify`. `max_length`: in tokens, with `special_tokens`."""
    facts = {
        "inputs": list(inputs),
        "dimension": dimension,
        "max_length": max_length,
        "special_tokens": special_tokens,
        "lower_case": lower_case,
        "question_prompt": question_prompt,
        "passage_prompt": passage_prompt,
        "sha256_of": {name: sha256(folder / name) for name in (MODEL_FILE, TOKENIZER_FILE, RELATED_FILE)},
    }
    durable_files.write_json(folder / FACTS_FILE, facts)


def verify(folder: Path) -> dict[str, Any]:
    """Check the SHA-256 of every file of an export and return its description. Raises ModelError."""
    try:
        facts: dict[str, Any] = durable_files.read_json(folder / FACTS_FILE)
        if RELATED_FILE not in facts["sha256_of"]:
            raise ModelError("it was exported by an earlier version")
        damaged = [name for name, digest in facts["sha256_of"].items() if sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError, ModelError) as error:
        raise ModelError(f"the exported model in {folder} is incomplete: {error}") from error
    if damaged:
        raise ModelError(f"the exported model in {folder} was modified: {', '.join(damaged)}")
    return facts

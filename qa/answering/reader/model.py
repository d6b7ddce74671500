"""A reading model exported to ONNX, and how its logits become readings of units."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from corpus.types import Span
from index import durable_files
from index.embedding.model_files import sha256
from index.embedding.onnx_embedder import create_session
from index.types import Matrix, ModelError, Vector
from qa.answering.reader.encoding import Encoder, Encoding
from qa.answering.reader.windows import UnitReading, Window

FORMAT = 1
MANIFEST = "reader.json"
MODEL_FILE, TOKENIZER_FILE = "model.onnx", "tokenizer.json"
LONGEST_SPAN = 40  # tokens
CACHED_WINDOWS = 4096  # with their questions, about 1 kB each
LOWEST = -30.0  # score of a unit without a token
REINSTALL = "reinstall quotable-qa, or name another model in QA_READER"


@dataclass(frozen=True, slots=True)
class Logits:
    """Of the tokens of one window: `start`, `end` and `evidence` (n,); `answers`: of the whole window. At 0 stands "nothing answers"."""

    start: Vector
    end: Vector
    evidence: Vector | None = None
    answers: float = 0.0


class ReadingModel:
    """Thread-safe. `sha256`: of the model file."""

    def __init__(
        self,
        folder: Path,
        threads: int = 2,
        *,
        remedy: str = REINSTALL,
        languages: Collection[str] = (),
        find_copy: Callable[[Path, str], Path] = lambda model_file, digest: model_file,
    ) -> None:
        """Verify an exported model. Raises ModelError with `remedy` if a file is missing or modified.

        `languages`: that it was trained for, empty if they are not known. `find_copy`: the file to load instead of the model's, which
        has that SHA-256.
        """
        import tokenizers

        facts = _verify(folder, remedy)
        self.sha256: str = facts["sha256_of"][MODEL_FILE]
        self._languages = frozenset(languages)
        self._inputs: list[str] = facts["inputs"]
        self._outputs: list[str] = facts["outputs"]
        self._weights: dict[str, float] = facts["weights"]
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._encoder = Encoder(tokenizer, facts["max_tokens"], lower_case=facts["lower_case"])
        self._model_file = find_copy(folder / MODEL_FILE, self.sha256)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._read_once = lru_cache(CACHED_WINDOWS)(self._read_window)

    @cached_property
    def _session(self) -> Any:
        """Loaded on first use: a server starts at once, and one that never reads does without."""
        return create_session(self._model_file, 1)

    def reads(self, language: str) -> bool:
        return not self._languages or language in self._languages

    def read(self, question: str, windows: Sequence[Window]) -> list[list[UnitReading]]:
        """A window a thread, once for a question. Five took 95 ms on two busy cores, 127 with both threads on each, 134 as a batch."""
        hashable = [replace(window, units=tuple(window.units)) for window in windows]
        return list(self._pool.map(partial(self._read_once, question), hashable))

    def _logits(self, encoding: Encoding) -> Logits:
        values = self._session.run(self._outputs, create_inputs(encoding, self._inputs))
        found = {name: value[0] for name, value in zip(self._outputs, values, strict=True)}
        return Logits(found["start"], found["end"], found.get("evidence"), float(found.get("answers", 0.0)))

    def _read_window(self, question: str, window: Window) -> list[UnitReading]:
        readings: list[UnitReading | None] = [None] * len(window.units)
        offset = 0
        while True:
            encoding = self._encoder.encode(question, window.context, window.text[offset:])
            places = {
                place: tokens
                for place, (start, end) in enumerate(window.units)
                if readings[place] is None
                and end > offset
                and (tokens := encoding.tokens_of((start - offset, end - offset)))[0] < tokens[1]
            }
            if not places:
                break
            logits = self._logits(encoding)
            for place, tokens in places.items():
                readings[place] = self._reading(logits, encoding, tokens, offset)
            unread = [start for place, (start, _) in enumerate(window.units) if readings[place] is None and start > offset]
            if not unread:
                break
            offset = min(unread)  # the text was cut before this unit
        return [reading or UnitReading(LOWEST, 0.0, window.units[place]) for place, reading in enumerate(readings)]

    def _reading(self, logits: Logits, encoding: Encoding, tokens: Span, offset: int) -> UnitReading:
        strength, first, last = best_span(logits, tokens)
        features = {"span": strength, "answers": logits.answers}
        if logits.evidence is not None:
            features["evidence"] = pooled_evidence(logits.evidence, tokens)
        score = combine(self._weights, features)
        begin, end = encoding.offsets[first - encoding.first][0], encoding.offsets[last - encoding.first][1]
        return UnitReading(score, 1 / (1 + math.exp(-score)), (offset + begin, offset + end))


def best_span(logits: Logits, tokens: Span) -> tuple[float, int, int]:
    """The best span inside `tokens`: its start and end logits less those of "nothing answers", its first and its last token."""
    start, end = tokens
    strengths: Matrix = np.add.outer(logits.start[start:end], logits.end[start:end])
    lengths = np.subtract.outer(np.arange(start, end), np.arange(start, end)).T  # tokens from first to last
    strengths = np.where((lengths >= 0) & (lengths < LONGEST_SPAN), strengths, -np.inf)
    first, last = divmod(int(np.argmax(strengths)), end - start)
    return float(strengths[first, last] - logits.start[0] - logits.end[0]), start + first, start + last


def pooled_evidence(evidence: Vector, tokens: Span) -> float:
    """The log of the mean exponential of a unit's evidence logits, less that of "nothing answers"."""
    inside = evidence[slice(*tokens)].astype(np.float64)
    top = float(inside.max())
    return top + math.log(float(np.exp(inside - top).mean())) - float(evidence[0])


def combine(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    score = weights["bias"] + sum(weight * features[name] for name, weight in weights.items() if name != "bias")
    return min(max(score, LOWEST), -LOWEST)


def create_inputs(encoding: Any, names: Sequence[str]) -> dict[str, Any]:
    """The named inputs (1, tokens) of an encoding, ours or the tokenizer's."""
    columns = {"input_ids": encoding.ids, "attention_mask": [1] * len(encoding.ids), "token_type_ids": encoding.type_ids}
    return {name: np.array([columns[name]], np.int64) for name in names}


def run_graph(model_file: Path, inputs: Mapping[str, Any]) -> list[Any]:
    """All outputs of a model, once."""
    outputs: list[Any] = create_session(model_file, 1).run(None, inputs)
    return outputs


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Describe the exported model in `folder`. `facts`: inputs, outputs, max_tokens, lower_case, weights."""
    digests = {name: sha256(folder / name) for name in (MODEL_FILE, TOKENIZER_FILE)}
    durable_files.write_json(folder / MANIFEST, {"format": FORMAT, **facts, "sha256_of": digests})


def _verify(folder: Path, remedy: str) -> dict[str, Any]:
    """The description of an exported model, whose files are as it says."""
    try:
        facts: dict[str, Any] = durable_files.read_json(folder / MANIFEST)
        if facts["format"] != FORMAT:
            raise ModelError(f"the reading model in {folder} has format {facts['format']}, not {FORMAT}; {remedy}")
        damaged = [name for name, digest in facts["sha256_of"].items() if sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the reading model in {folder} is incomplete: {error}; {remedy}") from error
    if damaged:
        raise ModelError(f"the reading model in {folder} was modified: {', '.join(damaged)}; {remedy}")
    return facts

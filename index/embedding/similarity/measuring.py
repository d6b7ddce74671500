"""Measures the cosines of questions and passages, and keeps their scale with the prepared model. docs/decisions/0029-any-model.md"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from index import durable_files
from index.model_cache import ModelCache
from index.types import CosineScale, Embedder, ModelError, Scores

PAIRS = Path(__file__).parent / "pairs.json"
FILE = "scale.json"
FORMAT = 1  # increased when the pairs or the figures of the default model change
# From this share on a model reads a language. The default model has .998 in English and at most .79 in the other languages of the pairs,
# a small multilingual one .95 to 1; random weights give .5 to .6.
MIN_TOLD_APART = 0.9


@dataclass(frozen=True, slots=True)
class Cosines:
    """Of questions in one language with the passages that answer them, and with the passages of all other questions."""

    related: Scores
    unrelated: Scores

    @property
    def told_apart(self) -> float:
        """How often a related pair has a greater cosine than an unrelated one: .5 by chance, 1 at best (the area under the ROC curve)."""
        return float(np.mean(self.related[:, None] > self.unrelated))


def scale_of(name: str, embedder: Embedder, cache: ModelCache) -> CosineScale:
    """The scale that is kept with a prepared model, measured if it is missing. Raises ModelError if the model is unusable."""
    return cache.get(folder_name(embedder.fingerprint), _read, partial(_write, name, embedder))


def folder_name(fingerprint: str) -> str:
    """Of the scale of a model, in a folder of prepared models."""
    return f"{fingerprint}-scale-{FORMAT}"


def write_scale(scale: CosineScale, target: Path) -> None:
    durable_files.write_folder_atomically(target, lambda part: durable_files.write_json(part / FILE, asdict(scale)))


def measure(embedder: Embedder) -> dict[str, Cosines]:
    """By language."""
    pairs: Mapping[str, Sequence[tuple[str, str]]] = json.loads(PAIRS.read_text("utf-8"))
    return {language: _cosines(embedder, *zip(*of_language, strict=True)) for language, of_language in pairs.items()}


def fit(measured: Mapping[str, Cosines]) -> CosineScale | None:
    """The mean cosines in the languages that the model reads; None if it reads none."""
    read = [found for found in measured.values() if found.told_apart >= MIN_TOLD_APART]
    if not read:
        return None
    means = (np.concatenate(each).mean() for each in zip(*((one.unrelated, one.related) for one in read), strict=True))
    return CosineScale(*(round(float(mean), 4) for mean in means))


def _cosines(embedder: Embedder, questions: Sequence[str], passages: Sequence[str]) -> Cosines:
    asked = np.array([embedder.embed_question(question) for question in questions])
    cosines = asked @ embedder.embed_passages(passages).T
    related = np.eye(len(questions), dtype=bool)
    return Cosines(cosines[related], cosines[~related])


def _write(name: str, embedder: Embedder, target: Path) -> None:
    measured = measure(embedder)
    scale = fit(measured)
    if scale is None:
        language, best = max(measured.items(), key=lambda item: item[1].told_apart)
        raise ModelError(
            f"the model {name} cannot tell related from unrelated text: passages that answer a question have cosines of"
            f" {best.related.mean():.2f} on average, others {best.unrelated.mean():.2f}, and {best.told_apart:.0%} of related pairs are"
            f" above unrelated ones, where {MIN_TOLD_APART:.0%} are needed (best of all languages: {language}). Choose a model that was"
            " trained for retrieval, and check that the folder has its trained weights, tokenizer and prompts"
        )
    write_scale(scale, target)


def _read(folder: Path) -> CosineScale:
    try:
        return CosineScale(**durable_files.read_json(folder / FILE))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"the scale of the model in {folder} cannot be used: {error}") from error

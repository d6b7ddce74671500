"""Loads the reading models that the setting `reader` names."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from index import child_process
from index.embedding.loading import mapped_copy
from index.embedding.model_files import (
    MULTILINGUAL_FILE,
    MULTILINGUAL_MODEL,
    NO_TORCH,
    find_model,
    folder_fingerprint,
    model_folder,
    multilingual_fingerprint,
)
from index.model_cache import ModelCache
from index.text.analysis import ENGLISH
from index.types import ModelError
from qa.answering.reader.model import FORMAT, ReadingModel
from qa.answering.reader.multilingual import layers

log = logging.getLogger(__name__)

PACKAGED, NONE = "packaged", "none"
WEIGHTS = Path(__file__).parent / "weights"
HEADS = "ForQuestionAnswering"


def load_readers(
    name: str,
    cache: Path,
    own: Path | None = None,
    embedding: str = "",
    *,
    offline: bool = True,
    threads: int = 2,
    say: Callable[[str], None] = log.info,
) -> list[ReadingModel]:
    """The reading models, of which the first that reads a question's language is meant.

    `name`: "packaged", "none", or an extractive question-answering model of Hugging Face: a folder, or a name in the model cache.
    Two models are packaged: one for English, and one for other languages, which is used if multilingual-e5-small is the embedding model,
    because it shares its weights. `embedding`: the fingerprint of the embedding model. `cache` and `own`: the folders of exports, see
    `ModelCache`. Raises ModelError if a model is missing, modified or of another kind.
    """
    if name == NONE:
        return []
    exports = ModelCache(cache, own)
    open_model = partial(ReadingModel, threads=threads, find_copy=partial(mapped_copy, exports))
    if name == PACKAGED:
        english = open_model(WEIGHTS, languages=[ENGLISH])
        if embedding != multilingual_fingerprint():
            return [english]
        return [english, _multilingual(exports, open_model, say)]
    return [_of_hugging_face(name, exports, open_model, offline, say)]


def _multilingual(exports: ModelCache, open_model: Callable[..., ReadingModel], say: Callable[[str], None]) -> ReadingModel:
    def export(target: Path) -> None:
        source = find_model(MULTILINGUAL_MODEL, offline=True).folder / MULTILINGUAL_FILE
        say("Preparing the multilingual reading model for this machine (once, takes some seconds) …")
        _export("qa.answering.reader.multilingual.export", source, MULTILINGUAL_MODEL, target)

    return exports.get(
        f"reader-{FORMAT}-{multilingual_fingerprint()[:16]}-{layers.fingerprint()[:16]}",
        lambda exported: open_model(exported, remedy=f"delete {exported} and start again"),
        export,
    )


def _of_hugging_face(
    name: str, exports: ModelCache, open_model: Callable[..., ReadingModel], offline: bool, say: Callable[[str], None]
) -> ReadingModel:
    folder = model_folder(name, offline=offline, marker="config.json", kind="Hugging Face")
    _check_heads(folder)

    def export(target: Path) -> None:
        if find_spec("torch") is None:
            raise ModelError(f"the reading model {name} cannot be prepared; {NO_TORCH}, or set QA_READER=packaged")
        say(f"Preparing the reading model {name} for this machine (once, takes some seconds) …")
        _export("qa.answering.reader.export", folder, name, target)

    return exports.get(
        f"reader-{FORMAT}-{folder_fingerprint(folder)}",
        lambda exported: open_model(exported, remedy=f"delete {exported} and start again"),
        export,
    )


def _export(module: str, source: Path, name: str, target: Path) -> None:
    try:
        child_process.run_module(module, [source, target])
    except child_process.ChildFailed as failure:
        raise ModelError(f"cannot prepare the reading model {name}: {failure}; name another in QA_READER, or none") from failure


def _check_heads(folder: Path) -> None:
    try:
        kinds = json.loads((folder / "config.json").read_text("utf-8")).get("architectures") or []
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {folder / 'config.json'}: {error}") from error
    if not any(str(kind).endswith(HEADS) for kind in kinds):
        raise ModelError(
            f"QA_READER: {folder} is {', '.join(map(str, kinds)) or 'a model of unknown kind'}, not an extractive question-answering"
            f" model; it must be a …{HEADS} with start and end heads, trained as for SQuAD 2. Or set QA_READER=none."
        )

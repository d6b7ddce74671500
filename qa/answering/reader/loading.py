"""Loads the reading model that the setting `reader` names."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from index import child_process
from index.embedding.loading import mapped_copy
from index.embedding.model_files import NO_TORCH, folder_fingerprint, model_folder
from index.model_cache import ModelCache
from index.text.analysis import ENGLISH
from index.types import ModelError
from qa.answering.reader.model import FORMAT, ReadingModel

log = logging.getLogger(__name__)

PACKAGED, NONE = "packaged", "none"
WEIGHTS = Path(__file__).parent / "weights"
HEADS = "ForQuestionAnswering"


def load_reader(
    name: str,
    cache: Path,
    own: Path | None = None,
    *,
    offline: bool = True,
    threads: int = 2,
    say: Callable[[str], None] = log.info,
) -> ReadingModel | None:
    """`name`: "packaged", "none", or an extractive question-answering model of Hugging Face: a folder, or a name in the model cache.

    `cache` and `own`: the folders of exports, see `ModelCache`. Raises ModelError if the model is missing, modified or of another kind.
    """
    if name == NONE:
        return None
    exports = ModelCache(cache, own)
    find_copy = partial(mapped_copy, exports)
    if name == PACKAGED:
        return ReadingModel(WEIGHTS, threads, languages=[ENGLISH], find_copy=find_copy)
    folder = model_folder(name, offline=offline, marker="config.json", kind="Hugging Face")
    _check_heads(folder)

    def load(exported: Path) -> ReadingModel:
        return ReadingModel(exported, threads, remedy=f"delete {exported} and start again", find_copy=find_copy)

    def export(target: Path) -> None:
        if find_spec("torch") is None:
            raise ModelError(f"the reading model {name} cannot be prepared; {NO_TORCH}, or set QA_READER=packaged")
        say(f"Preparing the reading model {name} for this machine (once, takes some seconds) …")
        try:
            child_process.run_module("qa.answering.reader.export", [folder, target])
        except child_process.ChildFailed as failure:
            raise ModelError(
                f"cannot prepare the reading model {name}: {failure}; name another in QA_READER, or none"
            ) from failure

    return exports.get(f"reader-{FORMAT}-{folder_fingerprint(folder)}", load, export)


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

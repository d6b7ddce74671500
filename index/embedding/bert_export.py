"""Exports a BERT model with mean or CLS pooling to a folder with an ONNX file, from its files alone: without torch. Once per model.

    python -m index.embedding.bert_export FOLDER TARGET

Supports models such as MiniLM, bge, e5 and gte; others go through torch (`onnx_export`). Runs in a child process because building the
graph takes hundreds of megabytes; `read_model` is fast and imports no library of models. docs/decisions/0021-export-without-torch.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from index import child_process
from index.durable_files import write_folder_atomically
from index.embedding.onnx_embedder import MODEL_FILE, RELATED_FILE, TOKENIZER_FILE, OnnxEmbedder, write_facts
from index.embedding.vocabulary import RelatedWords, whole_words
from index.types import ModelError

WEIGHTS_FILE = "model.safetensors"
# In sentence_bert_config.json: the present format states the defaults of the only task that is supported.
_TASK = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
_POOLING_KEYS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
_SPECIAL_TOKENS = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
PROBES = ("Who signed the memorandum?", "word " * 2000)


class Unsupported(Exception):
    """This way of exporting does not fit the model; the message is the reason."""


@dataclass(frozen=True, slots=True)
class BertFiles:
    """A BERT model as its files describe it. `prefix`: of the names of its weights in `folder` / WEIGHTS_FILE."""

    folder: Path
    prefix: str
    config: Mapping[str, Any]
    pooling: Literal["mean", "cls"]
    normalize: bool
    lower_case: bool
    max_length: int
    question_prompt: str
    passage_prompt: str


def read_model(folder: Path) -> BertFiles:
    """Read the description of a sentence-transformers folder. Raises Unsupported."""
    try:
        return _read_model(folder)
    except Unsupported:
        raise
    except Exception as error:  # of three libraries, about files in another format
        raise Unsupported(f"its files cannot be read: {type(error).__name__}: {error}") from error


def _read_model(folder: Path) -> BertFiles:
    transformer, pooling_file, normalize = _read_modules(folder)
    settings = _read(transformer / "sentence_bert_config.json")
    unknown = {key for key, value in settings.items() if value is not None and _TASK.get(key) != value}
    _require(unknown <= {"max_seq_length", "do_lower_case"}, f"sentence_bert_config.json sets {', '.join(sorted(unknown))}")
    config = _read(transformer / "config.json")
    _check_config(config, transformer)
    tokenizer_length = _check_tokenizer(transformer)
    prompts = dict.fromkeys(("query", "document"), "")
    if (described := folder / "config_sentence_transformers.json").is_file():
        described_as = _read(described)
        _require(described_as.get("model_type", "SentenceTransformer") == "SentenceTransformer", "it is not a dense model")
        prompts |= {name: text or "" for name, text in (described_as.get("prompts") or {}).items()}
    pooling = _read_pooling(_read(pooling_file), with_prompts=any(prompts.values()))
    return BertFiles(
        folder=transformer,
        prefix=_check_weights(transformer / WEIGHTS_FILE, config),
        config=config,
        pooling=pooling,
        normalize=normalize,
        lower_case=bool(settings.get("do_lower_case")),
        max_length=min(settings.get("max_seq_length") or tokenizer_length, config["max_position_embeddings"]),
        question_prompt=prompts["query"],  # as encode_query and encode_document choose them
        passage_prompt=prompts["document"],
    )


def _read(file: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return values


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Unsupported(reason)


def _read_modules(folder: Path) -> tuple[Path, Path, bool]:
    """The folder of the transformer, the file of the pooling, and whether vectors are normalised."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    ours = all(module["type"].startswith("sentence_transformers.") for module in modules)
    known = kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
    _require(ours and known, f"its modules are {', '.join(kinds)}")
    paths = [module["path"] for module in modules]
    _require(all(path == Path(path).name for path in paths), f"its modules are in {', '.join(paths)}")
    if len(paths) == 3 and (described := folder / paths[2] / "config.json").is_file():
        names = {value for value in _read(described).values() if value}
        _require(names <= {"sentence_embedding"}, f"it normalises {', '.join(map(str, names))}")
    return folder / paths[0], folder / paths[1] / "config.json", len(paths) == 3


def _read_pooling(config: Mapping[str, Any], *, with_prompts: bool) -> Literal["mean", "cls"]:
    """`with_prompts`: whether texts get prompts, which some models leave out of the pooling."""
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [_POOLING_KEYS.get(key, key) for key, on in config.items() if key.startswith("pooling_mode_") and on] or "mean"
    mode = modes[0] if isinstance(modes, list) and len(modes) == 1 else modes
    _require(mode in ("mean", "cls"), f"its pooling is {mode}")
    _require(bool(config.get("include_prompt", True)) or not with_prompts, "its pooling leaves prompts out")
    return "mean" if mode == "mean" else "cls"


def _check_config(config: Mapping[str, Any], folder: Path) -> None:
    _require(config["model_type"] == "bert", f"its architecture is {config['model_type']}")
    _require("auto_map" not in config, "it comes with code of its own")
    _require("quantization_config" not in config, "its weights are quantised")
    _require(not (folder / "adapter_config.json").exists(), "it has adapters")
    expected = {
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }
    for key, value in expected.items():
        _require(config.get(key, value) == value, f"config.json sets {key} to {config.get(key)}")


def _check_tokenizer(folder: Path) -> int:
    """Check that tokenizer.json is what transformers builds from tokenizer_config.json, and return the maximum length there."""
    import tokenizers

    config = _read(folder / "tokenizer_config.json")
    name = config.get("tokenizer_class")
    _require(name in {"BertTokenizer", "BertTokenizerFast"}, f"its tokenizer is {name}")
    described = _read(folder / TOKENIZER_FILE)
    kinds = [(described[part] or {}).get("type") for part in ("model", "normalizer", "pre_tokenizer")]
    _require(kinds == ["WordPiece", "BertNormalizer", "BertPreTokenizer"], f"its tokenizer is made of {kinds}")
    tokens = {key: _content(config.get(key, default)) for key, default in _SPECIAL_TOKENS.items()}
    is_as_configured = (
        described["normalizer"]["lowercase"] == config.get("do_lower_case", True)
        and described["normalizer"]["strip_accents"] == config.get("strip_accents")
        and described["normalizer"]["handle_chinese_chars"] == config.get("tokenize_chinese_chars", True)
        and described["model"]["unk_token"] == tokens["unk_token"]
        and {token["content"] for token in described["added_tokens"]} == set(tokens.values())
    )
    _require(is_as_configured, "tokenizer.json and tokenizer_config.json differ")
    frame = tokenizers.Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    frame.no_padding()
    _require(frame.encode("").tokens == [tokens["cls_token"], tokens["sep_token"]], "its tokenizer adds other tokens")
    return int(config.get("model_max_length") or sys.maxsize)


def _content(token: Any) -> str:
    return str(token["content"] if isinstance(token, dict) else token)


def _check_weights(file: Path, config: Mapping[str, Any]) -> str:
    """Check that the file has every weight in the right shape, and return the prefix of their names."""
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as weights:
        names = set(weights.keys())
        prefix = "" if "embeddings.word_embeddings.weight" in names else "bert."
        for name, shape in weight_shapes(config).items():
            _require(f"{prefix}{name}" in names, f"{file.name} has no {prefix}{name}")
            found = weights.get_slice(f"{prefix}{name}")
            _require(tuple(found.get_shape()) == shape, f"{name} in {file.name} has the shape {found.get_shape()}")
            _require(found.get_dtype() in {"F32", "F16"}, f"{name} in {file.name} is of the type {found.get_dtype()}")
    return prefix


def weight_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The weights that the model computes with, by name."""
    size, wide = config["hidden_size"], config["intermediate_size"]
    _require(size % config["num_attention_heads"] == 0, "its heads differ in size")
    norm = {"LayerNorm.weight": (size,), "LayerNorm.bias": (size,)}
    tables = {
        "word": config["vocab_size"],
        "position": config["max_position_embeddings"],
        "token_type": config["type_vocab_size"],
    }
    shapes: dict[str, tuple[int, ...]] = {f"embeddings.{name}_embeddings.weight": (rows, size) for name, rows in tables.items()}
    shapes |= {f"embeddings.{name}": shape for name, shape in norm.items()}
    square = {"dense.weight": (size, size), "dense.bias": (size,)}
    parts: dict[str, dict[str, tuple[int, ...]]] = {
        f"attention.self.{name}": {"weight": (size, size), "bias": (size,)} for name in ("query", "key", "value")
    }
    parts |= {
        "attention.output": square | norm,
        "intermediate": {"dense.weight": (wide, size), "dense.bias": (wide,)},
        "output": {"dense.weight": (size, wide), "dense.bias": (size,)} | norm,
    }
    for layer in range(config["num_hidden_layers"]):
        for part, found in parts.items():
            shapes |= {f"encoder.layer.{layer}.{part}.{name}": shape for name, shape in found.items()}
    return shapes


def export(model: BertFiles, target: Path) -> None:
    """Write an export and rename the finished folder to `target`. Raises ModelError if its vectors are not finite."""
    import onnx
    import tokenizers
    from safetensors import safe_open

    from index.embedding.bert_graph import INPUTS, build_graph

    with safe_open(model.folder / WEIGHTS_FILE, framework="numpy") as file:
        weights = {
            name: file.get_tensor(f"{model.prefix}{name}").astype(np.float32, copy=False)
            for name in weight_shapes(model.config)
        }
    tokenizer = tokenizers.Tokenizer.from_file(str(model.folder / TOKENIZER_FILE))
    words = weights["embeddings.word_embeddings.weight"]

    def write(part: Path) -> None:
        graph = build_graph(
            weights,
            layers=model.config["num_hidden_layers"],
            heads=model.config["num_attention_heads"],
            epsilon=model.config.get("layer_norm_eps", 1e-12),
            pooling=model.pooling,
            normalize=model.normalize,
        )
        onnx.save(graph, part / MODEL_FILE)
        tokenizer.save(str(part / TOKENIZER_FILE))
        RelatedWords.of(whole_words(tokenizer.get_vocab()), words).save(part / RELATED_FILE)
        write_facts(
            part,
            inputs=INPUTS,
            dimension=words.shape[1],
            max_length=model.max_length,
            special_tokens=tokenizer.num_special_tokens_to_add(False),
            lower_case=model.lower_case,
            question_prompt=model.question_prompt,
            passage_prompt=model.passage_prompt,
        )
        vectors = OnnxEmbedder(part, "", 1).embed_passages(PROBES)
        if not np.isfinite(vectors).all():
            raise ModelError(f"the weights of {model.folder} give vectors that are not finite")

    write_folder_atomically(target, write)


def main() -> None:
    child_process.main_of_export(lambda folder, target: export(read_model(folder), target), Unsupported, ModelError)


if __name__ == "__main__":
    main()

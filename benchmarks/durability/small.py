"""A small data folder to damage: a model of a few kilobytes, documents whose text follows from their name, and a complete check."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from corpus.types import Document
from index import durable_files
from index.embedded.integrity.scrub import scrub
from index.embedding.model_files import find_model
from index.embedding.onnx_embedder import RELATED_FILE
from index.embedding.similarity import measuring
from index.embedding.vocabulary import RelatedWords
from index.types import CosineScale
from qa.assembly import open_to_write
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.settings import Settings

DIMENSION = 16
WORDS = "the wizard studies at university a passport costs pounds tower fee adult child library . , [UNK]".split()


def make_model(folder: Path, models: Path, seed: int = 0) -> str:
    """Write a model (the mean of one vector per word) with its export and scale, without torch; return its name."""
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text(json.dumps({"seed": seed}))
    fingerprint = find_model(str(folder), offline=True).fingerprint
    exported = models / fingerprint
    exported.mkdir(parents=True)
    weights = np.random.default_rng(seed).normal(size=(len(WORDS), DIMENSION)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["words"]),
        helper.make_node("ReduceMean", ["words"], ["sentence_embedding"], axes=[1], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(exported / "model.onnx"))
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(exported / "tokenizer.json"))
    RelatedWords.none().save(exported / RELATED_FILE)
    facts = {
        "inputs": ["input_ids"],
        "dimension": DIMENSION,
        "max_length": 64,
        "special_tokens": 0,
        "lower_case": True,
        "question_prompt": "",
        "passage_prompt": "",
        "sha256_of": {
            name: durable_files.file_sha256(exported / name) for name in ("model.onnx", "tokenizer.json", RELATED_FILE)
        },
    }
    durable_files.write_json(exported / "export.json", facts)
    measuring.write_scale(CosineScale(), models / measuring.folder_name(fingerprint))
    return str(folder.resolve())


def settings_for(data: Path, model: str | None) -> Settings:
    """Settings of a folder, which holds its models too; without a model, the one whose vectors the folder holds."""
    return Settings(data=data, cache=data / "models", threads=1, **({"model": model} if model else {}))


def mark(name: str, version: int) -> str:
    """A word that occurs in one version of one document only."""
    return f"mark{name}v{version}x"


def text_of(name: str, version: int) -> str:
    """One to five passages, each with the mark."""
    rng = random.Random(f"{name} {version}")
    parts = []
    for number in range(rng.randint(1, 5)):
        words = " ".join(rng.choice(WORDS[:-3]) for _ in range(30))
        parts.append(f"# Part {number}\n\n{mark(name, version)} {words}.")
    return "\n\n".join(parts)


def put(writer: DocumentWriter, name: str, version: int) -> None:
    writer.put(IncomingDocument(name, Document(text=text_of(name, version), title=f"Document {name}")))


Send = Callable[..., None]
Wait = Callable[[], None]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", __name__])


class Child:
    """A process that runs `work` and sends objects.

    It is forked, which saves the imports, from a process of its own that has no threads: a fork copies a lock that another thread holds,
    and nobody would ever release the copy.
    """

    def __init__(self, work: Callable[[Send, Wait], None]) -> None:
        """`work`: a function of a module, or its `partial`. It gets a function that sends an object, and one that waits for `go`."""
        self._report, speak = _context.Pipe(duplex=False)
        listen, self._go = _context.Pipe(duplex=False)
        with speak, listen:
            self._process = _context.Process(target=_live, args=(work, speak, listen), daemon=True)
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def line(self) -> dict[str, Any] | None:
        """The next object; None after the end."""
        try:
            return dict(self._report.recv())
        except (EOFError, OSError):  # OSError: killed while it sent
            return None

    def go(self) -> None:
        self._go.send(None)

    def kill(self) -> None:
        self._process.kill()

    def rest(self) -> list[dict[str, Any]]:
        """The remaining objects, after the process ended."""
        lines = list(iter(self.line, None))
        self._report.close()
        self._go.close()
        self._process.join()
        return lines


def _live(work: Callable[[Send, Wait], None], speak: Connection, listen: Connection) -> None:
    """Never returns."""

    def send(**what: Any) -> None:
        speak.send(what)

    try:
        work(send, listen.recv)
    except BaseException as error:  # noqa: BLE001 - reported, whatever it is
        with suppress(OSError):
            send(kind="failed", what=f"{type(error).__name__}: {error}")
    os._exit(0)


@dataclass(slots=True)
class Expected:
    """Expected documents: name -> version. `unsure`: possible versions (None: absent) of the document changed when the fault hit."""

    there: dict[str, int] = field(default_factory=dict)
    unsure: dict[str, set[int | None]] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)

    def settle(self, writer: DocumentWriter) -> None:
        """Take over the outcome of the unacknowledged change."""
        for name, versions in self.unsure.items():
            found = next((v for v in versions if v is not None and _holds(writer, name, v)), None)
            if found is None:
                self.gone[name] = self.there.pop(name, 1)
            else:
                self.there[name] = found
        self.unsure.clear()


def open_writer(data: Path, model: str | None) -> DocumentWriter:
    return open_to_write(settings_for(data, model))


def problems(writer: DocumentWriter, expected: Expected) -> list[str]:
    """One line for each document that is lost, incomplete, damaged, not found, or present although removed."""
    listed = {document.id for document in writer.engine.store.documents(limit=1_000_000)}
    wrong = [f"lost: {name}" for name in expected.there if name not in listed and None not in expected.unsure.get(name, set())]
    wrong += [f"unexpected: {name}" for name in listed if name not in expected.there and name not in expected.unsure]
    for name in listed:
        versions = expected.unsure.get(name, {expected.there.get(name)})
        found = [version for version in versions if version is not None and _holds(writer, name, version)]
        if len(found) != 1:
            wrong.append(f"none of the versions {versions} of {name} is complete")
        elif not _found(writer, name, found[0]):
            wrong.append(f"not found: {name}")
    wrong += [
        f"found though removed: {name}"
        for name, version in expected.gone.items()
        if name not in listed and _found(writer, name, version)
    ]
    return wrong + scrub(writer.engine.database)


def _holds(writer: DocumentWriter, name: str, version: int) -> bool:
    """Whether this version is stored completely: text, passages and vectors."""
    content = writer.engine.store.content(name)
    if content is None or content.text != text_of(name, version):
        return False
    passages = writer.engine.store.passages_of(name)
    return len(passages) == content.text.count("# Part") and writer.engine.store.is_intact(name)


def _found(writer: DocumentWriter, name: str, version: int) -> bool:
    """Whether a search for the mark of this version ranks the document first."""
    candidates = [c for c in writer.engine.search(writer.engine.prepare(mark(name, version))).candidates if c.lexical > 0]
    return any(stored.document.id == name for stored in writer.engine.store.passages([c.passage_id for c in candidates[:1]]))

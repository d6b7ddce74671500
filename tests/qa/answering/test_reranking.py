"""The setting `reranker`: a cross-encoder reorders the first passages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import RunProcess, Server, StartServer

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

QUESTION = "Who signed the memorandum?"
# The weights are random: the test checks the order, not the quality.
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] who signed the memorandum ai uk government of and in openai ##s . ? ,".split()


@pytest.fixture(scope="module")
def tiny_reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder with random weights, small enough to create and load quickly."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("reranker")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=128,
        num_labels=1,
        initializer_range=1.0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True, model_max_length=128).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def cross_encoder(tiny_reranker: Path) -> CrossEncoder:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(tiny_reranker), device="cpu", local_files_only=True)


def test_ranks_the_first_passages_by_the_cross_encoder(
    data_folder: Callable[[], Path], start_server: StartServer, server: Server, tiny_reranker: Path, cross_encoder: CrossEncoder
) -> None:
    with start_server(data_folder(), QA_RERANKER=str(tiny_reranker)) as reranking:
        found = reranking.search(QUESTION, limit=20, explain=True)["results"]
    baseline = server.search(QUESTION, limit=20)["results"]
    read = {r["text"]: r for r in found}
    title = found[0]["document"]["title"]
    texts = [" › ".join([title, *r["headings"], r["text"]]) for r in baseline]
    scores = cross_encoder.predict([(QUESTION, text) for text in texts], show_progress_bar=False).tolist()
    expected = [r["text"] for _, r in sorted(zip(scores, baseline, strict=True), key=lambda pair: -pair[0])]
    assert list(read) == expected
    assert expected != [r["text"] for r in baseline], "the cross-encoder's order must differ for this test"
    shown = [r["score"] for r in found]
    assert shown == sorted(shown, reverse=True)
    for result in found:
        explained = result["explanation"]
        assert sum(explained["contributions"].values()) == pytest.approx(explained["score"], abs=1e-3)


@pytest.mark.parametrize("named", ["no/such/folder", "empty"])
def test_rejects_a_missing_reranker_and_names_the_next_step(
    qa: RunProcess, data_folder: Callable[[], Path], tmp_path: Path, named: str
) -> None:
    (tmp_path / "empty").mkdir()
    name = tmp_path / named if named == "empty" else named
    data = data_folder()
    assert qa("--data", data, "add", Path(__file__).parent.parent.parent.parent / "corpus" / "press_release.txt").code == 0
    finished = qa("--data", data, "search", QUESTION, QA_RERANKER=str(name))
    assert finished.code == 1
    assert named in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "offline = false" in finished.stderr or "config.json" in finished.stderr

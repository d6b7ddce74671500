"""A cross-encoder that the operator names puts the first passages in its order; without one nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

QUESTION = "Who signed the memorandum?"
# Its weights are random, which is all a test of the plumbing needs.
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] who signed the memorandum ai uk government of and in openai ##s . ? ,".split()


@pytest.fixture(scope="module")
def tiny_reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of our own, small enough to be made and read in a moment."""
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


def test_the_first_passages_come_in_the_order_of_the_cross_encoder(
    data_folder: Callable[[], Path], start_server: Any, server: Any, tiny_reranker: Path, cross_encoder: CrossEncoder
) -> None:
    with start_server(data_folder(), QA_RERANKER=str(tiny_reranker)) as reranking:
        found = reranking.search(QUESTION, limit=20, explain=True)["results"]
    as_ever = server.search(QUESTION, limit=20)["results"]
    read = {r["text"]: r for r in found}
    title = found[0]["document"]["title"]
    texts = [" › ".join([title, *r["headings"], r["text"]]) for r in as_ever]
    scores = cross_encoder.predict([(QUESTION, text) for text in texts], show_progress_bar=False).tolist()
    expected = [r["text"] for _, r in sorted(zip(scores, as_ever, strict=True), key=lambda pair: -pair[0])]
    assert list(read) == expected
    assert expected != [r["text"] for r in as_ever], "a test of nothing: the cross-encoder's order is the search's own"
    shown = [r["score"] for r in found]
    assert shown == sorted(shown, reverse=True)
    for result in found:
        explained = result["explanation"]
        assert sum(explained["contributions"].values()) == pytest.approx(explained["score"], abs=1e-3)


@pytest.mark.parametrize("named", ["no/such/folder", "empty"])
def test_a_reranker_that_is_not_there_is_refused_with_the_way_out(
    qa: Any, data_folder: Callable[[], Path], tmp_path: Path, named: str
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

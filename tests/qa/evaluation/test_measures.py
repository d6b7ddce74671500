"""Measures agree with other libraries or with their formulas, to four decimals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from qa.evaluation import measures

FOUR_DECIMALS = 5e-5
DOCUMENTS = [f"d{number}" for number in range(30)]

rankings = st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=30)
judgements = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(1, 3), min_size=1, max_size=8)
labelled = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60)


@given(rankings, judgements)
def test_ndcg_agrees_with_scikit_learn(ranked: list[str], relevant: dict[str, int]) -> None:
    found = measures.ranking_measures({"q": ranked}, {"q": relevant})["nDCG@10"]["q"]
    # Names that were not found are put below the cut-off, where they gain nothing.
    names = [*ranked[:10], *(f"none {place}" for place in range(10)), *(d for d in DOCUMENTS if d not in ranked[:10])]
    scores = [[-place for place in range(len(names))]]
    expected = ndcg_score([[relevant.get(name, 0) for name in names]], scores, k=10)
    assert found == pytest.approx(expected, abs=FOUR_DECIMALS)


@given(rankings.filter(len), st.sampled_from(DOCUMENTS))
def test_mrr_of_one_relevant_document_agrees_with_scikit_learn(ranked: list[str], relevant: str) -> None:
    found = measures.ranking_measures({"q": ranked}, {"q": {relevant: 1}})["MRR@10"]["q"]
    if relevant not in ranked[:10]:
        assert found == 0
        return
    scores = [[-place for place in range(len(ranked))]]
    expected = label_ranking_average_precision_score([[int(name == relevant) for name in ranked]], scores)
    assert found == pytest.approx(expected, abs=FOUR_DECIMALS)


@given(rankings, judgements)
def test_recall_and_success_follow_their_definitions(ranked: list[str], relevant: dict[str, int]) -> None:
    values = {name: by["q"] for name, by in measures.ranking_measures({"q": ranked}, {"q": relevant}).items()}
    for k in measures.RECALL_CUTOFFS:
        assert values[f"R@{k}"] == pytest.approx(len(set(ranked[:k]) & set(relevant)) / len(relevant), abs=FOUR_DECIMALS)
    for k in (1, 5):
        assert values[f"Success@{k}"] == float(bool(set(ranked[:k]) & set(relevant)))


def test_question_without_results_scores_zero() -> None:
    values = measures.ranking_measures({"a": ["d1"]}, {"a": {"d1": 1}, "b": {"d1": 1}})
    assert values["nDCG@10"] == {"a": 1.0, "b": 0.0}
    assert set(values) == set(measures.RANKING_MEASURES)


@given(labelled)
def test_auroc_agrees_with_scipys_rank_sum(pairs: list[tuple[float, bool]]) -> None:
    confidences, truth = [p for p, _ in pairs], [t for _, t in pairs]
    found = measures.auroc(confidences, truth)
    yes, no = [p for p, t in pairs if t], [p for p, t in pairs if not t]
    if not yes or not no:
        assert found is None
        return
    assert found == pytest.approx(stats.mannwhitneyu(yes, no).statistic / len(yes) / len(no), abs=FOUR_DECIMALS)


@given(labelled.filter(lambda pairs: len({t for _, t in pairs}) == 2))
def test_ece_agrees_with_scikit_learns_bins(pairs: list[tuple[float, bool]]) -> None:
    # At the centres of bins, because the two implementations assign the edges differently.
    confidences = np.array([(np.floor(min(p, 0.999) * 15) + 0.5) / 15 for p, _ in pairs])
    truth = np.array([t for _, t in pairs])
    true, stated = calibration_curve(truth, confidences, n_bins=15)
    counts = np.histogram(confidences, bins=15, range=(0, 1))[0]
    expected = (np.abs(true - stated) * counts[counts > 0]).sum() / len(pairs)
    assert measures.expected_calibration_error(confidences, truth) == pytest.approx(expected, abs=FOUR_DECIMALS)


def test_ece_weights_equal_repeated_questions() -> None:
    confidences, truth = [0.2, 0.8, 0.9], [False, True, False]
    repeated = measures.expected_calibration_error([0.2, 0.8, 0.8, 0.8, 0.9], [False, True, True, True, False])
    assert measures.expected_calibration_error(confidences, truth, [1, 3, 1]) == pytest.approx(repeated)


@given(labelled.filter(lambda pairs: any(t for _, t in pairs)))
def test_coverage_is_the_maximum_over_all_thresholds(pairs: list[tuple[float, bool]]) -> None:
    best = 0.0
    for threshold, _ in pairs:
        above = [t for p, t in pairs if p >= threshold]
        if sum(above) >= 0.95 * len(above):
            best = max(best, sum(above) / sum(t for _, t in pairs))
    found = measures.coverage_at_precision([p for p, _ in pairs], [t for _, t in pairs])
    assert found == pytest.approx(best, abs=FOUR_DECIMALS)


def test_significance_agrees_with_scipys_permutation_test() -> None:
    random = np.random.default_rng(3)
    a = random.random(40)
    b = np.clip(a + random.normal(0.04, 0.15, 40), 0, 1)
    expected = stats.permutation_test(
        (b, a), lambda x, y: (x - y).mean(), permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    ).pvalue
    found = measures.compare(a.tolist(), b.tolist())
    assert found.p == pytest.approx(expected, abs=0.02)
    interval = stats.bootstrap((b - a,), np.mean, method="percentile", rng=np.random.default_rng(1)).confidence_interval
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.01)
    assert found == measures.compare(a.tolist(), b.tolist())


def test_equal_values_are_not_significant() -> None:
    assert measures.compare([0.5] * 9, [0.5] * 9) == measures.Difference(0.0, 0.0, 0.0, 1.0)


def test_rejects_different_numbers_of_questions() -> None:
    with pytest.raises(ValueError, match="same questions"):
        measures.compare([1.0], [])

"""Measures ranking, quotes and confidence of the product on the dev sets of ../shared/data.

    python -m benchmarks.quality.run            # prints the figures, writes benchmarks/results/quality-COMMIT.json
    python -m benchmarks.quality.run --model multilingual-e5-small cranfield xquad-de
                                                # the rankings of these sets with another model, and of fusions of its two legs

The first run indexes every set into build/quality (about 15 minutes on two cores); later runs reuse the indexes. All sets use the
same settings. The data are not in the repository; QUOTABLE_SHARED names another folder than ../shared.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.dev_sets import DATA, RANKED, ROOT
from benchmarks.quality.observations import SETS, Kind, Observation, observe, observe_model
from qa.evaluation import measures, plots
from qa.evaluation.judging import Order
from qa.settings.settings import ANSWER_THRESHOLD

RESULTS = Path(__file__).resolve().parent.parent / "results"
DIAGRAM = ROOT / "docs" / "reliability.svg"
LIBRARIES = ("faiss-cpu", "ir-measures", "numpy", "onnxruntime", "PyStemmer", "scikit-learn", "tantivy")
JUDGED_FOR_CONFIDENCE = (*RANKED, "mtrag", "small", "medium")
ANSWER_THRESHOLDS = tuple(point / 100 for point in range(20, 75, 5))
# The share of each kind in the mix for the calibration error.
MIX = {Kind.OWN: 0.8, Kind.FOREIGN: 0.1, Kind.NEAR: 0.1}
# Observations have ten names a ranking, so deeper recall is unknown.
SHOWN = ("nDCG@10", "MRR@10", "Success@1", "Success@5", "R@10")

Found = Mapping[str, Sequence[Observation]]


def report(found: Found) -> dict[str, Any]:
    """All figures of the observed sets."""
    ranking = {name: _by_order(found[name]) for name in RANKED if name in found}
    judged = {name: found[name] for name in JUDGED_FOR_CONFIDENCE if name in found}
    return {
        "ranking": ranking,
        "ranking_mean": _mean({name: _flat(orders) for name, orders in ranking.items()}),
        "spelling": _spelling(found["govuk"]) if "govuk" in found else None,
        "typos": _typos(found["squad2"]) if "squad2" in found else None,
        "languages": {name: _by_order(found[name], ("Success@1", "Success@5")) for name in found if name.startswith("xquad-")},
        "confidence": (by_set := {name: _confidence(each) for name, each in judged.items()}),
        "confidence_mean": _mean(by_set),
        "answer_thresholds": _thresholds(judged),
        "answer_threshold": ANSWER_THRESHOLD,
        "quotes": _quotes(found["squad2"]) if "squad2" in found else None,
    }


def mix_weights(observations: Sequence[Observation]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Weights for a mix of 80% own, 10% foreign, 10% NEAR and REMOVED questions in equal parts; 0 for other kinds."""
    kinds = np.array([one.kind for one in observations])
    weights = np.zeros(len(kinds))
    near = [kind for kind in (Kind.NEAR, Kind.REMOVED) if (kinds == kind).any()]
    shares = {Kind.OWN: MIX[Kind.OWN], Kind.FOREIGN: MIX[Kind.FOREIGN], **{kind: MIX[Kind.NEAR] / len(near) for kind in near}}
    for kind, share in shares.items():
        if (kinds == kind).any():
            weights[kinds == kind] = share / (kinds == kind).sum()
    return weights


def _of(observations: Sequence[Observation], *kinds: Kind) -> list[Observation]:
    return [one for one in observations if one.kind in kinds]


def measured(observations: Sequence[Observation], order: str, names: Sequence[str] = SHOWN) -> dict[str, float]:
    ranked = {one.question: one.ranked[order] for one in observations}
    values = measures.ranking_measures(ranked, {one.question: one.relevant for one in observations})
    return {name: float(np.mean(list(values[name].values()))) for name in names}


def _by_order(observations: Sequence[Observation], names: Sequence[str] = SHOWN) -> dict[str, Any]:
    own = _of(observations, Kind.OWN)
    return {"questions": len(own)} | {order.value: measured(own, order.value, names) for order in Order}


def _flat(orders: Mapping[str, Any]) -> dict[str, float]:
    return {f"{order.value} {name}": orders[order.value][name] for order in Order for name in SHOWN}


def _spelling(observations: Sequence[Observation]) -> dict[str, Any]:
    """The questions with a spelling correction, with and without it."""
    corrected = {one.question for one in _of(observations, Kind.OWN) if one.corrected}
    if not corrected:
        return {"questions": 0}
    by_kind = {
        kind: [one for one in _of(observations, kind) if one.question in corrected] for kind in (Kind.UNSPELLED, Kind.OWN)
    }
    before, after = (measured(by_kind[kind], Order.FUSED.value) for kind in (Kind.UNSPELLED, Kind.OWN))
    return {"questions": len(corrected), "uncorrected": before, "corrected": after}


def _typos(observations: Sequence[Observation]) -> dict[str, Any]:
    """The same questions without and with one typing error in each long word."""
    typed = _of(observations, Kind.TYPO)
    asked = {one.question for one in typed}
    plain = measured([one for one in _of(observations, Kind.OWN) if one.question in asked], Order.FUSED.value)
    wrong = measured(typed, Order.FUSED.value)
    # Over all questions, including those without a long word.
    share = len(typed) / len(_of(observations, Kind.OWN))
    return {
        "questions": len(typed),
        "as_asked": plain,
        "with_typos": wrong,
        "Success@1_lost_over_all": share * (plain["Success@1"] - wrong["Success@1"]),
    }


def _confidence(observations: Sequence[Observation]) -> dict[str, Any]:
    confidence: Callable[..., list[float]] = lambda *kinds: [one.confidence for one in _of(observations, *kinds)]  # noqa: E731
    own = confidence(Kind.OWN)
    figures: dict[str, Any] = {"questions": len(own)}
    for kind in (Kind.FOREIGN, Kind.NEAR, Kind.REMOVED):
        if others := confidence(kind):
            figures[f"AUROC {kind.value}"] = measures.auroc(own + others, [True] * len(own) + [False] * len(others))
            figures[f"refused {kind.value}"] = float(np.mean([value < ANSWER_THRESHOLD for value in others]))
    weights = mix_weights(observations)
    truth = [one.kind is Kind.OWN for one in observations]
    all_of = [one.confidence for one in observations]
    figures["ECE"] = measures.expected_calibration_error(all_of, truth, weights)
    figures["false refusals"] = float(np.mean([value < ANSWER_THRESHOLD for value in own]))
    figures["reliability"] = [
        [round(each.confidence, 4), round(each.answerable, 4), round(each.weight, 4)]
        for each in measures.reliability(all_of, truth, weights)
    ]
    return figures


def reliability_diagram(found: Found) -> str:
    """The diagram of all sets together, each with the same weight and mix."""
    judged = [(one, weight) for each in found.values() for one, weight in zip(each, mix_weights(each), strict=True) if weight]
    observations, weights = [one for one, _ in judged], [weight for _, weight in judged]
    truth = [one.kind is Kind.OWN for one in observations]
    return plots.reliability_diagram(measures.reliability([one.confidence for one in observations], truth, weights))


def _thresholds(found: Found) -> list[dict[str, float]]:
    """For each threshold the share of each kind that is refused: the mean over the sets, and the worst set."""
    rows = []
    for point in ANSWER_THRESHOLDS:
        row = {"answer_threshold": point}
        for kind in (Kind.OWN, Kind.FOREIGN, Kind.NEAR, Kind.REMOVED):
            refused = {
                name: float(np.mean([one.confidence < point for one in of_kind]))
                for name, each in found.items()
                if (of_kind := _of(each, kind))
            }
            if refused:
                worst = max(refused.values()) if kind is Kind.OWN else min(refused.values())
                row |= {f"{kind.value} refused": float(np.mean(list(refused.values()))), f"{kind.value} worst set": worst}
        rows.append(row)
    return rows


def _quotes(observations: Sequence[Observation]) -> dict[str, Any]:
    told = [one.quoted for one in _of(observations, Kind.OWN) if one.quoted is not None]
    return {"questions": len(told), "answer inside the quote": float(np.mean(told)) if told else None}


def _mean(by_set: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The mean of every figure over the sets that have it."""
    names = dict.fromkeys(name for figures in by_set.values() for name in figures)
    columns = {name: [f[name] for f in by_set.values() if isinstance(f.get(name), float)] for name in names}
    return {name: float(np.mean(column)) for name, column in columns.items() if column}


def _print_ranking(figures: Mapping[str, Any]) -> None:
    print("nDCG@10            " + "".join(f"{order.value:>9}" for order in Order) + "   Success@1   R@10  questions")
    for name, orders in figures["ranking"].items():
        row = "".join(f"{orders[order.value]['nDCG@10']:9.4f}" for order in Order)
        print(f"  {name:16} {row} {orders['fused']['Success@1']:11.4f} {orders['fused']['R@10']:6.3f} {orders['questions']:10}")
    mean = figures["ranking_mean"]
    print("  mean            " + "".join(f"{mean.get(f'{order.value} nDCG@10', float('nan')):9.4f}" for order in Order))


def _print(figures: Mapping[str, Any]) -> None:
    _print_ranking(figures)
    for title in ("spelling", "typos", "quotes"):
        print(f"{title}: {json.dumps(figures[title])}")
    for name, orders in figures["languages"].items():
        print(f"  {name:10} Success@5 " + "  ".join(f"{order.value} {orders[order.value]['Success@5']:.3f}" for order in Order))
    for name, each in (*figures["confidence"].items(), ("mean", figures["confidence_mean"])):
        print(f"  {name:10} " + "  ".join(f"{key} {value:.3f}" for key, value in each.items() if isinstance(value, float)))
    for row in figures["answer_thresholds"]:
        print("  " + "  ".join(f"{key} {value:.3f}" for key, value in row.items()))


def about() -> dict[str, Any]:
    """Commit, date, machine and library versions."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    return {
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cpu": names[0] if names else platform.processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def commit() -> str:
    """The current commit, with `-changed` if the working tree differs."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--", "corpus", "index", "qa")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("-changed" if changed else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"only these of: {', '.join(SETS)}")
    parser.add_argument("--model", help="only the rankings of the sets, with this model, which reads all languages")
    parser.add_argument("--no-result", action="store_true", help="print only, write no file")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: the dev sets are not at {DATA}; set QUOTABLE_SHARED to the folder that holds data/")
        return
    if unknown := set(arguments.sets) - set(SETS):
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    if arguments.model:
        _rank(arguments.model, arguments.sets or RANKED, write=not arguments.no_result)
        return
    found = {}
    for name in arguments.sets or SETS:
        print(f"asking {name} …", file=sys.stderr, flush=True)
        found[name] = observe(name)
    figures = report(found)
    _print(figures)
    if not arguments.no_result and not arguments.sets:
        target = RESULTS / f"quality-{commit()}.json"
        target.write_text(json.dumps(about() | rounded(figures), indent=1) + "\n")
        DIAGRAM.write_text(reliability_diagram({name: found[name] for name in JUDGED_FOR_CONFIDENCE}) + "\n")
        print(f"written to {target.relative_to(ROOT)} and {DIAGRAM.relative_to(ROOT)}")


def _rank(model: str, sets: Sequence[str], *, write: bool) -> None:
    ranking = {}
    for name in sets:
        print(f"asking {name} …", file=sys.stderr, flush=True)
        ranking[name] = _by_order(observe_model(name, model))
    figures = {"model": model, "ranking": ranking, "ranking_mean": _mean({name: _flat(each) for name, each in ranking.items()})}
    _print_ranking(figures)
    if write:
        target = RESULTS / f"quality-{model}-{commit()}.json"
        target.write_text(json.dumps(about() | rounded(figures), indent=1) + "\n")
        print(f"written to {target.relative_to(ROOT)}")


def rounded(value: Any) -> Any:
    """JSON values with four decimals."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()

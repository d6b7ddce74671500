"""Prints the figures of the serving benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.server.workers import print_workers


def print_report(report: Mapping[str, Any]) -> None:
    facts = report["machine"]
    print(f"{facts['cpu']}, {facts['cores']} cores, questions in {report['precision']}, load before {facts['load_before']:.1f}")
    for name, words in (("press_release", "the press release"), ("passages_1200", "1,200 passages")):
        if name in report:
            _print_alone(words, report[name])
    if figures := report.get("passages_1200"):
        for read, counts in figures["calls_a_question"].items():
            print(
                f"calls a question, {read}: {counts['python_calls']:.0f} of Python functions in {counts['files']:.0f} files,"
                f" {counts['native_calls']:.0f} of built-in ones"
            )
        print_workers(figures["workers"])
    server = report["press_release"]["server"]
    print(f"start: {server['first_start_seconds']} s the first time, {server['warm_start_seconds']} s from then on")
    print(f"memory on the press release: {server['resident_mb']} MB resident, {server['peak_mb']} MB at peak")


def _print_alone(what: str, figures: Mapping[str, Any]) -> None:
    print(f"{what + ', one client, milliseconds':<42}{'median':>9}{'p95':>9}")
    names = {
        "forward": "bare forward pass, fp32",
        "forward_int8": "bare forward pass, int8",
        "tokenise": "tokenising for it",
        "search": "/v1/search over HTTP",
        "search_inside": "  of it inside the service",
        "healthz": "/healthz over HTTP, for comparison",
        "txtai": "txtai's search in its own process",
        "baseline": "the baseline over HTTP",
    }
    for name, words in names.items():
        if row := figures["milliseconds"].get(name):
            print(f"  {words:<40}{row['median']:>9.2f}{row['p95']:>9.2f}")
    for name, ratio in figures["ratio_of_medians"].items():
        print(f"  /v1/search is {ratio:.2f} times the {names[name]} (medians)")
    if "times_the_baseline_s_median" in figures:
        print(f"  and {figures['times_the_baseline_s_median']:.2f} times the baseline over HTTP (medians)")
    if "times_faster_than_txtai" in figures:
        print(f"  and {figures['times_faster_than_txtai']:.1f} times faster than txtai, without its HTTP")

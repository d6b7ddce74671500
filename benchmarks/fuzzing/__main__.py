"""Does any input end in a valid document, a valid model, or an error with its reason?

    pip install -e '.[fuzz]'                      # atheris
    python -m benchmarks.fuzzing                  # all runs of every target; takes hours
    python -m benchmarks.fuzzing --target html --runs 10000 --seed 7

Each target is tried in a process of its own; one that an input ends (a crash of native code, an endless loop, memory) is a finding
too, and another goes on. Counts, seeds and findings go to benchmarks/results/fuzzing-COMMIT.json, target by target. Fails (exit code 1)
where something was found. The same targets run for some seconds with Hypothesis in the tests.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.targets import TARGETS, Target
from benchmarks.speed.serving import RESULTS, ROOT, commit, machine

MOST_DEATHS = 20
INPUT_KEPT = 8_192  # bytes


def fuzz(target: Target, runs: int, seed: int) -> dict[str, Any]:
    """Run a target `runs` times and return its findings. After a process dies, the next one uses the next seed."""
    began = time.monotonic()
    executions, processor, slowest, first = 0, 0.0, 0.0, seed
    findings: list[dict[str, Any]] = []
    deaths = 0
    while executions < runs and deaths <= MOST_DEATHS:
        with tempfile.TemporaryDirectory() as folder:
            words = ["--target", target.name, "--runs", str(runs - executions), "--seed", str(seed), "--folder", folder]
            with (Path(folder) / "log").open("wb") as log:
                code = subprocess.run(
                    [sys.executable, "-m", "benchmarks.fuzzing.engine", *words], stdout=log, stderr=log
                ).returncode
            state = _state(Path(folder))
            executions += state["executions"]
            processor += state["processor_seconds"]
            slowest = max(slowest, state["slowest_ms"])
            findings += state["findings"]
            if code != 0:
                deaths += 1
                findings.append(_death(code, Path(folder)))
        seed += 1
    return {
        "executions": executions,
        "seed": first,
        "seconds": round(time.monotonic() - began),
        "processor_seconds": round(processor),
        "slowest_ms": slowest,
        "processes_that_died": deaths,
        "findings": findings,
    }


def _state(folder: Path) -> dict[str, Any]:
    path = folder / "progress.json"
    if path.exists():
        state: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return state
    return {"executions": 0, "processor_seconds": 0.0, "slowest_ms": 0.0, "findings": []}


def _death(code: int, folder: Path) -> dict[str, Any]:
    what = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    if code == -signal.SIGVTALRM:
        what = "too much computing for one input"
    path = folder / "input"
    held = path.read_bytes() if path.exists() else bytes(8)
    data = held[8 : 8 + int.from_bytes(held[:8], "big")]
    log = (folder / "log").read_text("utf-8", "replace")[-1_000:]
    return {"what": f"the process ended: {what}", "message": log, "input": data[:INPUT_KEPT].hex(), "times": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--target", action="append", choices=TARGETS, help="one of them; may be given again (default: all)")
    parser.add_argument("--runs", type=int, help="of each (default: 1,000,000; 50,000 for PDF and office files)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="the file to add to (default: benchmarks/results/fuzzing-COMMIT.json)")
    arguments = parser.parse_args()
    name = commit()
    path = arguments.output or RESULTS / f"fuzzing-{name}.json"
    report = json.loads(path.read_text("utf-8")) if path.exists() else {"commit": name, "machine": machine(), "targets": {}}
    found = 0
    for target in (TARGETS[name] for name in arguments.target or TARGETS):
        result = fuzz(target, arguments.runs or target.runs, arguments.seed)
        found += len(result["findings"])
        report["targets"][target.name] = {"commit": name, **result}
        path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        print(f"{target.name}: {result['executions']:,} executions in {result['seconds']} s", flush=True)
        for finding in result["findings"]:
            print(
                f"  {finding['what']} ({finding['times']} times): {finding['message']}\n    {finding['input'][:200]}",
                flush=True,
            )
    print(f"written to {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()

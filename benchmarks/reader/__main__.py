"""Trains, exports and measures the reading model: every step of it, or those named.

    python -m benchmarks.reader                      # all steps, about three hours on two free cores; a cut training goes on
    python -m benchmarks.reader own final export     # some of them

Each step is a module of its own with options: generic and own prepare examples, `train` runs both phases, export, evaluate.
"""

from __future__ import annotations

import subprocess
import sys

BUILD = "build/reader"
STEPS = {
    "generic-data": ["generic"],
    "generic": ["train", "generic", "--rate", "1e-4", "--batch", "32", "--frozen", "0"],
    "own": ["own"],
    "final": [
        *("train", "final", "--from", f"{BUILD}/generic/model.pt", "--rate", "1e-4", "--head-rate", "3e-4"),
        *("--batch", "32", "--frozen", "0", "--epochs", "2"),
        *("--data", f"{BUILD}/own-right.jsonl", f"{BUILD}/own-found.jsonl", f"{BUILD}/generic-train.jsonl*0.2"),
        *("--validation", f"{BUILD}/own-validation.jsonl"),
    ],
    "export": ["export", f"{BUILD}/final/model.pt"],
    "evaluate": ["evaluate"],
}


def main() -> None:
    names = sys.argv[1:] or list(STEPS)
    if unknown := [name for name in names if name not in STEPS]:
        sys.exit(f"unknown steps: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    for name in names:
        module, *arguments = STEPS[name]
        print(f"== {name}", flush=True)
        if code := subprocess.run([sys.executable, "-m", f"benchmarks.reader.{module}", *arguments]).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()

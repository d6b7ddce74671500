"""Trains, exports and measures the reading model: every step of it, or those named.

    python -m benchmarks.reader                      # all steps; the training takes 12 minutes on a GPU, and a cut one goes on
    python -m benchmarks.reader train export         # some of them

Each step is a module of its own with options: generic and own prepare examples, pack makes them small, train, export, evaluate.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = "build/reader/run"
LAYERS = 6  # of the pupil that is packaged
STEPS = {
    "generic": ["generic"],
    "own": ["own"],
    "pack": ["pack"],
    "train": ["training.train", "--out", RUN],
    "export": ["export"],
    "evaluate": ["evaluate"],
}


def main() -> None:
    names = sys.argv[1:] or list(STEPS)
    if unknown := [name for name in names if name not in STEPS]:
        sys.exit(f"unknown steps: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    for name in names:
        module, *arguments = STEPS[name]
        if name == "export":
            arguments = [*sorted(map(str, Path(RUN).glob(f"{LAYERS}-layers-*.npz"))), "--former", "0.25"]
        print(f"== {name}", flush=True)
        if code := subprocess.run([sys.executable, "-m", f"benchmarks.reader.{module}", *arguments]).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()

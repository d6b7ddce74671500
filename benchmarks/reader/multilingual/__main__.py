"""Prepares the data of the multilingual reading model, trains its upper layers and writes them into the package.

    python -m benchmarks.reader.multilingual         # an hour on two processor cores; a training that was cut goes on

Each step is a module of its own with options: data, train, export.
"""

from __future__ import annotations

import subprocess
import sys

STEPS = ("data", "train", "export")


def main() -> None:
    for name in STEPS:
        print(f"== {name}", flush=True)
        if code := subprocess.run([sys.executable, "-m", f"benchmarks.reader.multilingual.{name}"]).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()

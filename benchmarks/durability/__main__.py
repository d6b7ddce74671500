"""`python -m benchmarks.durability WHAT`: puts in faults of one kind, prints the counts as JSON, and fails where anything was lost."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

KINDS = ("kills", "boundaries", "flips", "full_disk", "power")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=20, help="how many faults; 0 for all there are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="also write the counts to this file, beside those that it has")
    asked = parser.parse_args()
    logging.disable()  # what is damaged is told thousands of times here
    with tempfile.TemporaryDirectory(prefix="durability-") as folder:
        counts = import_module(f"benchmarks.durability.{asked.kind}").run(Path(folder), asked.rounds, asked.seed)
    if asked.output:
        _merge(asked.output, asked.kind, counts)
    print(json.dumps(counts))
    sys.exit(bool(counts["lost"]))


def _merge(path: Path, kind: str, counts: dict[str, Any]) -> None:
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | {kind: counts}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""`python -m benchmarks.durability KIND`: inject faults of one kind, print counts as JSON, exit with 1 if anything was lost."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

KINDS = ("kills", "boundaries", "flips", "full_disk", "power", "start", "workers")
ROUNDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--rounds", type=int, help=f"number of faults (default: {ROUNDS}, workers: 120); 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="1/1", help="part of a long run: 2/4 is the second quarter of the faults")
    parser.add_argument("--output", type=Path, help="also add the counts to this file")
    options = parser.parse_args()
    part = slice(int(options.part.partition("/")[0]) - 1, None, int(options.part.partition("/")[2]))
    logging.disable()  # damage is logged thousands of times here
    with tempfile.TemporaryDirectory(prefix="durability-") as folder:
        module = import_module(f"benchmarks.durability.{options.kind}")
        rounds = getattr(module, "ROUNDS", ROUNDS) if options.rounds is None else options.rounds
        counts = module.run(Path(folder), rounds, options.seed, part)
    if options.output:
        _add(options.output, options.kind, counts)
    print(json.dumps(counts))
    sys.exit(bool(counts["lost"]))


def _add(path: Path, kind: str, counts: dict[str, Any]) -> None:
    """Add counts to those of the same kind, for a long run in parts."""
    all_kinds = json.loads(path.read_text()) if path.exists() else {}
    before = all_kinds.get(kind, {})
    constant = ("files", "bytes")
    for name, value in counts.items():
        before[name] = value if name in constant or isinstance(value, dict) else before.get(name, type(value)()) + value
    path.write_text(json.dumps(all_kinds | {kind: before}, indent=1) + "\n")


if __name__ == "__main__":
    main()

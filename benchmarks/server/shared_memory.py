"""Memory of one worker and of two on the same data folder: the index, the vectors and the models are mapped, so they are shared.

python -m benchmarks.scale.run FOLDER --sizes 1000000 --prepare       # a folder with a million passages
python -m benchmarks.server.shared_memory FOLDER/data-1000000         # PSS of all processes of each server, and the ratio
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from urllib.parse import quote_plus

from benchmarks.speed.clients import load
from benchmarks.speed.processes import Server
from benchmarks.speed.questions import questions

CLIENTS, SECONDS = 16, 20.0


def pss_of(data: Path, workers: int, seconds: float) -> dict[str, float]:
    """After all processes have answered for a while."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(data, Path(folder) / "log", QA_WORKERS=str(workers))
        try:
            load(server.address, [f"/v1/search?q={quote_plus(question)}" for question in questions(5_000)], CLIENTS, seconds)
            return server.memory()
        finally:
            server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of questions (default: %(default)s)")
    arguments = parser.parse_args()
    one, two = (pss_of(arguments.data, workers, arguments.seconds) for workers in (1, 2))
    print(json.dumps({"one worker": one, "two workers": two, "ratio": round(two["pss_mb"] / one["pss_mb"], 3)}, indent=2))

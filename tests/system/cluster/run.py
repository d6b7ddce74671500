"""Run a cluster on loopback until it is interrupted: `make cluster`.

    python -m tests.system.cluster.run                       # three nodes
    python -m tests.system.cluster.run --nodes 1 --data DIR  # one, whose data stay in DIR

With --until PID it ends with that process, and writes the hosts, or why there are none, to --report: one cluster for all processes of
a test run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.system.cluster.nodes import POLL, QUICK_START, NotAvailable, prepare, run_cluster

JARS = Path(__file__).parent.parent.parent.parent / "build" / "cluster"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run an OpenSearch cluster on loopback.")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--heap", default="768m", help="of each node")
    parser.add_argument("--data", type=Path, help="where the data stay; by default they are deleted at the end")
    parser.add_argument("--until", type=int, metavar="PID", help="end when this process has ended")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the hosts to this file")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="quotable-cluster-") as temporary:
            run(arguments, arguments.data or Path(temporary))
    except (NotAvailable, TimeoutError) as error:
        print(f"no cluster: {error}", file=sys.stderr)
        report(arguments.report, {"error": str(error), "absent": isinstance(error, NotAvailable)})
        return 1
    return 0


def run(arguments: argparse.Namespace, folder: Path) -> None:
    jars = prepare(JARS)
    options = QUICK_START if arguments.until else ()
    with (
        run_cluster(jars, folder, arguments.nodes, arguments.heap, options=options) as cluster,
        contextlib.suppress(KeyboardInterrupt),
    ):
        report(arguments.report, {"hosts": cluster.hosts})
        print(f"{arguments.nodes} nodes: {cluster.engine('documents')}", flush=True)
        print("Press Ctrl+C to end them.", flush=True)
        while arguments.until is None or is_alive(arguments.until):
            time.sleep(POLL)


def report(file: Path | None, facts: dict[str, object]) -> None:
    if file:
        part = file.with_suffix(".part")
        part.write_text(json.dumps(facts), "utf-8")
        part.replace(file)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())

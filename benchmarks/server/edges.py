"""HTTP servers compared: ours (uvicorn and an ASGI application) with waitress, gunicorn (gthread) and Granian (WSGI) as they come.

    python -m venv build/edges && build/edges/bin/pip install --editable . waitress gunicorn granian
    python -m benchmarks.server.edges build/edges/bin/python      # prints a table, writes benchmarks/results/edges-COMMIT.json

Each serves the same Flask application over its own copy of the same data folder, with as many threads as ours runs requests at a time.
Measured: answers a second and times with 1 and 64 clients that ask new questions, and with 64 of a cheap route; answers to a client that
asks 20 times a second while 500 slow connections are held (heads, bodies, reads); memory of all processes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from benchmarks.speed.clients import load
from benchmarks.speed.load import slow_clients
from benchmarks.speed.processes import Server
from benchmarks.speed.questions import questions
from benchmarks.speed.serving import RESULTS, ROOT, commit, machine, passages_folder
from qa.web.server.admission import slots_of

SECONDS, SLOW_SECONDS, SLOW = 8.0, 10.0, 500
ASKED = questions(4_000)
CHEAP = "/v1/models"
READY = "Serving on http://"
FACTORY = "benchmarks.server.edges:application"
OURS = "uvicorn"
# The words after `python`.
EDGES = {
    OURS: "-m qa.cli.main serve --port {port} --workers {workers}",
    "waitress": "-c 'import benchmarks.server.edges as e, waitress; waitress.serve(e.application(), port={port}, threads={threads})'",
    "gunicorn": "-m gunicorn -k gthread -w {workers} --threads {threads} -b 127.0.0.1:{port} '{factory}()'",
    "granian": "-m granian --interface wsgi --workers {workers} --blocking-threads {threads} --port {port} --factory {factory}",
}
WITHOUT_WORKERS = {"waitress"}


def application() -> Any:
    """The Flask application as a WSGI application, for the servers that load it by name; says when it is ready."""
    from qa.assembly import open_to_read
    from qa.settings.reading import read_settings
    from qa.web.application import create_app
    from qa.web.server.warm_up import warm_up

    settings = read_settings()
    service = open_to_read(settings)
    warm_up(service.answerer)
    print(f"{READY}{settings.host}:{settings.port} ", flush=True)
    return create_app(lambda: service, settings).wsgi_app


def measure(edge: str, workers: int, python: str, data: Path, seconds: float, slow_seconds: float) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = EDGES[edge].format(port=port, workers=workers, threads=slots_of(workers), factory=FACTORY)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(shutil.copytree(data, Path(folder) / "data", ignore=shutil.ignore_patterns("*lock")))
        log = Path(folder) / "log"
        environment = {"QA_DATA": str(own), "QA_PORT": str(port), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        server = Server(own, log, [python, *shlex.split(words)], **environment)
        while (edge != OURS and log.read_text("utf-8").count(READY) < workers) or not _accepts(server.address):
            time.sleep(0.05)
        try:
            few, many = ASKED[:500], ASKED[500:]
            return {
                "edge": edge,
                "workers": workers,
                "one_client": load(server.address, [_target(question) for question in few], 1, seconds),
                "many_clients": load(server.address, [_target(question) for question in many], 64, seconds),
                "cheap_route": load(server.address, [CHEAP], 64, seconds),
                "memory": server.memory(),
                "slow_clients": slow_clients(server.address, slow_seconds, SLOW),
            }
        finally:
            server.stop()


def _accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return False  # it listens after the application is ready
    return True


def _target(question: str) -> str:
    return f"/v1/search?read=never&q={quote_plus(question)}"


def print_row(row: dict[str, Any]) -> None:
    one, many, cheap, slow = row["one_client"], row["many_clients"], row["cheap_route"], row["slow_clients"]
    print(
        f"{row['edge']:<9}{row['workers']:>2} |{one['median_ms']:>7.1f}{one['p99_ms']:>8.1f} |"
        f"{many['requests_per_second']:>7.1f}{many['median_ms']:>8.1f}{many['p99_ms']:>8.1f}{many['errors']:>6} |"
        f"{cheap['requests_per_second']:>8.1f}{cheap['p99_ms']:>8.1f} |"
        f"{slow['within_a_second']:>7.0%}{slow['answered_ms']['median']:>8.1f}{slow['answered_ms']['p99']:>9.1f} |"
        f"{row['memory']['pss_mb']:>7.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("python", nargs="?", help="of an environment with the other servers; without it ours alone is measured")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each number of clients (default: %(default)s)")
    parser.add_argument("--slow-seconds", type=float, default=SLOW_SECONDS, help="beside slow clients (default: %(default)s)")
    parser.add_argument("--no-file", action="store_true", help="only print")
    arguments = parser.parse_args()
    data, _ = passages_folder()
    report: dict[str, Any] = {
        "commit": commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    print(
        "server, workers | one client: median, p99 ms | 64: answers/s, median, p99 ms, errors | cheap route: answers/s, p99 ms |"
    )
    print(f"with {SLOW} slow connections: within a second, median, p99 ms | PSS MB")
    report["rows"] = rows = []
    for edge in EDGES if arguments.python else (OURS,):
        for workers in (1,) if edge in WITHOUT_WORKERS else (1, 2):
            python = sys.executable if edge == OURS else arguments.python
            rows.append(measure(edge, workers, python, data, arguments.seconds, arguments.slow_seconds))
            print_row(rows[-1])
    if not arguments.no_file:
        path = RESULTS / f"edges-{report['commit']}.json"
        path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

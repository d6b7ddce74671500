"""Send requests generated from the OpenAPI document and check that every response conforms to it.

    python -m benchmarks.contract                  # 2,000 examples an operation; writes benchmarks/results/contract-COMMIT.json
    python -m benchmarks.contract --examples 200

Schemathesis generates valid and invalid requests from `/openapi.json` of a real server with a new data folder, single ones and sequences
along the document's links. Operations without parameters get one request. Exit code 1 if a check failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed.processes import Server
from benchmarks.speed.serving import RESULTS, ROOT, commit, machine

EXAMPLES = 2_000
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Without negative_data_rejection: form fields are strings, so null is sent as the valid value "null".
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
)
# A long queue, so that a busy machine does not shed load; every operation is enabled.
ENVIRONMENT = {"QA_QUEUE_SECONDS": "60", "QA_FEEDBACK": "true"}


@dataclass(slots=True)
class Explored:
    """Counts of one exploration: requests per operation, responses per status, checks per "name status"."""

    operations: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def server_errors(self) -> dict[int, int]:
        return {status: count for status, count in self.statuses.items() if status >= 500}

    def add(self, other: Explored) -> None:
        self.requests += other.requests
        self.statuses += other.statuses
        self.checks += other.checks
        self.failures += other.failures

    def too_few(self, examples: int) -> list[str]:
        """Operations with parameters that got fewer requests than `examples`."""
        return [operation for operation, count in self.requests.items() if 3 < count < examples]

    def as_json(self) -> dict[str, Any]:
        return {
            "methods_and_paths": self.operations,
            "requests": sum(self.requests.values()),
            "requests_by_operation": dict(sorted(self.requests.items())),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "checks": dict(sorted(self.checks.items())),
            "failures": self.failures,
        }


def explore(address: str, examples: int, phases: tuple[str, ...] = PHASES, seed: int = 1, only: str | None = None) -> Explored:
    """Explore the server at `address` (http://host:port). `examples`: per operation and phase. `only`: a single operation, "GET /path"."""
    method, _, path = (only or "").partition(" ")
    chosen = ["--include-method", method, "--include-path", path] if only else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.ndjson"
        words = [
            Path(sysconfig.get_path("scripts")) / "schemathesis", "run", f"{address}/openapi.json", "--phases", ",".join(phases),
            "--max-examples", examples, "--seed", seed, "--no-color", "--checks", ",".join(CHECKS), "--generation-database", "none",
            "--report-ndjson-path", report, "--continue-on-failure", "--suppress-health-check", "too_slow", *chosen,
        ]  # fmt: skip
        done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True)
        found = Explored()
        for scenario in _scenarios(report):
            _add(found, scenario)
        if done.returncode:
            found.failures.append(done.stdout[-20_000:] + done.stderr[-1_000:])
        found.operations = len(found.requests)
        return found


def _scenarios(report: Path) -> Iterator[dict[str, Any]]:
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if "ScenarioFinished" in event:
                yield event["ScenarioFinished"]["recorder"]


def _add(found: Explored, recorder: dict[str, Any]) -> None:
    for case in recorder.get("cases", {}).values():
        found.requests[f"{case['value']['method']} {case['value']['path']}"] += 1
    for interaction in recorder.get("interactions", {}).values():
        found.statuses[(interaction.get("response") or {}).get("status_code", 0)] += 1
    for checks in recorder.get("checks", {}).values():
        found.checks.update(f"{check['name']} {check['status']}" for check in checks if check["name"] in CHECKS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="per operation and phase (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began, facts, name = time.monotonic(), machine(), commit()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", Path(folder) / "log", **ENVIRONMENT)
        host, port = server.address
        try:
            found = explore(f"http://{host}:{port}", arguments.examples, seed=arguments.seed)
            for operation in found.too_few(arguments.examples):
                found.add(explore(f"http://{host}:{port}", arguments.examples, ("fuzzing",), arguments.seed, operation))
        finally:
            server.stop()
        tracebacks = (Path(folder) / "log").read_text("utf-8").count("Traceback")
    report = {
        "commit": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "examples": arguments.examples,
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - began),
        "tracebacks_in_the_log": tracebacks,
        **found.as_json(),
    }
    path = RESULTS / f"contract-{name}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report, indent=2))
    print(f"written to {path.relative_to(ROOT)}")
    raise SystemExit(1 if found.failures or tracebacks else 0)


if __name__ == "__main__":
    main()

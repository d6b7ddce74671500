"""Looks for known vulnerabilities in what constraints.txt pins: `make audit`.

    python -m benchmarks.dependencies.audit PIP_AUDIT

PIP_AUDIT is the program pip-audit. It asks PyPI, then OSV. Exit code 1 where a vulnerability is known, 2 where pip-audit itself fails; 0
where none is, and, said in one line, where neither can be reached or both take too long.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).resolve().parent.parent.parent / "constraints.txt"
SERVICES = ("pypi", "osv")
# In seconds, of one service: two hundred packages take some fifteen.
PATIENCE = 120
UNREACHED = re.compile(
    r"Connection|Could not connect|[Tt]imed? ?out|Name or service not known|ProxyError|SSLError|\b(403|407|429|5\d\d)\b"
)


class Unreached(Exception):
    """A service does not answer, or knows none of the packages: it has no data here."""


def audited(program: str, service: str, constraints: Path, patience: float) -> list[dict[str, Any]]:
    """pip-audit's findings, one of each package: `vulns`, or `skip_reason` where it could not tell.

    Raises Unreached; RuntimeError where pip-audit fails otherwise.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command: list[str | Path] = [
            program,
            "--requirement",
            constraints,
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
        ]
        command += ["--vulnerability-service", service, "--timeout", "10", "--format", "json", "--output", report]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=patience)
        except subprocess.TimeoutExpired as error:
            raise Unreached(f"{service} took more than {patience:g} s") from error
        said = ended.stderr.strip() or "nothing"
        if not report.exists():
            if UNREACHED.search(said):
                raise Unreached(f"{service} does not answer")
            raise RuntimeError(said.splitlines()[-1])
        found: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["dependencies"]
    if not any("vulns" in package for package in found):
        raise Unreached(f"{service} knows none of the {len(found)} packages")
    return found


def tell(found: list[dict[str, Any]]) -> int:
    """Says what was found; the exit code."""
    unknown = [package["name"] for package in found if "vulns" not in package]
    vulnerable = [package for package in found if package.get("vulns")]
    for package in vulnerable:
        for vulnerability in package["vulns"]:
            mended = ", ".join(vulnerability["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {mended}")
    print(f"{len(found) - len(unknown)} packages audited, {len(vulnerable)} of them with known vulnerabilities")
    if unknown:
        print(f"not audited: {', '.join(unknown)}")
    return 1 if vulnerable else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Look for known vulnerabilities in constraints.txt.")
    parser.add_argument("program", metavar="PIP_AUDIT", help="the program pip-audit")
    parser.add_argument("--constraints", type=Path, default=CONSTRAINTS, help="another file of pinned versions")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds that a service may take")
    chosen = parser.parse_args()
    reasons = []
    for service in SERVICES:
        try:
            return tell(audited(chosen.program, service, chosen.constraints, chosen.patience))
        except Unreached as error:
            reasons.append(str(error))
        except (OSError, RuntimeError) as error:
            print(f"pip-audit failed: {error}", file=sys.stderr)
            return 2
    print(f"nothing was audited, pip-audit cannot reach its data ({'; '.join(reasons)})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

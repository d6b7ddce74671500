"""Look for known vulnerabilities in the versions that constraints.txt pins: `make audit`.

    python -m benchmarks.dependencies.audit PIP_AUDIT

PIP_AUDIT is the path of pip-audit. It queries PyPI, then OSV. Exit code 1 for a known vulnerability, 2 when pip-audit itself fails,
0 otherwise; when neither service responds in time, one line says so.
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

from benchmarks.dependencies.pins import CONSTRAINTS

SERVICES = ("pypi", "osv")
# Seconds for one service; two hundred packages take about fifteen.
TIMEOUT = 120
UNREACHABLE = re.compile(
    r"Connection|Could not connect|[Tt]imed? ?out|Name or service not known|ProxyError|SSLError|\b(403|407|429|5\d\d)\b"
)


class Unavailable(Exception):
    """A service does not respond, or has no data on any of the packages."""


def audit(program: str, service: str, constraints: Path, timeout: float) -> list[dict[str, Any]]:
    """pip-audit's report: a dictionary per package, with `vulns`, or with `skip_reason` when the service does not know it.

    Raises Unavailable; RuntimeError when pip-audit fails for another reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command: list[str | Path] = [program, "--requirement", constraints, "--no-deps", "--disable-pip"]
        command += ["--progress-spinner", "off", "--timeout", "10"]
        command += ["--vulnerability-service", service, "--format", "json", "--output", report]
        try:
            process = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{service} took more than {timeout:g} s") from error
        if not report.exists():
            message = process.stderr.strip() or "no message"
            if UNREACHABLE.search(message):
                raise Unavailable(f"{service} does not respond")
            raise RuntimeError(message.splitlines()[-1])
        packages: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["dependencies"]
    if not any("vulns" in package for package in packages):
        raise Unavailable(f"{service} has no data on the {len(packages)} packages")
    return packages


def print_findings(packages: list[dict[str, Any]]) -> int:
    """Print the vulnerabilities and return the exit code."""
    unknown = [package["name"] for package in packages if "vulns" not in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"{len(packages) - len(unknown)} packages audited, {len(vulnerable)} of them with known vulnerabilities")
    if unknown:
        print(f"not audited: {', '.join(unknown)}")
    return 1 if vulnerable else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Look for known vulnerabilities in constraints.txt.")
    parser.add_argument("program", metavar="PIP_AUDIT", help="the path of pip-audit")
    parser.add_argument("--constraints", type=Path, default=CONSTRAINTS, help="another file of pinned versions")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for one service")
    arguments = parser.parse_args()
    reasons = []
    for service in SERVICES:
        try:
            return print_findings(audit(arguments.program, service, arguments.constraints, arguments.timeout))
        except Unavailable as error:
            reasons.append(str(error))
        except (OSError, RuntimeError) as error:
            print(f"pip-audit failed: {error}", file=sys.stderr)
            return 2
    print(f"Nothing was audited: pip-audit has no data ({'; '.join(reasons)})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the project depends on: licences are listed and permissive, a vulnerability fails where data can be had, pins are resolved."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dependencies.constraints import PYTHON, refreshed
from benchmarks.dependencies.licences import LIST, dependencies, objection, written

ROOT = Path(__file__).parent.parent.parent.parent
SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "lxml", "skip_reason": "Dependency not found on PyPI and could not be audited: lxml (6.1.3)"}
VULNERABLE = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["3.1.6"], "aliases": []}]}


def test_no_licence_binds_the_project() -> None:
    assert [why for each in dependencies() if (why := objection(each.name, each.licence))] == []


@pytest.mark.skipif(
    (platform.system(), platform.python_version_tuple()[:2]) != ("Linux", tuple(PYTHON.split("."))),
    reason="the list is of Linux and the oldest Python",
)
def test_the_list_of_licences_is_of_what_is_installed() -> None:
    assert LIST.read_text("utf-8") == written(dependencies()), "run `make licences`"


@pytest.mark.parametrize(
    "said",
    [
        "GPL-3.0-only",
        "AGPL-3.0",
        "GNU General Public License v3 (GPLv3)",
        "MIT AND GPL-2.0-only",
        "GPLv2+",
        "LGPL-3.0",
        "MPL-2.0",
        "",
        "Own",
    ],
)
def test_a_licence_that_is_not_permissive_is_objected_to(said: str) -> None:
    assert objection("package", said)


def test_being_looked_at_lets_no_gpl_in_but_by_choice() -> None:
    assert objection("tld", "GPL-2.0-only") is not None
    assert objection("tld", "MPL-1.1 AND GPL-2.0-only OR MIT") is not None
    assert objection("tld", "MPL-1.1 OR GPL-2.0-only") is None


def audit(run_process: Any, folder: Path, program: str, *options: str) -> Any:
    """What the audit says where pip-audit is this program; `report` is where it is to write, `service` whom it is to ask."""
    file = folder / "pip-audit"
    begin = "import json, sys, time\nreport, service = (sys.argv[sys.argv.index(o) + 1] for o in ('--output', '--vulnerability-service'))\n"
    file.write_text(f"#!{sys.executable}\n{begin}{program}\n")
    file.chmod(0o755)
    return run_process(sys.executable, "-m", "benchmarks.dependencies.audit", file, *options, cwd=ROOT)


def reporting(*packages: Any, code: int = 0) -> str:
    return f"open(report, 'w').write({json.dumps({'dependencies': packages})!r}); sys.exit({code})"


def test_a_known_vulnerability_fails_the_audit(run_process: Any, tmp_path: Path) -> None:
    found = audit(run_process, tmp_path, reporting(SOUND, UNKNOWN, VULNERABLE, code=1))
    assert found.code == 1
    assert "jinja2 3.1.0: PYSEC-2026-1, mended in 3.1.6" in found.stdout
    assert "not audited: lxml" in found.stdout


def test_nothing_known_passes_the_audit(run_process: Any, tmp_path: Path) -> None:
    found = audit(run_process, tmp_path, reporting(SOUND))
    assert (found.code, found.stdout) == (0, "1 packages audited, 0 of them with known vulnerabilities\n")


@pytest.mark.parametrize(
    "program",
    [
        reporting(UNKNOWN),
        "sys.exit('requests.exceptions.ConnectionError: Failed to resolve')",
        "time.sleep(60)",
    ],
)
def test_data_that_cannot_be_had_are_told_in_one_line_and_fail_nothing(run_process: Any, tmp_path: Path, program: str) -> None:
    found = audit(run_process, tmp_path, program, "--patience", "1")
    assert found.code == 0
    assert found.stdout.startswith("nothing was audited")
    assert found.stdout.count("\n") == 1


def test_what_one_service_does_not_know_the_other_is_asked(run_process: Any, tmp_path: Path) -> None:
    second = f"if service == 'pypi': sys.exit('Connection refused')\n{reporting(VULNERABLE, code=1)}"
    assert audit(run_process, tmp_path, second).code == 1


def test_an_audit_that_breaks_is_not_taken_for_one_without_findings(run_process: Any, tmp_path: Path) -> None:
    found = audit(run_process, tmp_path, "sys.exit('invalid requirements input')")
    assert found.code == 2
    assert "invalid requirements" in found.stderr


def test_constraints_keep_their_comment_and_name_no_build_and_nothing_of_cuda() -> None:
    resolved = "torch==2.13.0+cpu\nnvidia-cublas==13.1\ntriton==3.5.0\nflask==3.1.3\n"
    assert refreshed("# Why.\nflask==3.1.0\n", resolved) == "# Why.\nflask==3.1.3\ntorch==2.13.0\n"

"""Dependencies: their licences are listed and permissive, known vulnerabilities fail the audit, and every version is pinned."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dependencies.constraints import PYTHON, refreshed
from benchmarks.dependencies.licences import (
    CUDA_LICENCES,
    LIST,
    PROPRIETARY,
    STRONG,
    closure,
    dependencies,
    licence,
    objection,
    page,
)
from benchmarks.dependencies.pins import is_cuda, pins
from tests.conftest import Finished, RunProcess

ROOT = Path(__file__).parent.parent.parent.parent
SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "lxml", "skip_reason": "Dependency not found on PyPI and could not be audited: lxml (6.1.3)"}
VULNERABLE = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["3.1.6"], "aliases": []}]}


def test_no_licence_is_refused() -> None:
    assert [why for each in dependencies() if (why := objection(each.name, each.licence))] == []


@pytest.mark.skipif(
    (platform.system(), platform.python_version_tuple()[:2]) != ("Linux", tuple(PYTHON.split("."))),
    reason="the list is for Linux and the oldest supported Python",
)
def test_licence_list_is_up_to_date() -> None:
    assert LIST.read_text("utf-8") == page(dependencies()), "run `make licences`"


def test_every_pinned_cuda_package_has_a_licence_in_the_list() -> None:
    assert set(CUDA_LICENCES) == {name for name in pins() if is_cuda(name)}


def test_licences_of_installed_cuda_packages_are_as_listed() -> None:
    """Checks nothing where the CPU build of torch is installed."""
    for name in filter(is_cuda, closure(frozenset())):
        terms = licence(name)
        assert not STRONG.search(terms), f"{name} is under {terms}"
        assert ("proprietary" in terms.lower()) == (CUDA_LICENCES[name] == PROPRIETARY), f"{name} is under {terms}"


def test_licence_list_is_the_same_with_the_cpu_build_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulates the CPU build: torch requires no CUDA package, and none is installed."""
    from benchmarks.dependencies import licences

    with_installed_build = page(dependencies())
    every_requirement = licences.requirements
    monkeypatch.setattr(
        licences, "requirements", lambda of, extras: (each for each in every_requirement(of, extras) if not is_cuda(each.name))
    )
    find = licences.distribution

    def distribution(name: str) -> Any:
        assert not is_cuda(name), f"{name} is not installed"
        return find(name)

    monkeypatch.setattr(licences, "distribution", distribution)
    assert page(dependencies()) == with_installed_build


@pytest.mark.parametrize(
    "terms",
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
def test_refuses_licences_that_are_not_permissive(terms: str) -> None:
    assert objection("package", terms)


def test_accepted_packages_may_have_gpl_only_as_one_of_several_choices() -> None:
    assert objection("tld", "GPL-2.0-only") is not None
    assert objection("tld", "MPL-1.1 AND GPL-2.0-only OR MIT") is not None
    assert objection("tld", "MPL-1.1 OR GPL-2.0-only") is None


def audit(run_process: RunProcess, folder: Path, program: str, *options: str) -> Finished:
    """Run the audit with `program` as pip-audit. It finds the path of its report in `report`, and the service in `service`."""
    file = folder / "pip-audit"
    begin = "import json, sys, time\nreport, service = (sys.argv[sys.argv.index(o) + 1] for o in ('--output', '--vulnerability-service'))\n"
    file.write_text(f"#!{sys.executable}\n{begin}{program}\n")
    file.chmod(0o755)
    return run_process(sys.executable, "-m", "benchmarks.dependencies.audit", file, *options, cwd=ROOT)


def reporting(*packages: Any, code: int = 0) -> str:
    return f"open(report, 'w').write({json.dumps({'dependencies': packages})!r}); sys.exit({code})"


def test_known_vulnerability_fails_the_audit(run_process: RunProcess, tmp_path: Path) -> None:
    result = audit(run_process, tmp_path, reporting(SOUND, UNKNOWN, VULNERABLE, code=1))
    assert result.code == 1
    assert "jinja2 3.1.0: PYSEC-2026-1, fixed in 3.1.6" in result.stdout
    assert "not audited: lxml" in result.stdout


def test_audit_without_findings_passes(run_process: RunProcess, tmp_path: Path) -> None:
    result = audit(run_process, tmp_path, reporting(SOUND))
    assert (result.code, result.stdout) == (0, "1 packages audited, 0 of them with known vulnerabilities\n")


@pytest.mark.parametrize(
    "program",
    [
        reporting(UNKNOWN),
        "sys.exit('requests.exceptions.ConnectionError: Failed to resolve')",
        "time.sleep(60)",
    ],
)
def test_unavailable_data_is_reported_in_one_line_and_passes(run_process: RunProcess, tmp_path: Path, program: str) -> None:
    result = audit(run_process, tmp_path, program, "--timeout", "1")
    assert result.code == 0
    assert result.stdout.startswith("Nothing was audited")
    assert result.stdout.count("\n") == 1


def test_audit_queries_the_second_service_when_the_first_is_unavailable(run_process: RunProcess, tmp_path: Path) -> None:
    second = f"if service == 'pypi': sys.exit('Connection refused')\n{reporting(VULNERABLE, code=1)}"
    assert audit(run_process, tmp_path, second).code == 1


def test_failing_pip_audit_is_an_error(run_process: RunProcess, tmp_path: Path) -> None:
    result = audit(run_process, tmp_path, "sys.exit('invalid requirements input')")
    assert result.code == 2
    assert "invalid requirements" in result.stderr


def test_constraints_keep_their_comment_and_drop_build_tags() -> None:
    resolved = "torch==2.13.0+cpu\nflask==3.1.3\n"
    assert refreshed("# Why.\nflask==3.1.0\n", resolved) == "# Why.\nflask==3.1.3\ntorch==2.13.0\n"


def test_constraints_pin_the_cuda_packages_on_machines_with_either_build() -> None:
    present = "# Why.\nnvidia-cublas==13.0\ntorch==2.13.0\n"
    with_cuda = "torch==2.13.0\nnvidia-cublas==13.1\n"
    assert refreshed(present, with_cuda) == "# Why.\nnvidia-cublas==13.1\ntorch==2.13.0\n"
    assert refreshed(present, "torch==2.13.0+cpu\n") == present

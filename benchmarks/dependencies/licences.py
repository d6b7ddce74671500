"""The licences of what the project depends on, extras and tests included: `make licences` writes docs/licences.md.

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
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent
LIST = ROOT / "docs" / "licences.md"
PROJECT = "quotable"
# The metadata do not name a licence, or the package is not installed for tests; read from the package's own files.
READ = {
    "apsw": "any OSI-approved licence",
    "atheris": "Apache-2.0",
}
PERMISSIVE = re.compile(
    r"(MIT|MIT-0|MIT-CMU|ISC|0BSD|Zlib|ZPL|PSF|PSFL|Zope Public|CC0|BSL|CNRI|Academic Free|Python Software Foundation"
    r"|(The )?(\d-Clause )?BSD|Apache( Software)?|any OSI-approved|dependency licenses)\b"
)
STRONG = re.compile(r"\bA?GPL|Affero|GNU General Public")
# Neither permissive nor refused: each was looked at.
ACCEPTED = {
    "certifi": "MPL-2.0 binds changes to its own files; it is a list of certificates and used as it comes.",
    "hypothesis": "MPL-2.0, for tests alone; used as it comes.",
    "orjson": "MPL-2.0 binds changes to its own files; used as it comes, and only by an extra.",
    "pathspec": "MPL-2.0 binds changes to its own files; used as it comes, for checks alone.",
    "tld": "A choice of three: taken under MPL-1.1, which binds changes to its own files; used as it comes.",
    "tqdm": "MPL-2.0 binds changes to its own files; used as it comes.",
}
HEAD = """\
# Licences

Quotable is Apache-2.0. This is what it depends on, directly or not, written by `make licences` from the installed packages' own metadata;
a test fails where it is out of date, or where a licence is not permissive and was not looked at. GPL and AGPL are refused.

Wheels of faiss, numpy, scikit-learn, SciPy and torch carry GCC's runtime libraries (libgomp, libgfortran, libquadmath): GPL-3.0 with
the runtime library exception, or LGPL, which let programs that use them have any licence. axe-core (MPL-2.0), from npm, judges pages
in tests and is not distributed.
"""


@dataclass(frozen=True, slots=True)
class Dependency:
    """`needed_for`: "serving", or the extras that bring it."""

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
    """The names of all that the project with these extras depends on, on this machine's platform and Python."""
    waiting, seen = [(PROJECT, extras)], set()
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        try:
            found = distribution(asked[0])
        except PackageNotFoundError:
            if asked[0] not in READ:
                raise
            continue
        waiting += [(canonicalize_name(line.name), frozenset(line.extras)) for line in requirements(found, asked[1])]
    return {name for name, _ in seen} - {PROJECT}


def pins() -> dict[str, Version]:
    """The versions in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", line.partition("#")[0].strip()) for line in lines]
    return {canonicalize_name(match[1]): Version(match[2]) for match in matches if match}


def licence(name: str) -> str:
    """An SPDX expression where the package has one, else its classifiers, else the first line of what it says; "" for nothing."""
    if name in READ:
        return READ[name]
    metadata = distribution(name).metadata
    expression, free = ("".join((metadata.get_all(field) or [])[:1]) for field in ("License-Expression", "License"))
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    classified = ", ".join(line.rpartition("::")[2].strip() for line in classifiers)
    return expression or classified or free.strip().partition("\n")[0]


def objection(name: str, said: str) -> str | None:
    """Why a licence cannot be had, or None. Terms are joined by AND, OR and commas."""
    a_choice = name in ACCEPTED and " OR " in said and " AND " not in said
    if STRONG.search(said) and not a_choice:
        return f"{name} is under {said}, which would bind the whole project: do without it"
    terms = [term.strip(" ()") for term in re.split(r"\s+(?:AND|OR)\s+|,", said)]
    if name in ACCEPTED or all(PERMISSIVE.match(term) for term in terms):
        return None
    return f"{name} is under {said or 'no licence that it names'}: look at it, and say in {Path(__file__).name} why it is fine"


def dependencies() -> list[Dependency]:
    project = distribution(PROJECT)
    extras = sorted(project.metadata.get_all("Provides-Extra") or [])
    serving, pinned = closure(frozenset()), pins()
    by_extra = {extra: closure(frozenset({extra})) for extra in extras}
    found = []
    for name in sorted(serving.union(*by_extra.values())):
        needed_for = "serving" if name in serving else ", ".join(extra for extra in extras if name in by_extra[extra])
        found.append(Dependency(name, str(pinned[name]), licence(name), needed_for))
    return found


def written(found: list[Dependency]) -> str:
    rows = [f"| {each.name} | {each.version} | {each.licence} | {each.needed_for} |" for each in found]
    looked_at = [f"- {name}: {why}" for name, why in sorted(ACCEPTED.items())]
    table = ["| package | version | licence | for |", "|---|---|---|---|", *rows]
    return "\n".join([HEAD, "Not permissive, and why they are fine:", "", *looked_at, "", *table]) + "\n"


def main() -> int:
    found = dependencies()
    objections = [why for each in found if (why := objection(each.name, each.licence))]
    for why in objections:
        print(why, file=sys.stderr)
    LIST.write_text(written(found), "utf-8")
    print(f"{LIST.relative_to(ROOT)}: {len(found)} packages")
    return 1 if objections else 0


if __name__ == "__main__":
    sys.exit(main())

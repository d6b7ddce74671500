"""What is installed is what the constraints say, and no CUDA came along with it."""

from __future__ import annotations

import re
from importlib.metadata import distributions, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent

NOT_NEEDED_BY_TESTS = {"atheris"}


def constraints() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", line.partition("#")[0].strip()) for line in lines]
    return {canonicalize_name(match[1]): Version(match[2]) for match in pinned if match}


def test_the_constraint_on_torch_was_applied() -> None:
    assert constraints()["torch"] == Version("2.13.0")
    # A build such as 2.13.0+cpu is that version.
    assert Version(Version(version("torch")).public) == constraints()["torch"]


def test_no_cuda_library_is_installed() -> None:
    names = {canonicalize_name(distribution.metadata["Name"]) for distribution in distributions()}
    assert {name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))} == set()


def test_every_requirement_is_pinned_and_installed_as_pinned() -> None:
    pinned = constraints()
    found = {canonicalize_name(distribution.metadata["Name"]) for distribution in distributions()}
    for line in requires("quotable") or []:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} has no constraint"
        assert pinned[name] in requirement.specifier, f"{name}: {pinned[name]} is outside {requirement.specifier}"
        if name in NOT_NEEDED_BY_TESTS and name not in found:
            continue
        installed = Version(Version(version(name)).public)
        assert installed == pinned[name], f"{name} {installed} is installed; the constraint says {pinned[name]}"

"""What is installed is what the constraints say, and no CUDA came along with it."""

from __future__ import annotations

from importlib.metadata import distributions, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.dependencies.licences import dependencies, pins

NOT_NEEDED_BY_TESTS = {"atheris"}


def test_the_constraint_on_torch_was_applied() -> None:
    assert pins()["torch"] == Version("2.13.0")
    # A build such as 2.13.0+cpu is that version.
    assert Version(Version(version("torch")).public) == pins()["torch"]


def test_no_cuda_library_is_installed() -> None:
    names = {canonicalize_name(distribution.metadata["Name"]) for distribution in distributions()}
    assert {name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))} == set()


def test_every_requirement_is_pinned_and_installed_as_pinned() -> None:
    pinned = pins()
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


def test_everything_that_is_needed_at_any_remove_is_installed_as_pinned() -> None:
    for dependency in dependencies():
        if dependency.name not in NOT_NEEDED_BY_TESTS:
            assert Version(version(dependency.name)).public == dependency.version, dependency.name

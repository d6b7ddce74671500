"""The installed packages match constraints.txt, and a serving process loads neither CUDA nor torch."""

from __future__ import annotations

import re
from importlib.metadata import distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.dependencies.licences import PROJECT, closure, dependencies
from benchmarks.dependencies.pins import is_cuda, pins
from tests.conftest import Server

NOT_NEEDED_BY_TESTS = {"atheris"}
CUDA_OR_TORCH = re.compile(
    r"/(libcuda|libcudart|libcublas|libcudnn|libnvrtc|libtorch)[\w.-]*\.so|/site-packages/(torch|nvidia|triton)/"
)


def installed(name: str) -> str:
    """The installed version without the tag of a build such as +cpu."""
    return Version(version(name)).public


def test_torch_has_the_pinned_version() -> None:
    assert pins()["torch"] == Version("2.13.0")
    assert installed("torch") == "2.13.0"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system has no /proc")
def test_a_serving_process_loads_neither_cuda_nor_torch(server: Server) -> None:
    """PyPI's torch for Linux installs CUDA's libraries; nothing loads them to serve."""
    assert server.search("Who signed the memorandum?")["answerable"]
    files = Path(f"/proc/{server.process.pid}/maps").read_text().splitlines()
    assert any("onnxruntime" in line for line in files), "the maps are not those of a process that answers questions"
    assert [line for line in files if CUDA_OR_TORCH.search(line)] == []


def test_every_requirement_is_pinned_and_installed_as_pinned() -> None:
    pinned = pins()
    found = {canonicalize_name(distribution.metadata["Name"]) for distribution in distributions()}
    for line in requires(PROJECT) or []:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} has no constraint"
        assert pinned[name] in requirement.specifier, f"{name}: {pinned[name]} is outside {requirement.specifier}"
        if name in NOT_NEEDED_BY_TESTS and name not in found:
            continue
        assert installed(name) == str(pinned[name]), f"{name} {installed(name)} is installed, not {pinned[name]}"


def test_every_indirect_dependency_is_installed_as_pinned() -> None:
    names = {dependency.name for dependency in dependencies()} | set(filter(is_cuda, closure(frozenset())))
    for name in names - NOT_NEEDED_BY_TESTS:
        assert installed(name) == str(pins()[name]), name

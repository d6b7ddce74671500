"""The installed packages match constraints.txt, a serving process loads neither CUDA nor torch, and `make install` avoids both."""

from __future__ import annotations

import re
import socket
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution, distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.dependencies.licences import PROJECT, closure, dependencies, requirements
from benchmarks.dependencies.pins import LIGHT, NOT_LIGHT, is_cuda, pins
from tests.conftest import ROOT, Finished, RunProcess, Server

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


def test_a_light_installation_has_everything_but_torch_and_what_only_it_requires() -> None:
    light = pins(LIGHT)
    assert {name: pin for name, pin in pins().items() if name in light} == light
    required = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    waiting, needed = [canonicalize_name(Requirement(line).name) for line in required], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in needed | NOT_LIGHT:
            needed.add(name)
            waiting += [canonicalize_name(each.name) for each in requirements(distribution(name), frozenset())]
    assert set(light) == needed


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/whl/cpu/torch/" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[str]:
    """A server that stands for PyTorch's index of CPU builds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/whl/cpu"
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/whl/cpu"


class Installation:
    """Runs `make` with a .venv without torch, whose pip and qa only record how they are called."""

    def __init__(self, folder: Path, run_process: RunProcess) -> None:
        self.folder, self._run = folder, run_process
        (folder / "bin").mkdir(parents=True)
        self._write("python", f'exec {sys.executable} -S "$@"')
        for name in ("pip", "qa"):
            self._write(name, f'echo "{name} $@" >> {folder / "calls"}')

    def make(self, *words: str) -> Finished:
        return self._run("make", *words, f"VENV={self.folder}", cwd=ROOT)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []

    def _write(self, name: str, line: str) -> None:
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.folder / "bin" / name).chmod(0o755)


@pytest.fixture
def installation(tmp_path: Path, run_process: RunProcess) -> Installation:
    return Installation(tmp_path / "venv", run_process)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="PyPI's torch for other systems has no CUDA")


@on_linux
def test_make_install_takes_the_cpu_build_of_torch_where_its_index_answers(installation: Installation, answering: str) -> None:
    done = installation.make("install", f"TORCH_CPU_INDEX={answering}")
    assert done.code == 0, done.stderr
    install, prepare = installation.calls
    assert f"--extra-index-url {answering}" in install
    assert prepare == "qa prepare"
    assert installation.make("install", f"TORCH_CPU_INDEX={answering}").code == 0
    assert len(installation.calls) == 2  # nothing is left to do


@on_linux
def test_make_install_says_how_to_avoid_cuda_where_the_index_is_silent(installation: Installation, silent: str) -> None:
    done = installation.make("install", f"TORCH_CPU_INDEX={silent}")
    assert done.code == 0, done.stderr
    assert "did not answer within 3 seconds" in done.stderr
    assert "make install LIGHT=1" in done.stderr
    assert "extra-index-url" not in installation.calls[0]


@on_linux
def test_torch_cpu_refuses_to_install_cuda(installation: Installation, silent: str) -> None:
    done = installation.make("install", "TORCH=cpu", f"TORCH_CPU_INDEX={silent}")
    assert done.code != 0
    assert installation.calls == []


@pytest.mark.parametrize("choice", ["TORCH=cuda", "PIP_OPTIONS=--no-index"])
def test_the_index_is_not_asked_where_the_build_is_chosen(installation: Installation, silent: str, choice: str) -> None:
    done = installation.make("install", choice, f"TORCH_CPU_INDEX={silent}")
    assert (done.code, done.stderr) == (0, "")
    assert ("--no-index" in installation.calls[0]) == ("PIP" in choice)
    assert "extra-index-url" not in installation.calls[0]


def test_a_light_installation_is_remembered(installation: Installation) -> None:
    assert installation.make("install", "LIGHT=1", "EXTRAS=otel").code == 0
    install, prepare, extra = installation.calls
    assert "--no-deps --requirement constraints-light.txt --editable ." in install
    assert "torch" not in install
    assert prepare == "qa prepare"
    assert "--constraint constraints.txt opentelemetry-exporter-otlp-proto-http>=" in extra
    assert installation.make("serve").code == 0
    assert installation.calls[3:] == ["qa serve"]

"""The systemd unit, the container and the compose file of docs/deploy."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.dependencies.licences import closure
from benchmarks.dependencies.pins import LIGHT, pins

ROOT = Path(__file__).parent.parent.parent.parent
DEPLOY = ROOT / "docs" / "deploy"
UNIT = (DEPLOY / "quotable.service").read_text("utf-8")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
# systemd's exposure score in tenths, 0 (nothing) to 100 (everything).
MOST_EXPOSED = 20


def directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_unit_restricts_the_service() -> None:
    given = directives(UNIT)
    assert given["ProtectSystem"] == ["strict"]
    assert given["CapabilityBoundingSet"] == [""]
    assert given["StateDirectory"] == ["quotable"]
    assert given["User"] == ["quotable"]
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute", "LockPersonality"):
        assert given[name] == ["yes"]
    command = shlex.split(given["ExecStart"][0])
    assert command[1:] == ["--config", "/etc/quotable/quotable.toml", "serve"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit_and_rates_it_safe(run_process: Any, qa_path: Path, tmp_path: Path) -> None:
    unit = tmp_path / "quotable.service"
    unit.write_text(UNIT.replace("/opt/quotable/.venv/bin/qa", str(qa_path)))
    verified = run_process("systemd-analyze", "verify", unit)
    assert (verified.code, verified.stderr) == (0, "")
    judged = run_process("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", unit)
    assert judged.code == 0, judged.stdout


INSIDE = """
import ctypes, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)  # refused by kernels before 6.3
from qa.cli.main import main
sys.argv = ["qa", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_serves_with_a_read_only_system_and_without_writable_executable_memory(
    data_folder: Callable[[], Path], start_server: Any, workers: int
) -> None:
    """As under `ProtectSystem=strict`, `MemoryDenyWriteExecute` and `--read-only`: every file system is mounted read-only."""
    data = data_folder()
    alone = ["unshare", "--map-root-user", "--mount"] if os.geteuid() else ["unshare", "--mount"]
    read_only = (
        f"mount --bind {shlex.quote(str(data))} {shlex.quote(str(data))} && mount -o remount,ro,bind / && cd / && ! touch /x 2>&- &&"
        ' exec "$@"'
    )
    if (
        not shutil.which("unshare")
        or subprocess.run([*alone, "sh", "-c", read_only, "sh", "true"], capture_output=True).returncode
    ):
        pytest.skip("mounting is not permitted here")
    command = (*alone, "sh", "-c", read_only, "sh", sys.executable, "-c", INSIDE)
    with start_server(data, "--workers", workers, command=command, HOME="/nonexistent", TMPDIR="/nonexistent") as running:
        job = running.finished(running.add(id="note", title="Refunds", text="Refunds are paid within ten working days."))
        assert job["status"] == "done"
        page = running.finished(
            running.upload("page.html", b"<h1>Fees</h1><p>The fee is eleven pounds.</p>" + b" " * 600_000).json()["job"]
        )
        assert page["status"] == "done"
        assert running.search("When are refunds paid?")["answerable"]
        assert "Preparing" not in running.log  # the cache is read-only, and full
        assert running.stop() == 0
        assert "Traceback" not in running.log


def instructions(text: str) -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if line and not line.startswith("#")]


def test_container_runs_unprivileged_and_has_a_health_check() -> None:
    last = len(CONTAINERFILE) - CONTAINERFILE[::-1].index("MORF\n") - len("FROM")
    stage = dict(instructions(CONTAINERFILE[last:]))
    assert int(stage["USER"]) > 0
    assert stage["HEALTHCHECK"]
    assert (stage["ENTRYPOINT"], stage["CMD"]) == ('["qa"]', '["serve"]')
    assert "torch" not in CONTAINERFILE[last:]
    for name, arguments in instructions(CONTAINERFILE):
        if name == "COPY" and "--from" not in arguments:
            *sources, _ = [word for word in arguments.split() if not word.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), arguments


def test_health_check_fails_without_a_server(server: Any, run_process: Any) -> None:
    check = dict(instructions(CONTAINERFILE))["HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert run_process(sys.executable, *command[1:], QA_PORT=str(server.port)).code == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert run_process(sys.executable, *command[1:], QA_PORT=str(free.getsockname()[1])).code == 1


def test_serves_with_the_packages_of_a_light_installation(data_folder: Callable[[], Path], start_server: Any) -> None:
    """Those of the container too; none of the others can be imported."""
    names = [name.replace("-", "_") for name in closure(frozenset()) - set(pins(LIGHT))]
    assert {"torch", "sentence_transformers", "transformers", "onnxscript"} <= set(names)
    without = (
        f"import sys\nsys.modules.update(dict.fromkeys({names}))\nfrom qa.cli.main import main\nsys.argv[0] = 'qa'\nmain()\n"
    )
    for precision in ("fp32", "int8"):
        with start_server(data_folder(), command=(sys.executable, "-c", without), QA_PRECISION=precision) as running:
            assert running.finished(running.add(id="n", title="T", text="Refunds are paid."))["status"] == "done"
            assert running.search("Who signed the memorandum?")["answerable"]


def test_compose_file_mounts_a_volume_and_listens_locally() -> None:
    (service,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["data:/data"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()

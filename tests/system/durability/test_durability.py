"""Nothing is lost: faults of every kind, few here and many in the long forms. What each is stands in `benchmarks/durability`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.durability import full_disk, small

Run = Callable[..., Any]


@pytest.fixture
def put_faults_in(run_process: Run) -> Callable[..., dict[str, Any]]:
    """Runs `python -m benchmarks.durability`; the counts, which are printed too."""

    def run(kind: str, *options: object) -> dict[str, Any]:
        done = run_process(sys.executable, "-m", "benchmarks.durability", kind, *options, patience=None)
        assert done.stdout, done.stderr
        print(f"\n{kind}: {done.stdout.strip()}")
        counts: dict[str, Any] = json.loads(done.stdout)
        return counts

    return run


@pytest.mark.parametrize("rounds", [12, pytest.param(1_000, marks=pytest.mark.long)])
def test_a_process_killed_at_a_random_moment_loses_nothing_that_was_acknowledged(put_faults_in: Run, rounds: int) -> None:
    counts = put_faults_in("kills", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["kills"] == rounds
    assert counts["put"] > rounds / 4


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")
@pytest.mark.parametrize("rounds", [1, pytest.param(0, marks=pytest.mark.long)])
def test_a_fault_at_any_write_or_sync_loses_nothing(put_faults_in: Run, rounds: int) -> None:
    counts = put_faults_in("boundaries", "--rounds", rounds)
    assert counts["lost"] == []
    for change in ("add", "delete", "swap", "rebuild"):
        for fault in ("KILL", "EIO", "ENOSPC"):
            assert counts[f"{change} {fault}"] >= (rounds or counts[f"{change} boundaries"])


@pytest.mark.parametrize("rounds", [300, pytest.param(0, marks=pytest.mark.long)])
def test_a_flipped_byte_anywhere_is_reported_or_changes_nothing(put_faults_in: Run, rounds: int) -> None:
    counts = put_faults_in("flips", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["flipped"] == (rounds or counts["bytes"])
    assert counts["detected"] > counts["flipped"] / 2


@pytest.mark.parametrize("rounds", [60, pytest.param(1_200, marks=pytest.mark.long)])
def test_a_loss_of_power_loses_nothing_that_was_acknowledged(put_faults_in: Run, rounds: int) -> None:
    counts = put_faults_in("power", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["with writes lost or torn"] > rounds / 4


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting a small disk needs root")
@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.long)])
def test_a_full_disk_refuses_changes_and_nothing_else(put_faults_in: Run, rounds: int) -> None:
    counts = put_faults_in("full_disk", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["changes refused"] > 0
    assert counts["looked at while full"] == rounds * 12


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path], check=False).returncode
    ):
        pytest.skip("mounting a small disk needs root")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_over_http_a_full_disk_is_507_while_searches_go_on_and_it_recovers_by_itself(
    small_disk: Path, start_server: Callable[..., Any]
) -> None:
    data, filling = small_disk / "data", small_disk / "filling"
    model = small.make_model(small_disk / "model", data / "models")
    with start_server(data, QA_MODEL=model) as running:
        record = json.dumps({"id": "large", "title": "Large", "text": "The wizard studies. " * 20_000}).encode()
        full_disk.fill(filling, leave=100_000)
        refused = running.post("/v1/documents", record)
        assert refused.status == 507
        assert "free some space" in refused.json()["detail"]
        assert running.search("Who signed the memorandum?")["results"]
        filling.unlink()
        assert running.finished(running.add(id="small", title="Small", text="The wizard studies."))["status"] == "done"
        assert running.get("/readyz").json()["degraded"] is False

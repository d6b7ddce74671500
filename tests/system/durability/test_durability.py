"""No data is lost to the faults of `benchmarks/durability`: few of each kind here, many in the long forms."""

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
def inject_faults(run_process: Run) -> Callable[..., dict[str, Any]]:
    """Runs `python -m benchmarks.durability KIND`, and prints and returns the counts."""

    def run(kind: str, *options: object) -> dict[str, Any]:
        done = run_process(sys.executable, "-m", "benchmarks.durability", kind, *options, patience=None)
        assert done.stdout, done.stderr
        print(f"\n{kind}: {done.stdout.strip()}")
        counts: dict[str, Any] = json.loads(done.stdout)
        return counts

    return run


@pytest.mark.parametrize("rounds", [12, pytest.param(1_000, marks=pytest.mark.long)])
def test_kills_lose_no_acknowledged_change(inject_faults: Run, rounds: int) -> None:
    counts = inject_faults("kills", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["kills"] == rounds
    assert counts["put"] > rounds / 4


@pytest.mark.long
def test_killed_workers_and_writers_lose_nothing(inject_faults: Run) -> None:
    """Also checks that no answer is wrong, and that only requests in flight fail."""
    counts = inject_faults("workers")
    assert counts["lost"] == []
    assert counts["killed workers"] == 120
    assert counts["killed writers"] > 5
    assert counts["right"] > 120
    assert counts["acknowledged"] > 24


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")
@pytest.mark.parametrize("rounds", [1, pytest.param(0, marks=pytest.mark.long)])
def test_faults_at_writes_and_syncs_lose_nothing(inject_faults: Run, rounds: int) -> None:
    counts = inject_faults("boundaries", "--rounds", rounds)
    assert counts["lost"] == []
    for change in ("add", "delete", "swap", "rebuild"):
        for fault in ("KILL", "EIO", "ENOSPC"):
            assert counts[f"{change} {fault}"] >= (rounds or counts[f"{change} boundaries"])


@pytest.mark.parametrize("rounds", [300, pytest.param(0, marks=pytest.mark.long)])
def test_a_flipped_byte_is_reported_or_changes_no_answer(inject_faults: Run, rounds: int) -> None:
    counts = inject_faults("flips", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["flipped"] == (rounds or counts["bytes"])
    assert counts["detected"] > counts["flipped"] / 2


@pytest.mark.parametrize("rounds", [60, pytest.param(1_200, marks=pytest.mark.long)])
def test_power_loss_loses_no_acknowledged_change(inject_faults: Run, rounds: int) -> None:
    counts = inject_faults("power", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["with writes lost or torn"] > rounds / 4


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting a small disk needs root")
@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.long)])
def test_a_full_disk_refuses_changes_only(inject_faults: Run, rounds: int) -> None:
    counts = inject_faults("full_disk", "--rounds", rounds)
    assert counts["lost"] == []
    assert counts["changes refused"] > 0
    assert counts["verified while full"] == rounds * 12


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path], check=False).returncode
    ):
        pytest.skip("mounting a small disk needs root")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_full_disk_is_507_over_http_while_searches_work(small_disk: Path, start_server: Callable[..., Any]) -> None:
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

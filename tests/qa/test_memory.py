"""Freed memory is returned to the operating system: while no document is stored, and by a server that only answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunProcess
from tests.heaps import needs_glibc

pytestmark = needs_glibc

# Small pieces; some between them stay in use, so malloc does not return the pages by itself.
FREE_MUCH = """
import sys, time
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

{prepare}
pieces = [bytes(1000) for _ in range(100_000)]
kept = pieces[::100]
del pieces
before = resident()
{start}
for _ in range(100):
    if before - resident() > 60:
        break
    time.sleep(.1)
print(before - resident())
"""
WORKER = """
from qa.assembly import open_to_write
from qa.settings.reading import read_settings
from qa.ingest.worker import Worker
worker = Worker(open_to_write(read_settings({"data": Path(sys.argv[1])})))
"""
UPKEEP = """
from unittest.mock import Mock
from qa.web.server import serving
serving.TRIM_SECONDS = -1.0
upkeep = serving.Upkeep(Mock(), Mock())
"""


@pytest.mark.parametrize(("prepare", "start"), [(WORKER, "worker.start()"), (UPKEEP, "upkeep()")])
def test_freed_memory_is_returned(data_folder: Callable[[], Path], python: RunProcess, prepare: str, start: str) -> None:
    result = python(FREE_MUCH.format(prepare=prepare, start=start), data_folder())
    assert result.code == 0, result.stderr
    assert int(result.stdout) > 60


@pytest.mark.parametrize(("prepare", "expected"), [("", "True"), ("share_one_heap()", "False")])
def test_threads_share_one_heap(python: RunProcess, prepare: str, expected: str) -> None:
    result = python(f"""
import threading
from qa.memory import share_one_heap
from tests.heaps import further_heaps
{prepare}
kept = []
threads = [threading.Thread(target=lambda: kept.append([bytes(1000) for _ in range(1000)])) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(further_heaps() > 0)
""")
    assert result.code == 0, result.stderr
    assert result.stdout.strip() == expected

"""Freed memory is returned to the operating system: while no document is stored, and by a server that only answers."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunProcess

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

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


# glibc reserves 64 MB, at a multiple of that, for each further heap.
MAPPINGS = """
def further_heaps():
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sum(int(line.split("-")[0], 16) % 2**26 == 0 and len(line.split()) == 5 and "rw" in line for line in lines)
"""


@pytest.mark.parametrize(("prepare", "expected"), [("", "True"), ("share_one_heap()", "False")])
def test_threads_share_one_heap(python: RunProcess, prepare: str, expected: str) -> None:
    result = python(f"""
import threading
from pathlib import Path
from qa.memory import share_one_heap
{MAPPINGS}
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

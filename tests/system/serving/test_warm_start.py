"""A warm start: `qa search` on a prepared folder needs no torch and less than two seconds of CPU time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import RunProcess, Server, StartServer

# Seconds of CPU time of all threads, from start to first answer.
MOST_CPU_SECONDS = 2.0

SEARCH_AND_LIST_MODULES = """
import json, sys
from qa.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""

MEASURE = """
import resource, subprocess, sys
found = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


def test_warm_search_imports_no_torch(server: Server, python: RunProcess) -> None:
    result = python(SEARCH_AND_LIST_MODULES, "--data", server.data, "search", "Who signed the memorandum?", "--json")
    assert result.code == 0, result.stderr
    assert result.json()["results"]
    modules = set(json.loads(result.stderr.splitlines()[-1]))
    assert {"onnxruntime", "tokenizers"} <= modules
    assert modules & {"torch", "sentence_transformers", "transformers", "onnxscript", "onnx", "sklearn", "flask"} == set()


def test_warm_search_takes_less_than_two_seconds_of_cpu_time(server: Server, python: RunProcess, qa_path: Path) -> None:
    # The least of three, because other processes use the machine too.
    command = [qa_path, "--data", server.data, "search", "Who signed the memorandum?"]
    assert min(float(python(MEASURE, *command).stdout) for _ in range(3)) < MOST_CPU_SECONDS


def test_warm_search_writes_nothing_to_stderr(server: Server, qa: RunProcess) -> None:
    assert qa("--data", server.data, "search", "Who signed the memorandum?").stderr == ""


def test_second_start_prepares_nothing(data_folder: Callable[[], Path], start_server: StartServer, qa_path: Path) -> None:
    data = data_folder()
    with start_server(data, command=(qa_path,)) as first:
        expected = first.search("Who signed the memorandum?")
        assert "press release" in first.log
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.suffix in {".onnx", ".faiss", ".npy"}}
    with start_server(data) as second:
        assert second.search("Who signed the memorandum?") | {"took_ms": 0} == expected | {"took_ms": 0}
        assert "press release" not in second.log
        assert "Preparing" not in second.log
    assert before
    assert {path: path.stat().st_mtime_ns for path in before} == before

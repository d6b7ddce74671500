"""A warm start: `qa search` on a folder that is ready needs neither torch nor sentence-transformers, and little of a CPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]

# In seconds of CPU time, of all threads together: what the project promises from start to first answer.
PROMISED = 2.0

SEARCH_AND_TELL = """
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


def test_a_warm_search_imports_neither_torch_nor_sentence_transformers(server: Any, python: Run) -> None:
    result = python(SEARCH_AND_TELL, "--data", server.data, "search", "Who signed the memorandum?", "--json")
    assert result.code == 0, result.stderr
    assert result.json()["results"]
    modules = set(json.loads(result.stderr.splitlines()[-1]))
    assert {"onnxruntime", "tokenizers"} <= modules
    assert modules & {"torch", "sentence_transformers", "transformers", "onnxscript", "onnx", "sklearn", "flask"} == set()


def test_a_warm_search_takes_less_than_two_seconds_of_cpu_time(server: Any, python: Run, qa_path: Any) -> None:
    # The least of three: the promise is about this program, not about what else the machine does meanwhile.
    command = [qa_path, "--data", server.data, "search", "Who signed the memorandum?"]
    assert min(float(python(MEASURE, *command).stdout) for _ in range(3)) < PROMISED


def test_a_warm_search_is_silent_but_for_its_answer(server: Any, qa: Run) -> None:
    assert qa("--data", server.data, "search", "Who signed the memorandum?").stderr == ""


def test_a_second_start_of_the_server_prepares_nothing_again(
    data_folder: Callable[[], Any], start_server: Callable[..., Any]
) -> None:
    data = data_folder()
    with start_server(data) as first:
        expected = first.search("Who signed the memorandum?")
        assert "press release" in first.log
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.suffix in {".onnx", ".faiss", ".npy"}}
    with start_server(data) as second:
        assert second.search("Who signed the memorandum?") | {"took_ms": 0} == expected | {"took_ms": 0}
        assert "press release" not in second.log
        assert "Preparing" not in second.log
    assert before
    assert {path: path.stat().st_mtime_ns for path in before} == before

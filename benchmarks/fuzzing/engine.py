"""The process that runs one target with atheris (libFuzzer, guided by coverage) and may be ended by an input.

    python -m benchmarks.fuzzing.engine --target NAME --runs N --seed S --folder FOLDER

What is wrong with an input is noted and the next one is tried. `FOLDER/progress.json` says how far it came; `FOLDER/input` holds the
input that is being tried, so that one that ends the process is known. An input may use so many seconds of computing.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

MOST_CPU_SECONDS = 30.0
SAVED_EVERY_SECONDS = 1.0
# One in this many inputs need not be UTF-8 for text targets: guessing an encoding takes milliseconds.
NOT_TEXT_ONCE_IN = 64
INSTRUMENTED = ["corpus", "index", "qa", "markdown_it"]


class Fuzzed:
    """Choices made by libFuzzer."""

    def __init__(self, data: bytes) -> None:
        self._provider = atheris.FuzzedDataProvider(data)

    def integer(self, low: int, high: int) -> int:
        return int(self._provider.ConsumeIntInRange(low, high)) if high - low < 2**62 else low + self._wide(high - low)

    def text(self, most: int) -> str:
        return str(self._provider.ConsumeUnicode(self.integer(0, most)))

    def _wide(self, span: int) -> int:
        return int.from_bytes(self._provider.ConsumeBytes(16), "big") % (span + 1)


class Progress:
    """The number of runs and the findings so far."""

    def __init__(self, folder: Path, longest: int) -> None:
        self.executions, self.slowest = 0, 0.0
        self.findings: dict[str, dict[str, Any]] = {}
        self._path, self._saved = folder / "progress.json", 0.0
        input_ = (folder / "input").open("w+b")
        input_.truncate(longest + 8)
        self._input = mmap.mmap(input_.fileno(), longest + 8)

    def begin(self, data: bytes) -> None:
        self._input[: 8 + len(data)] = len(data).to_bytes(8, "big") + data

    def end(self, took: float) -> None:
        self.executions += 1
        self.slowest = max(self.slowest, took)
        if time.monotonic() - self._saved > SAVED_EVERY_SECONDS:
            self.save()

    def note(self, error: BaseException, data: bytes) -> None:
        """Record a finding; those of one kind and place count once."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
        places = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames[-3:]]
        key = f"{type(error).__name__} in {' > '.join(places)}"
        found = self.findings.setdefault(
            key, {"what": key, "message": str(error)[:300], "input": data[:8_192].hex(), "times": 0}
        )
        found["times"] += 1

    def save(self) -> None:
        self._saved = time.monotonic()
        state = {
            "executions": self.executions,
            "slowest_ms": round(self.slowest * 1000, 1),
            "processor_seconds": round(time.process_time(), 1),
            "findings": list(self.findings.values()),
        }
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(state), "utf-8")
        os.replace(beside, self._path)


def keep_text(data: bytes, max_size: int, seed: int) -> bytes:
    """libFuzzer's mutation, mostly converted to valid UTF-8."""
    changed: bytes = atheris.Mutate(data, max_size)
    if seed % NOT_TEXT_ONCE_IN == 0:
        return changed
    return changed.decode("utf-8", "replace").encode()[:max_size]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    with atheris.instrument_imports(include=INSTRUMENTED):
        from benchmarks.fuzzing.targets import TARGETS
    target = TARGETS[arguments.target]
    check: Callable[[Any], None] = target.check
    progress = Progress(arguments.folder, target.longest + 2**20)
    corpus = arguments.folder / f"corpus-{arguments.seed}"
    corpus.mkdir()
    for number, content in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)

    def attempt(data: bytes) -> None:
        progress.begin(data)
        signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_SECONDS)
        began = time.process_time()
        try:
            check(Fuzzed(data) if target.kind == "choices" else data)
        except Exception as error:  # noqa: BLE001 - any error is a finding
            progress.note(error, data)
        progress.end(time.process_time() - began)
        if progress.executions >= arguments.runs:
            progress.save()
            os._exit(0)

    options = [
        f"-seed={arguments.seed}",
        f"-max_len={target.longest}",
        "-timeout=1000000",  # wall-clock time, which also passes while the process is stopped
        "-rss_limit_mb=4096",
        "-verbosity=0",
        "-detect_leaks=0",
    ]
    mutator = {"custom_mutator": keep_text} if target.kind == "text" else {}
    atheris.Setup([sys.argv[0], *options, str(corpus)], attempt, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Count the calls of Python functions that one question takes, from the WSGI application down.

    python -m benchmarks.server.calls DATA < questions     # a question a line; prints the counts as JSON

Counted with `sys.setprofile` in every thread, after a warm-up, so in a process of its own: counting makes everything slow.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote_plus

ROOT = Path(__file__).resolve().parent.parent.parent
WARM_UP = 5


class Counts:
    """`python`, `native`: calls of Python and of built-in functions; `files`: where the former are."""

    def __init__(self) -> None:
        self.python, self.native = 0, 0
        self.files: set[str] = set()


class Profiler:
    """A profile function that counts what is called while there are `counts`."""

    counts: Counts | None = None

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if self.counts is None:
            return
        if event == "call":
            self.counts.python += 1
            self.counts.files.add(frame.f_code.co_filename)
        elif event == "c_call":
            self.counts.native += 1


def count_calls(data: Path, asked: Sequence[str]) -> dict[str, Any]:
    """The counts of `asked`, in a child process, half of them with the reading model."""
    command = [sys.executable, "-m", "benchmarks.server.calls", str(data)]
    done = subprocess.run(command, input="\n".join(asked), capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"the calls could not be counted: {done.stderr}")
    counts: dict[str, Any] = json.loads(done.stdout)
    return counts


def _count(data: Path, asked: Sequence[str]) -> dict[str, Any]:
    from qa.assembly import open_to_read
    from qa.settings.reading import read_settings
    from qa.web.application import create_app

    profiler = Profiler()
    threading.setprofile(profiler)  # for threads that start from here on
    settings = read_settings({"data": data})
    service = open_to_read(settings, lambda _: None)
    app = create_app(lambda: service, settings).wsgi_app
    found = {}
    for number, read in enumerate(("auto", "never")):
        counts = [_ask(app, question, read, profiler) for question in asked[number::2]]
        found[f"read={read}"] = _summary(counts[WARM_UP:])
    return found


def _ask(app: Any, question: str, read: str, profiler: Profiler) -> Counts:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/v1/search",
        "QUERY_STRING": f"q={quote_plus(question)}&read={read}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    statuses: list[str] = []
    sys.setprofile(profiler)
    profiler.counts = counts = Counts()
    body = b"".join(app(environ, lambda status, headers, exc_info=None: statuses.append(status)))
    profiler.counts = None
    sys.setprofile(None)
    if statuses != ["200 OK"]:
        raise SystemExit(f"{question!r} was answered with {statuses}: {body!r}")
    return counts


def _summary(all_counts: Sequence[Counts]) -> dict[str, Any]:
    """Medians over the questions."""
    return {
        "questions": len(all_counts),
        "python_calls": statistics.median(one.python for one in all_counts),
        "native_calls": statistics.median(one.native for one in all_counts),
        "files": statistics.median(len(one.files) for one in all_counts),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    print(json.dumps(_count(parser.parse_args().data, sys.stdin.read().splitlines())))

"""The sandbox: confinement, limits, replacement of processes and checks of their output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.sandbox.pool import Sandbox, read_in_sandbox
from corpus.sandbox.reader_process import Limits
from corpus.sandbox.wire import from_line, to_line
from corpus.types import Document, Heading, ReadFailure

MB = 2**20
ROOT = str(Path(__file__).resolve().parents[3])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as pool:
        yield pool


def only(found: Iterator[Document | ReadFailure]) -> Document | ReadFailure:
    (one,) = found
    return one


def reason(found: Iterator[Document | ReadFailure]) -> str:
    failure = only(found)
    assert isinstance(failure, ReadFailure)
    return failure.reason


def test_returns_the_document_of_the_reader(sandbox: Sandbox) -> None:
    found = only(sandbox.read("# Títle\n\nWords 🙂.".encode(), "a.md"))
    assert isinstance(found, Document)
    assert (found.text, found.headings) == ("# Títle\n\nWords 🙂.", (Heading(0, 7, 1, "Títle"),))


def test_caller_opens_paths(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words.")
    found = only(sandbox.read(tmp_path / "a.txt", "a.txt"))
    assert isinstance(found, Document)
    assert found.text == "Words."
    assert "cannot be opened" in reason(sandbox.read(tmp_path / "none.txt", "none.txt"))


def test_unreadable_file_is_a_failure(sandbox: Sandbox) -> None:
    failure = only(sandbox.read(b"PK\x03\x04 no archive", "../../etc/passwd"))
    assert isinstance(failure, ReadFailure)
    assert "damaged" in failure.reason


def test_yields_every_record(sandbox: Sandbox) -> None:
    lines = b"".join(b'{"id": "%d", "text": "Words."}\n' % number for number in range(1000))
    assert [found.id for found in sandbox.read(lines, "a.jsonl") if isinstance(found, Document)] == [
        str(n) for n in range(1000)
    ]


def test_one_process_reads_many_files(sandbox: Sandbox) -> None:
    started = time.monotonic()
    for number in range(300):
        assert isinstance(only(sandbox.read(b"Words of number %d." % number, "a.txt")), Document)
    assert time.monotonic() - started < 10


def test_replaces_a_process_after_its_share_of_files() -> None:
    with Sandbox(Limits(files_per_process=2)) as sandbox:
        pids = []
        for _ in range(4):
            list(sandbox.read(b"Words.", "a.txt"))
            pids.append([process._process.pid for process in sandbox._idle])
    assert len(pids[0]) == len(pids[2]) == 1
    assert pids[1] == pids[3] == []
    assert pids[0] != pids[2]


def test_abandoned_read_does_not_affect_the_next() -> None:
    lines = b"".join(b'{"id": "%d", "text": "Words."}\n' % number for number in range(50_000))
    with Sandbox() as sandbox:
        reading = sandbox.read(lines, "a.jsonl")
        next(reading)
        reading.close()  # type: ignore[attr-defined]
        assert isinstance(only(sandbox.read(b"Words.", "a.txt")), Document)


def test_threads_read_concurrently(sandbox: Sandbox) -> None:
    wrong: list[object] = []

    def read_some(thread: int) -> None:
        for number in range(20):
            text = f"Words {thread} {number}."
            found = only(sandbox.read(text.encode(), "a.txt"))
            if not isinstance(found, Document) or found.text != text:
                wrong.append(found)

    threads = [threading.Thread(target=read_some, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_time_limits() -> None:
    lines = b"".join(b'{"id": "%d", "text": "Words of the record."}\n' % number for number in range(300_000))
    with Sandbox(Limits(wall_seconds=0.5)) as sandbox:
        *_, last = sandbox.read(lines, "slow.jsonl")
        assert isinstance(last, ReadFailure)
        assert "takes longer than 0.5 seconds" in last.reason
    with Sandbox(Limits(cpu_seconds=1)) as sandbox:
        *_, last = sandbox.read(lines * 4, "slow.jsonl")
        assert isinstance(last, ReadFailure)
        assert "more than 1 seconds of CPU time" in last.reason
        assert isinstance(only(sandbox.read(b"Words.", "a.txt")), Document)


def test_memory_limit() -> None:
    with Sandbox(Limits(memory_bytes=256 * MB)) as sandbox:
        assert "needs more than 256 MB of memory" in reason(sandbox.read(b"Many words. " * (10 * MB), "large.txt"))
        assert isinstance(only(sandbox.read(b"Words.", "a.txt")), Document)


def test_input_output_and_record_limits() -> None:
    record = b'{"id": "1", "text": "' + b"words " * 1000 + b'"}\n'
    assert "larger than 1 MB" in reason(read_in_sandbox(bytes(2 * MB), "a.txt", Limits(input_bytes=MB)))
    *_, last = read_in_sandbox(record * 1000, "a.jsonl", Limits(output_bytes=MB))
    assert isinstance(last, ReadFailure)
    assert "more than 1 MB of text" in last.reason
    assert "a document with more than 1 MB" in reason(read_in_sandbox(b"words " * MB, "a.txt", Limits(document_bytes=MB)))
    *before, last = read_in_sandbox(record * 4, "a.jsonl", Limits(records=3))
    assert len(before) == 3
    assert isinstance(last, ReadFailure)


def test_killed_process_is_reported_and_replaced(sandbox: Sandbox) -> None:
    list(sandbox.read(b"Words.", "a.txt"))
    for process in sandbox._idle:
        process._process.kill()
    lines = b'{"id": "1", "text": "Words."}\n' * 100_000
    before = set(_children_of_this_process())
    reading = sandbox.read(lines, "a.jsonl")
    assert isinstance(next(reading), Document)
    (child,) = set(_children_of_this_process()) - before  # process ids wrap around
    os.kill(child, 9)
    *_, last = reading
    assert isinstance(last, ReadFailure)
    assert "ended its reader (SIGKILL)" in last.reason
    assert isinstance(only(sandbox.read(b"Words.", "a.txt")), Document)


def test_close_ends_all_processes() -> None:
    before = set(_children_of_this_process())
    with Sandbox() as sandbox:
        list(sandbox.read(b"Words.", "a.txt"))
        assert set(_children_of_this_process()) - before
    assert not set(_children_of_this_process()) - before


def test_closed_sandbox_raises() -> None:
    sandbox = Sandbox()
    sandbox.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(sandbox.read(b"Words.", "a.txt"))


def _children_of_this_process() -> list[int]:
    listed = [Path(f"/proc/self/task/{thread}/children").read_text() for thread in os.listdir("/proc/self/task")]
    return [int(pid) for line in listed for pid in line.split()]


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.kill(os.getppid(), 0)",
        "open('/tmp/written', 'w')",
        "import os; os.remove('/tmp/written')",
        "open('/etc/passwd').read()",
        "open('/proc/1/environ').read()",
        "import tempfile; tempfile.TemporaryFile()",
        "bytearray(600 * 2**20)",
    ],
)
def test_confined_process_cannot_write_or_connect(attempt: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {ROOT!r})\nfrom corpus.sandbox.confinement import confine\nconfine(512 * 2**20)\n"
        f"try:\n    {attempt}\nexcept (OSError, MemoryError) as error:\n    print('rejected')"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, env={})
    assert (done.stdout, done.returncode) == ("rejected\n", 0), done.stderr


def test_confined_process_has_its_own_network_namespace() -> None:
    program = (
        f"import sys, ctypes; sys.path.insert(0, {ROOT!r})\nfrom corpus.sandbox.confinement import confine\n"
        "import os; before = os.readlink('/proc/self/ns/net')\nconfine(512 * 2**20)\nprint(before != os.readlink('/proc/self/ns/net'))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if done.stdout != "True\n":
        pytest.skip("this kernel or container does not allow user namespaces; only the audit hook blocks the network")


def test_process_does_not_inherit_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    with Sandbox() as sandbox:
        list(sandbox.read(b"Words.", "a.txt"))
        (pid,) = [process._process.pid for process in sandbox._idle]
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except PermissionError:
            pytest.skip("the child is closed to inspection")
    assert b"SECRET_KEY" not in environment


@pytest.mark.parametrize(
    "change",
    [
        {"text": 3},
        {"headings": [[0, 99, 1, "x", None]]},
        {"headings": [[0, 1, 9, "x", None]]},
        {"headings": [[0, True, 1, "x", None]]},
        {"tables": [[0, 3, 99, ""]]},
        {"tables": [[3, 3, 5, ""]]},
        {"pages": [5, 0]},
        {"pages": [-1]},
        {"metadata": {"a": {"b": 1}}},
        {"metadata": {"a": None}},
        {"url": 1},
        {"text": None},
    ],
)
def test_rejects_invalid_output_of_the_process(change: dict[str, object]) -> None:
    document = Document("Words.", "T", (Heading(0, 5, 1, "Words"),), (0,), metadata={"n": 1, "tags": ["a"]})
    line = to_line(document)
    assert from_line(line) == document
    with pytest.raises(ValueError, match=r"."):
        from_line(json.dumps({**json.loads(line), **change}).encode())

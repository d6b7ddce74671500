"""Starts the command `qa` without a new interpreter: a process that has imported the program forks itself for each command.

Importing takes half a second of processor time, more than most commands need. A command still has a process, an environment, a working
folder and output of its own. Nothing but imports is shared: the process that forks opens no document, model or database.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# What the commands import, the modules that they import on use included.
PRELOADED = (
    "qa.cli.main",
    "qa.assembly",
    "qa.ingest.files",
    "qa.operate.maintenance",
    "qa.operate.logs",
    "qa.settings.listing",
    "qa.answering.explanation",
    "qa.web.application",
    "qa.web.server.process",
    "qa.web.server.serving",
    "qa.web.server.warm_up",
    "onnxruntime",
    "pycld2",
    "tokenizers",
)
# Read by the program after its start; all others may have been read by the imports.
OWN_VARIABLES = ("QA_", "OTEL_")


class ForkedProcess:
    """A command that runs, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, pid: int, status: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status  # receives the exit code
        self._poll = select.poll()  # unlike `select`, it takes file descriptors of any number
        self._poll.register(status, select.POLLIN)

    def poll(self) -> int | None:
        return self._receive(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; negative for a signal. Raises TimeoutExpired."""
        code = self._receive(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _receive(self, timeout: float | None) -> int | None:
        if self.returncode is None and self._poll.poll(None if timeout is None else timeout * 1000):
            with self._status:
                self.returncode = int(self._status.recv(16))
        return self.returncode


class ForkServer:
    """The process that forks. `close` ends it."""

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        """`program`: the path of the command `qa`."""
        self._program = program
        self._environment = _of_others(environment)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), str(program)],
                env=self._environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def start(
        self, words: Sequence[object], folder: Path, environment: Mapping[str, str], output: IO[bytes], errors: IO[bytes]
    ) -> ForkedProcess | subprocess.Popen[bytes]:
        """Run `qa` with these arguments: in a new interpreter if its imports could differ in this environment."""
        if _of_others(environment) != self._environment:
            return start_process([self._program], words, folder, environment, output, errors)
        arguments = [str(word) for word in words]
        own = {name: value for name, value in environment.items() if name.startswith(OWN_VARIABLES)}
        ours, theirs = socket.socketpair()
        with theirs:
            files = [output.fileno(), errors.fileno(), theirs.fileno()]
            socket.send_fds(self._control, [json.dumps([arguments, str(folder), own]).encode()], files)
        return ForkedProcess(int(self._control.recv(16)), ours)

    def run(
        self, words: Sequence[object], folder: Path, environment: Mapping[str, str], patience: float | None
    ) -> tuple[int, str, str, int]:
        """Run `qa` to its end: the exit code, the output, the errors and the process id. Raises TimeoutExpired after `patience` seconds."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = self.start(words, folder, environment, output, errors)
            try:
                code = process.wait(patience)
            except BaseException:
                process.kill()
                raise
            for file in (output, errors):
                file.seek(0)
            return code, output.read().decode(), errors.read().decode(), process.pid

    def close(self) -> None:
        self._control.close()
        self._process.wait()


def start_process(
    command: Sequence[object],
    words: Sequence[object],
    folder: Path,
    environment: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes],
) -> subprocess.Popen[bytes]:
    """Run a command with these arguments in a new process."""
    return subprocess.Popen(
        [str(word) for word in (*command, *words)], cwd=folder, env=environment, stdout=output, stderr=errors
    )


def _of_others(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(OWN_VARIABLES)}


def _fork_for_each_request(control: socket.socket) -> list[str]:
    """Returns the arguments of a command in each forked process; exits in the first one when the tests end."""
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the tests then end this process
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            ended.recv(4096)
            _report_ended(running)
        if control not in ready:
            continue
        request, files, _, _ = socket.recv_fds(control, 2**20, 3)
        if not request:
            sys.exit()
        output, errors, status = files
        if pid := os.fork():
            running[pid] = socket.socket(fileno=status)
            control.send(str(pid).encode())
            os.close(output)
            os.close(errors)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for own in (control, ended, wake, *running.values()):
            own.close()
        words, folder, variables = json.loads(request)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        for file in files:
            os.close(file)
        os.chdir(folder)
        os.environ.update(variables)
        return list(words)


def _report_ended(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as connection, contextlib.suppress(BrokenPipeError):  # nobody waits for it
            connection.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.argv[2]).parent)
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # or each process's collections would copy the pages that they scan
    from qa.cli.main import main

    sys.argv = [sys.argv[2], *_fork_for_each_request(socket.socket(fileno=int(sys.argv[1])))]
    sys.exit(main())

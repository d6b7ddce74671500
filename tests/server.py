"""`qa serve` in a process, and a minimal HTTP client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.fork_server import ForkedProcess

ROOT = Path(__file__).parent.parent
# Seconds until a process counts as hanging. Long, because the first start prepares the model, perhaps on a busy machine.
PATIENCE = 600


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `changes`, and without variables that configure the program or its libraries."""
    removed = ("QA_", "HF_", "TRANSFORMERS_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
    return kept | {"PYTHONUNBUFFERED": "1"} | dict(changes)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


Start = Callable[..., ForkedProcess | subprocess.Popen[bytes]]


class Server:
    """`qa serve` in a process on a free port, its log, and a minimal HTTP client.

    With QA_TEST_WORKERS=2 in the environment of the tests it has two workers, unless a test chooses their number.
    """

    def __init__(self, start: Start, data: Path, log: Path, *options: object, **changes: str) -> None:
        """`start`: starts the command `qa`, as `ForkServer.start` does."""
        self.data = data
        self._log = log
        words = ["--data", data, "serve", "--port", "0", *options]
        changes = {"QA_WORKERS": os.environ.get("QA_TEST_WORKERS", "1")} | changes
        with log.open("wb") as file:
            self.process = start(words, ROOT, environment(changes), file, file)
        self.host, self.port = self._wait_for_address()

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def request(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, target, body, dict(headers or {}))
            response = connection.getresponse()
            return Response(response.status, response.msg, response.read())
        finally:
            connection.close()

    def get(self, target: str) -> Response:
        return self.request("GET", target)

    def post(self, target: str, body: bytes, content_type: str | None = "application/json") -> Response:
        return self.request("POST", target, body, {"Content-Type": content_type} if content_type else {})

    def search(self, query: str, **fields: Any) -> Any:
        """The response of POST /v1/search, which must be 200."""
        response = self.post("/v1/search", json.dumps({"query": query, **fields}).encode())
        assert response.status == 200, response.text
        return response.json()

    def add(self, **record: Any) -> Any:
        """The job of POST /v1/documents, which must accept the document."""
        response = self.post("/v1/documents", json.dumps(record).encode())
        assert response.status == 202, response.text
        return response.json()["job"]

    def upload(self, name: str, body: bytes, **fields: str) -> Response:
        """The response of POST /v1/documents to a file, with further form fields."""
        boundary = "b" * 40
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{fields[key]}\r\n' for key in fields]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        content = "".join([*parts, head]).encode() + body + f"\r\n--{boundary}--\r\n".encode()
        return self.post("/v1/documents", content, f"multipart/form-data; boundary={boundary}")

    def finished(self, job: Any) -> Any:
        """Wait until a job is finished and return it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.get(f"/v1/jobs/{job['id']}").json()
            if found["finished"]:
                return found
            time.sleep(0.02)
        raise AssertionError(f"the job is not finished: {found}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_for_address(self) -> tuple[str, int]:
        marker = "Serving on http://"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.log.splitlines():
                if marker in line:
                    host, _, port = line.partition(marker)[2].split()[0].rstrip("/").rpartition(":")
                    return host, int(port)
            if self.process.poll() is not None:
                raise AssertionError(f"the server exited with {self.process.returncode}: {self.log}")
            time.sleep(0.05)
        self.stop(signal.SIGKILL)
        raise AssertionError(f"the server printed no address: {self.log}")

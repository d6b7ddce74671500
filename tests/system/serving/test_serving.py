"""The server process: start, readiness, address errors, shutdown."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, RunProcess, Server, StartServer


def test_adds_the_press_release_to_a_new_folder_and_says_so(server: Server) -> None:
    lines = server.log.splitlines()
    assert any("press release" in line and str(server.data) in line for line in lines)
    assert sum("Serving on http://127.0.0.1:" in line for line in lines) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_signal_exits_with_code_zero(
    data_folder: Callable[[], Path], start_server: StartServer, number: signal.Signals
) -> None:
    with start_server(data_folder()) as running:
        assert running.search("Who signed the memorandum?")["results"]
        assert running.stop(number) == 0
        assert "Traceback" not in running.log
        with pytest.raises(ConnectionRefusedError):
            running.get("/healthz")


@pytest.mark.parametrize("workers", [1, 2])
def test_shutdown_answers_open_requests_and_accepts_no_new_ones(
    data_folder: Callable[[], Path], start_server: StartServer, workers: int
) -> None:
    body = json.dumps({"query": "Who signed the memorandum?"}).encode()
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with start_server(data_folder(), "--workers", workers) as running:
        with socket.create_connection((running.host, running.port), timeout=PATIENCE) as asking:
            asking.sendall(head.encode() + body[:10])
            time.sleep(0.3)  # until the server has received it
            running.process.send_signal(signal.SIGTERM)
            while is_listening(running):
                time.sleep(0.02)
            assert running.process.poll() is None
            asking.sendall(body[10:])
            answer = http.client.HTTPResponse(asking)
            answer.begin()
            assert answer.status == 200
            assert json.loads(answer.read())["results"]
        assert running.process.wait(PATIENCE) == 0
        assert "Traceback" not in running.log


def is_listening(running: Server) -> bool:
    try:
        socket.create_connection((running.host, running.port), timeout=PATIENCE).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: closed while this connection was in its queue
        return False
    return True


def test_signal_during_the_start_exits_with_code_zero(data_folder: Callable[[], Path], qa_path: Path, tmp_path: Path) -> None:
    data = data_folder()
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([str(qa_path), "--data", str(data), "serve", "--port", "0"], stdout=log, stderr=log) as process,
    ):
        while not (data / "lock").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_folder_survives_sigkill(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    data = data_folder()
    with start_server(data) as running:
        expected = running.search("Who signed the memorandum?")
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    with start_server(data) as running:
        assert running.search("Who signed the memorandum?")["results"] == expected["results"]


def test_taken_port_is_a_one_line_error(server: Server, qa: RunProcess, tmp_path: Path) -> None:
    refused = qa("--data", tmp_path / "data", "serve", "--port", server.port)
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert f"127.0.0.1:{server.port}" in line
    assert "--port" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "not a host"])
def test_foreign_address_is_a_one_line_error(qa: RunProcess, tmp_path: Path, host: str) -> None:
    refused = qa("--data", tmp_path / "data", "serve", "--host", host, "--port", "0")
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert host in line


def test_is_healthy_but_not_ready_during_the_start(qa_path: Path, tmp_path: Path) -> None:
    """The first start exports the model, which takes seconds to minutes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(qa_path), "--data", str(tmp_path / "data"), "serve", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            health = first_answer(process, port, "/healthz")
            ready, asked = (
                first_answer(process, port, "/readyz"),
                first_answer(process, port, "/v1/search?q=memorandum"),
            )
            page = first_answer(process, port, "/")
        finally:
            process.send_signal(signal.SIGTERM)
    assert health[0] == 200
    for status, headers, body in (ready, asked):
        assert status == 503
        assert headers.get_content_type() == "application/problem+json"
        assert int(headers["Retry-After"]) > 0
        assert json.loads(body)["status"] == 503
    assert page[0] in {200, 503}
    assert "Traceback" not in (tmp_path / "log").read_text()


def first_answer(process: subprocess.Popen[bytes], port: int, target: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """The first answer of a starting server."""
    while process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.msg, response.read()
        except ConnectionRefusedError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise AssertionError("the server ended")

"""The server process: it says where it serves, is not ready before it is, refuses a taken port, and ends when told to."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_new_folder_is_filled_with_the_press_release_and_it_says_so(server: Any) -> None:
    lines = server.log.splitlines()
    assert any("press release" in line and str(server.data) in line for line in lines)
    assert sum("Serving on http://127.0.0.1:" in line for line in lines) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_the_server_with_exit_code_zero_and_without_a_traceback(
    data_folder: Callable[[], Path], start_server: Callable[..., Any], number: signal.Signals
) -> None:
    with start_server(data_folder()) as running:
        assert running.search("Who signed the memorandum?")["results"]
        assert running.stop(number) == 0
        assert "Traceback" not in running.log
        with pytest.raises(ConnectionRefusedError):
            running.get("/healthz")


def test_a_request_that_is_on_its_way_when_the_signal_comes_is_answered_and_no_new_one_is_taken(
    data_folder: Callable[[], Path], start_server: Callable[..., Any]
) -> None:
    body = json.dumps({"query": "Who signed the memorandum?"}).encode()
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with start_server(data_folder()) as running:
        with socket.create_connection((running.host, running.port), timeout=60) as asking:
            asking.sendall(head.encode() + body[:10])
            time.sleep(0.3)  # until it has been taken in
            running.process.send_signal(signal.SIGTERM)
            while is_listening(running):
                time.sleep(0.02)
            assert running.process.poll() is None
            asking.sendall(body[10:])
            answer = http.client.HTTPResponse(asking)
            answer.begin()
            assert answer.status == 200
            assert json.loads(answer.read())["results"]
        assert running.process.wait(60) == 0
        assert "Traceback" not in running.log


def is_listening(running: Any) -> bool:
    try:
        socket.create_connection((running.host, running.port), timeout=60).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it was closed with this one in its queue
        return False
    return True


def test_a_signal_before_the_documents_are_open_ends_it_too(
    data_folder: Callable[[], Path], qa_path: Path, tmp_path: Path
) -> None:
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


def test_a_folder_survives_the_end_of_its_server_by_force(
    data_folder: Callable[[], Path], start_server: Callable[..., Any]
) -> None:
    data = data_folder()
    with start_server(data) as running:
        expected = running.search("Who signed the memorandum?")
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    with start_server(data) as running:
        assert running.search("Who signed the memorandum?")["results"] == expected["results"]


def test_a_port_that_is_taken_is_told_in_one_line(server: Any, qa: Run, tmp_path: Path) -> None:
    refused = qa("--data", tmp_path / "data", "serve", "--port", server.port)
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert f"127.0.0.1:{server.port}" in line
    assert "--port" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "not a host"])
def test_an_address_that_is_not_of_this_machine_is_told_in_one_line(qa: Run, tmp_path: Path, host: str) -> None:
    refused = qa("--data", tmp_path / "data", "serve", "--host", host, "--port", "0")
    assert refused.code == 1
    (line,) = refused.stderr.splitlines()
    assert host in line


def test_it_is_alive_and_not_ready_until_the_documents_are_open(qa_path: Path, tmp_path: Path) -> None:
    """The model is exported first, which takes seconds; meanwhile it must say so rather than refuse or hang."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(qa_path), "--data", str(tmp_path / "data"), "serve", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            health = _ask(process, port, "/healthz")
            ready, asked = _ask(process, port, "/readyz"), _ask(process, port, "/v1/search?q=memorandum")
            page = _ask(process, port, "/")
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


def _ask(process: subprocess.Popen[bytes], port: int, target: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """The first answer of a server that is starting."""
    while process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.msg, response.read()
        except ConnectionRefusedError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise AssertionError("the server ended")

"""The nginx and Caddy configurations of docs/deploy, in front of a real server."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qa.operate.keys import Role, create_key
from qa.state_files import FolderFiles
from qa.web.api.documents import MAX_UPLOAD_BYTES
from qa.web.server.http_server import IDLE_SECONDS
from tests.qa.chat.scripted_model import ScriptedModel, late
from tests.waiting import wait_for

DEPLOY = Path(__file__).parent.parent.parent.parent / "docs" / "deploy"
NAME = "docs.example.org"


def nginx(folder: Path, port: int, server: Any, name: str = "nginx.conf", *others: tuple[str, str]) -> list[str]:
    """`others`: texts of the configuration to replace, and by what, besides those of each."""
    site = (DEPLOY / name).read_text("utf-8")
    for there, here in (
        *others,
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("server 127.0.0.1:8000;", f"server {server.host}:{server.port};"),
        ("/var/log/nginx", str(folder)),
    ):
        assert there in site
        site = site.replace(there, here)
    site = re.sub(r"^\s*ssl_.*$", "", site, flags=re.MULTILINE)
    paths = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    whole = f"daemon off; user root; pid {folder}/pid; error_log stderr; events {{}} http {{ {paths}\n{site}\n}}"
    (folder / "nginx.conf").write_text(whole)
    return ["-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, server: Any) -> list[str]:
    site = (DEPLOY / "Caddyfile").read_text("utf-8")
    for there, here in (
        ("\tlog default {", "\tadmin off\n\tlog default {"),
        (f"{NAME} {{", f"http://{NAME}:{port} {{\n\tbind 127.0.0.1"),
        ("reverse_proxy 127.0.0.1:8000", f"reverse_proxy {server.host}:{server.port}"),
        ("\tlog {", f"\tlog {{\n\t\toutput file {folder}/access.log"),
    ):
        assert there in site
        site = site.replace(there, here)
    (folder / "Caddyfile").write_text(site)
    return ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


class Proxy:
    """A reverse proxy in front of a server, addressed by its public name."""

    def __init__(self, program: str, folder: Path, server: Any, *configuration: Any) -> None:
        """`configuration`: further arguments of the function that writes it."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.server, self.host = folder, server, f"{NAME}:{self.port}"
        words = {"nginx": nginx, "caddy": caddy}[program](folder, self.port, server, *configuration)
        with (folder / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                [str(shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")), *words],
                env={"HOME": str(folder), "PATH": os.environ["PATH"]},
                stderr=errors,
            )

    def request(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(self.connection()) as connection:
            connection.request(method, target, body, {"Host": self.host, **headers})
            response = connection.getresponse()
            return response, response.read()

    def connection(self) -> http.client.HTTPConnection:
        for _ in range(500):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.connect()
            except ConnectionRefusedError:
                connection.close()
                assert self._process.poll() is None, (self.folder / "stderr").read_text()
                time.sleep(0.02)
            else:
                return connection
        raise AssertionError("the proxy does not accept connections")

    @property
    def logged(self) -> str:
        return "".join(path.read_text() for path in self.folder.iterdir() if path.is_file() and "log" in path.name)

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


@pytest.fixture(scope="module")
def slow_model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as running:
        running.behave = late(2.0)
        yield running


@pytest.fixture(scope="module")
def behind(data_folder: Callable[[], Path], start_server: Any, slow_model: ScriptedModel) -> Iterator[Any]:
    """A server configured for a proxy on the same machine."""
    folder = data_folder()
    create_key(FolderFiles(folder), "the first", Role.READ)
    options = {
        "QA_TRUSTED_PROXY": "127.0.0.1",
        "QA_HOSTS": NAME,
        "QA_LLM_URL": slow_model.address,
        "QA_LLM_MODEL": "slow",
        "QA_REQUESTS_PER_MINUTE": "100",
        "QA_LOG_FORMAT": "json",
    }
    with start_server(folder, **options) as running:
        yield running


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(request: Any, behind: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if not shutil.which(request.param, path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip(f"{request.param} is not installed")
    running = Proxy(request.param, tmp_path_factory.mktemp(request.param), behind)
    yield running
    running.close()


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_proxy_log_hides_questions_when_the_server_is_down(program: str, tmp_path: Path) -> None:
    if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip(f"{program} is not installed")
    with socket.socket() as taken:  # nothing listens on it
        taken.bind(("127.0.0.1", 0))
        alone = Proxy(program, tmp_path, SimpleNamespace(host="127.0.0.1", port=taken.getsockname()[1]))
        sent = {"Authorization": "Bearer zqcanarykey", "Referer": f"https://{NAME}/?q=zqcanaryquestion"}
        failed, _ = alone.request("GET", "/v1/search?q=zqcanaryquestion", **sent)
        alone.close()
    assert failed.status == 502
    told = "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    assert "/v1/search" in told
    assert "zqcanary" not in told


@pytest.fixture(scope="module")
def key(behind: Any) -> Callable[[str], dict[str, str]]:
    return lambda name: {"Authorization": f"Bearer {create_key(FolderFiles(behind.data), name, Role.WRITE)}"}


def test_requires_a_key_behind_a_proxy(proxy: Proxy, key: Any) -> None:
    refused, _ = proxy.request("GET", "/v1/search?q=zqcanaryquestion")
    assert (refused.status, refused.getheader("WWW-Authenticate")) == (401, "Bearer")
    holder = key(f"asks {proxy.port}")
    answered, body = proxy.request("GET", "/v1/search?q=Who+signed+the+memorandum", **holder)
    assert answered.status == 200
    assert json.loads(body)["answerable"]
    written, _ = proxy.request("POST", "/v1/documents", b"{}", Origin=f"https://{NAME}", **holder)
    assert written.status == 415


def test_shares_the_request_id_and_logs_no_question_or_key(proxy: Proxy, key: Any) -> None:
    holder = key(f"logged {proxy.port}")
    answered, _ = proxy.request("GET", "/v1/search?q=zqcanaryquestion", **holder)
    request_id = str(answered.getheader("X-Request-Id"))
    assert len(request_id) >= 32
    for _ in range(200):
        if "/v1/search" in proxy.logged and request_id in proxy.server.log:
            break
        time.sleep(0.02)
    assert request_id in proxy.server.log
    assert "/v1/search" in proxy.logged
    assert "zqcanary" not in proxy.logged
    assert holder["Authorization"].split()[1] not in proxy.logged


def test_streams_replies_through_the_proxy(proxy: Proxy, key: Any) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "Who signed the memorandum?"}], "stream": True})
    headers = {"Host": proxy.host, "Content-Type": "application/json", **key(f"streams {proxy.port}")}
    with closing(proxy.connection()) as connection:
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        assert response.readline().startswith(b"data: ")
        first = time.monotonic()
        assert b"[DONE]" in response.read()
        assert time.monotonic() - first > 1  # the model waits two seconds


def test_passes_retry_after_through_the_proxy(proxy: Proxy, key: Any) -> None:
    holder = key(f"asks often {proxy.port}")

    def ask() -> http.client.HTTPResponse | None:
        answered, _ = proxy.request("GET", "/v1/models", **holder)
        return answered if answered.status != 200 else None

    refused = wait_for(ask)  # more than 100 requests: on a slow machine the bucket refills meanwhile
    assert refused.status == 429
    assert int(str(refused.getheader("Retry-After"))) >= 1


def test_proxies_keep_idle_connections_for_less_time_than_the_server() -> None:
    """Otherwise they send requests on connections that the server is closing."""
    for file, setting in (("nginx.conf", "keepalive_timeout"), ("Caddyfile", "keepalive")):
        (seconds,) = re.findall(rf"^\s*{setting} (\d+)s", (DEPLOY / file).read_text("utf-8"), re.MULTILINE)
        assert int(seconds) < IDLE_SECONDS


def test_accepts_uploads_as_large_as_the_server_does(proxy: Proxy, key: Any) -> None:
    holder = key(f"sends {proxy.port}")
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    head, tail = b'--b\r\nContent-Disposition: form-data; name="no-such-field"; filename="a.txt"\r\n\r\n', b"\r\n--b--\r\n"
    taken, body = proxy.request("POST", "/v1/documents", head + b"\0" * (MAX_UPLOAD_BYTES - 200) + tail, **holder, **boundary)
    assert (taken.status, b"no-such-field" in body) == (422, True)  # the whole body was read
    for text in ("nginx.conf", "Caddyfile"):
        assert f" {MAX_UPLOAD_BYTES + 1_000_000}" in (DEPLOY / text).read_text("utf-8")

    def send_too_much() -> int:
        with closing(proxy.connection()) as connection:
            connection.putrequest("POST", "/v1/documents", skip_host=True)
            for name, value in {
                "Host": proxy.host,
                **holder,
                **boundary,
                "Content-Length": str(MAX_UPLOAD_BYTES + 2_000_000),
            }.items():
                connection.putheader(name, value)
            connection.endheaders()
            with suppress(ConnectionError):  # refused before everything was sent
                connection.send(b"\0" * (MAX_UPLOAD_BYTES + 2_000_000))
            return connection.getresponse().status

    # Caddy answers 502 if it still sends when the server has refused; a caller then tries again.
    assert wait_for(lambda: (status := send_too_much()) != 502 and status) == 413

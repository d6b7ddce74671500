"""What stands in docs/deploy does what it says: the unit, the container's parts, and both reverse proxies before a real server."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from qa.operate.keys import Role, create_key
from qa.web.api.documents import MAX_UPLOAD_BYTES
from tests.qa.chat.scripted_model import ScriptedModel, late

ROOT = Path(__file__).parent.parent.parent.parent
DEPLOY = ROOT / "docs" / "deploy"
UNIT = (DEPLOY / "quotable.service").read_text("utf-8")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
NAME = "docs.example.org"
# systemd's own measure of what a service can reach, in tenths: 0 is nothing, 100 all.
MOST_EXPOSED = 20


def directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_gives_the_service_no_more_than_it_needs() -> None:
    given = directives(UNIT)
    assert given["ProtectSystem"] == ["strict"]
    assert given["CapabilityBoundingSet"] == [""]
    assert given["StateDirectory"] == ["quotable"]
    assert given["User"] == ["quotable"]
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute", "LockPersonality"):
        assert given[name] == ["yes"]
    command = shlex.split(given["ExecStart"][0])
    assert command[1:] == ["--config", "/etc/quotable/quotable.toml", "serve"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not there")
def test_systemd_takes_the_unit_and_finds_it_safe(run_process: Any, qa_path: Path, tmp_path: Path) -> None:
    unit = tmp_path / "quotable.service"
    unit.write_text(UNIT.replace("/opt/quotable/.venv/bin/qa", str(qa_path)))
    verified = run_process("systemd-analyze", "verify", unit)
    assert (verified.code, verified.stderr) == (0, "")
    judged = run_process("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", unit)
    assert judged.code == 0, judged.stdout


INSIDE = """
import ctypes, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)  # refused by kernels before 6.3
from qa.cli.main import main
sys.argv = ["qa", *sys.argv[1:]]
main()
"""


def test_it_serves_where_nothing_but_the_data_folder_can_be_written_and_no_memory_both_written_and_run(
    data_folder: Callable[[], Path], start_server: Any
) -> None:
    """As under `ProtectSystem=strict`, `MemoryDenyWriteExecute` and `--read-only`: with every file system mounted to be read."""
    data = data_folder()
    alone = ["unshare", "--map-root-user", "--mount"] if os.geteuid() else ["unshare", "--mount"]
    read_only = (
        f"mount --bind {shlex.quote(str(data))} {shlex.quote(str(data))} && mount -o remount,ro,bind / && cd / && ! touch /x 2>&- &&"
        ' exec "$@"'
    )
    if (
        not shutil.which("unshare")
        or subprocess.run([*alone, "sh", "-c", read_only, "sh", "true"], capture_output=True).returncode
    ):
        pytest.skip("the system lets nobody mount anything")
    command = (*alone, "sh", "-c", read_only, "sh", sys.executable, "-c", INSIDE)
    with start_server(data, command=command, HOME="/nonexistent", TMPDIR="/nonexistent") as running:
        job = running.finished(running.add(id="note", title="Refunds", text="Refunds are paid within ten working days."))
        assert job["status"] == "done"
        page = running.finished(running.upload("page.html", b"<h1>Fees</h1><p>The fee is eleven pounds.</p>").json()["job"])
        assert page["status"] == "done"
        assert running.search("When are refunds paid?")["answerable"]
        assert running.stop() == 0
        assert "Traceback" not in running.log


def instructions(text: str) -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if line and not line.startswith("#")]


def test_the_container_runs_as_nobody_special_and_says_whether_it_is_well() -> None:
    last = len(CONTAINERFILE) - CONTAINERFILE[::-1].index("MORF\n") - len("FROM")
    stage = dict(instructions(CONTAINERFILE[last:]))
    assert int(stage["USER"]) > 0
    assert stage["HEALTHCHECK"]
    assert (stage["ENTRYPOINT"], stage["CMD"]) == ('["start.sh"]', '["serve"]')
    assert "torch" not in CONTAINERFILE[last:]
    for name, arguments in instructions(CONTAINERFILE):
        if name == "COPY" and "--from" not in arguments:
            *sources, _ = [word for word in arguments.split() if not word.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), arguments


def test_the_health_check_is_content_with_a_server_and_not_without(server: Any, run_process: Any) -> None:
    check = dict(instructions(CONTAINERFILE))["HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert run_process(sys.executable, *command[1:], QA_PORT=str(server.port)).code == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert run_process(sys.executable, *command[1:], QA_PORT=str(free.getsockname()[1])).code == 1


def test_what_the_container_leaves_out_is_not_missed(data_folder: Callable[[], Path], start_server: Any) -> None:
    (removal,) = [words for name, words in instructions(CONTAINERFILE) if name == "RUN" and "uninstall" in words]
    names = [name.replace("-", "_") for name in removal.partition("--yes ")[2].split()]
    assert "torch" in names
    without = (
        f"import sys\nsys.modules.update(dict.fromkeys({names}))\nfrom qa.cli.main import main\nsys.argv[0] = 'qa'\nmain()\n"
    )
    for precision in ("fp32", "int8"):
        with start_server(data_folder(), command=(sys.executable, "-c", without), QA_PRECISION=precision) as running:
            assert running.finished(running.add(id="n", title="T", text="Refunds are paid."))["status"] == "done"
            assert running.search("Who signed the memorandum?")["answerable"]


def test_the_container_gives_a_new_folder_the_model_that_it_prepared_and_leaves_one_that_is_there(
    exported_model: Path, qa_path: Path, run_process: Any, tmp_path: Path
) -> None:
    script = tmp_path / "start.sh"
    script.write_text((DEPLOY / "start.sh").read_text("utf-8").replace("/opt/quotable/models", str(exported_model)))
    data = tmp_path / "data"
    (data / "models.new" / "half").mkdir(parents=True)  # a start was broken off
    path = f"{qa_path.parent}:{os.environ['PATH']}"
    assert "qa, version" in run_process("sh", script, "--version", QA_DATA=str(data), PATH=path).stdout
    kept = [path.relative_to(exported_model) for path in exported_model.rglob("*")]
    assert [path.relative_to(data / "models") for path in (data / "models").rglob("*")] == kept
    (data / "models" / "mine").touch()
    assert run_process("sh", script, "--version", QA_DATA=str(data), PATH=path).code == 0
    assert (data / "models" / "mine").exists()
    assert [path.name for path in data.iterdir()] == ["models"]


def test_the_composition_can_write_its_volume_and_is_reached_from_this_machine() -> None:
    (service,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["data:/data"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def nginx(folder: Path, port: int, server: Any) -> list[str]:
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    for there, here in (
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
        ("{\n\t# What", "{\n\tadmin off\n\t# What"),
        (f"{NAME} {{", f"http://{NAME}:{port} {{\n\tbind 127.0.0.1"),
        ("reverse_proxy 127.0.0.1:8000", f"reverse_proxy {server.host}:{server.port}"),
        ("\tlog {", f"\tlog {{\n\t\toutput file {folder}/access.log"),
    ):
        assert there in site
        site = site.replace(there, here)
    (folder / "Caddyfile").write_text(site)
    return ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


class Proxy:
    """A reverse proxy before a server, called by the name that it has on the web."""

    def __init__(self, program: str, folder: Path, server: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.server, self.host = folder, server, f"{NAME}:{self.port}"
        words = {"nginx": nginx, "caddy": caddy}[program](folder, self.port, server)
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
        raise AssertionError("the proxy does not listen")

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
    """A server as it is set up behind a proxy on its own machine."""
    folder = data_folder()
    create_key(folder, "the first", Role.READ)
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
        pytest.skip(f"{request.param} is not there")
    running = Proxy(request.param, tmp_path_factory.mktemp(request.param), behind)
    yield running
    running.close()


@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_what_was_asked_is_not_told_either_where_the_proxy_reaches_nobody(program: str, tmp_path: Path) -> None:
    if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip(f"{program} is not there")
    with socket.socket() as taken:  # and nobody listens
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
    return lambda name: {"Authorization": f"Bearer {create_key(behind.data, name, Role.WRITE)}"}


def test_a_proxy_asks_for_a_key_and_passes_it_on(proxy: Proxy, key: Any) -> None:
    refused, _ = proxy.request("GET", "/v1/search?q=zqcanaryquestion")
    assert (refused.status, refused.getheader("WWW-Authenticate")) == (401, "Bearer")
    holder = key(f"asks {proxy.port}")
    answered, body = proxy.request("GET", "/v1/search?q=Who+signed+the+memorandum", **holder)
    assert answered.status == 200
    assert json.loads(body)["answerable"]
    written, _ = proxy.request("POST", "/v1/documents", b"{}", Origin=f"https://{NAME}", **holder)
    assert written.status == 415


def test_the_request_id_is_the_proxys_and_no_question_or_key_is_in_its_log(proxy: Proxy, key: Any) -> None:
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


def test_words_of_a_streamed_answer_are_passed_on_as_they_come(proxy: Proxy, key: Any) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "Who signed the memorandum?"}], "stream": True})
    headers = {"Host": proxy.host, "Content-Type": "application/json", **key(f"streams {proxy.port}")}
    with closing(proxy.connection()) as connection:
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        assert response.readline().startswith(b"data: ")
        first = time.monotonic()
        assert b"[DONE]" in response.read()
        assert time.monotonic() - first > 1  # the model says nothing for two seconds


def test_when_to_ask_again_is_passed_on(proxy: Proxy, key: Any) -> None:
    holder = key(f"asks often {proxy.port}")
    answers = [proxy.request("GET", "/v1/models", **holder)[0] for _ in range(101)]
    assert answers[-1].status == 429
    assert int(str(answers[-1].getheader("Retry-After"))) >= 1


def test_as_much_may_be_sent_as_the_server_takes(proxy: Proxy, key: Any) -> None:
    holder = key(f"sends {proxy.port}")
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    head, tail = b'--b\r\nContent-Disposition: form-data; name="no-such-field"; filename="a.txt"\r\n\r\n', b"\r\n--b--\r\n"
    taken, body = proxy.request("POST", "/v1/documents", head + b"\0" * (MAX_UPLOAD_BYTES - 200) + tail, **holder, **boundary)
    assert (taken.status, b"no-such-field" in body) == (422, True)  # it was read to its end
    for text in ("nginx.conf", "Caddyfile"):
        assert f" {MAX_UPLOAD_BYTES + 1_000_000}" in (DEPLOY / text).read_text("utf-8")
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
        with suppress(ConnectionError):  # told before it was all sent
            connection.send(b"\0" * (MAX_UPLOAD_BYTES + 2_000_000))
        assert connection.getresponse().status == 413

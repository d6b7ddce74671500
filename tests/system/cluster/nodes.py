"""OpenSearch nodes on free ports of loopback, from Maven artifacts: no distribution and no container. For tests and benchmarks.

A node is a process of its own, so that it can be killed; it ends when its standard input does, so that none outlives this process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
SOURCES = ("pom.xml", "ClusterNode.java")
# Seconds until a node counts as hanging: a green cluster of three takes 15 to 30 on an idle machine.
PATIENCE = 300
POLL = 0.1
# Starts in half the time, and is slower under load: for tests.
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


class NotAvailable(Exception):
    """Java, Maven or the artifacts are missing."""


def prepare(folder: Path) -> Path:
    """The jars and our launcher in `folder`, fetched and compiled if they are not there. Raises NotAvailable."""
    for command in ("java", "javac", "mvn"):
        if shutil.which(command) is None:
            raise NotAvailable(f"{command} is not installed")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # several test processes prepare it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        jars = folder / f"jars-{digest}"
        if not (jars / "complete").exists():
            shutil.rmtree(jars, ignore_errors=True)
            _run("mvn", "-q", "-B", "-f", HERE / SOURCES[0], f"-Djars={jars.resolve()}", "process-resources")
            _run("javac", "-cp", f"{jars}/*", "-d", jars, HERE / SOURCES[1])
            (jars / "complete").touch()
    return jars


def _run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        last = next((line for line in reversed((done.stdout + done.stderr).splitlines()) if "ERROR" in line), done.stderr)
        raise NotAvailable(f"{command[0]} failed: {last.strip()}")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass
class ClusterNode:
    """A node that can be killed and started again on its data and ports."""

    name: str
    port: int
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)

    def signal(self, number: int) -> None:
        """To this node's process alone."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
            stdin: IO[bytes] | None = self.process.stdin
            if stdin:
                stdin.close()

    def request(self, path: str, body: Any = None, method: str = "GET", timeout: float = 60) -> Any:
        """The JSON of a response. Raises OSError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{self.address}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)


@dataclass
class LocalCluster:
    nodes: list[ClusterNode] = field(default_factory=list)

    @property
    def hosts(self) -> str:
        return ",".join(node.address for node in self.nodes)

    def engine(self, name: str) -> str:
        """The address of an engine for the setting `engine`."""
        return f"opensearch://{self.hosts}/{name}"

    def wait_for(self, status: str = "green", patience: float = PATIENCE) -> None:
        """Until the cluster has all its nodes and this status. Raises TimeoutError with the end of a node's log."""
        deadline = time.monotonic() + patience
        path = f"/_cluster/health?wait_for_status={status}&wait_for_nodes={len(self.nodes)}&timeout=5s"
        while time.monotonic() < deadline:
            for node in self.nodes:
                if node.process is None or node.process.poll() is not None:
                    raise TimeoutError(f"{node.name} ended: {node.log.read_text('utf-8', 'replace')[-2000:]}")
            with contextlib.suppress(OSError, ValueError):
                if not self.nodes[0].request(path)["timed_out"]:
                    return
            time.sleep(POLL)
        raise TimeoutError(f"the cluster is not {status}: {self.nodes[0].log.read_text('utf-8', 'replace')[-2000:]}")

    def close(self) -> None:
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def run_cluster(
    jars: Path, folder: Path, nodes: int = 3, heap: str = "768m", *, options: Sequence[str] = (), **settings: str
) -> Iterator[LocalCluster]:
    """A green cluster with its data in `folder`, ended with the context. `options`: of the JVM; `settings`: of every node."""
    ports = free_ports(2 * nodes)
    names = [f"node-{number}" for number in range(1, nodes + 1)]
    java = Path(shutil.which("java") or "java")
    shared = {
        "cluster.name": f"quotable-{os.getpid()}",
        "network.host": "127.0.0.1",
        "discovery.seed_hosts": ",".join(f"127.0.0.1:{port}" for port in ports[nodes:]),
        "cluster.initial_cluster_manager_nodes": ",".join(names),
        # A disk past 85% would keep the cluster yellow.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "cluster.max_shards_per_node": "3000",
        "transport.type": "netty4",
        "http.type": "netty4",
        **{name.replace("__", "."): value for name, value in settings.items()},
    }
    cluster = LocalCluster()
    try:
        for name, http, transport in zip(names, ports[:nodes], ports[nodes:], strict=True):
            home = folder / name
            home.mkdir(parents=True, exist_ok=True)
            own = {"node.name": name, "path.home": home, "http.port": http, "transport.port": transport}
            command = [
                str(java),
                f"-Xms{heap}",
                f"-Xmx{heap}",
                *options,
                f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}",
                f"-Djava.io.tmpdir={home}",
                "-cp",
                f"{jars}:{jars}/*",
                "ClusterNode",
                str(home),
                *(f"{key}={value}" for key, value in {**shared, **own}.items()),
            ]
            node = ClusterNode(name, http, command, folder / f"{name}.log")
            cluster.nodes.append(node)
            node.start()
        cluster.wait_for()
        yield cluster
    finally:
        cluster.close()

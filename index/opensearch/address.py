"""The address of an engine on a cluster: hosts, the name of the documents there, and how to prove who is who."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

SCHEME = "opensearch://"
PORT = 9200
Tls = Literal["auto", "verify", "unverified", "off"]

_HOST = r"(?:\[[0-9a-fA-F:]+\]|[\w-]+(?:\.[\w-]+)*)(?::\d{1,5})?"
_ADDRESS = re.compile(
    rf"{SCHEME}(?P<hosts>{_HOST}(?:,{_HOST})*)/(?P<name>[a-z0-9][a-z0-9_-]{{0,99}})(?:\?shards=(?P<shards>\d{{1,3}}))?"
)
EXAMPLE = f"{SCHEME}host-1:{PORT},host-2:{PORT}/documents"


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """`hosts`: names with ports. `name`: prefix of the indices. `shards`: of the index when it is created.

    `tls`: `auto` verifies certificates, and uses none for a cluster on this machine. `certificate` and `key`: of this client. `ca`:
    the authority that signed the cluster's certificates, None for those that the system trusts.
    """

    hosts: tuple[tuple[str, int], ...]
    name: str
    shards: int = 3
    tls: Tls = "auto"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None

    @property
    def uses_tls(self) -> bool:
        if self.tls == "auto":
            return self.ca is not None or self.certificate is not None or not all(is_loopback(host) for host, _ in self.hosts)
        return self.tls != "off"

    def __str__(self) -> str:
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{SCHEME}{hosts}/{self.name}"


def parse(text: str) -> ClusterAddress:
    """Raises ValueError saying what an address must be; the message does not repeat the text, which may contain a password."""
    found = _ADDRESS.fullmatch(text)
    if "@" in text:
        raise ValueError("must not contain a user or password; set engine_user and engine_password")
    hosts = tuple(map(_host, found["hosts"].split(","))) if found else ()
    shards = int(found["shards"] or 3) if found else 0
    if not found or not shards or not all(0 < port < 65536 for _, port in hosts):
        raise ValueError(f"must be an address such as {EXAMPLE}; the name has lower-case letters, digits, - and _")
    return ClusterAddress(hosts, found["name"], shards)


def _host(text: str) -> tuple[str, int]:
    name, _, port = text.rpartition(":") if re.search(r":\d{1,5}$", text) and not text.endswith("]") else (text, "", PORT)
    return name.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

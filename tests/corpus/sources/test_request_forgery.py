"""Server-side request forgery: no spelling of an address, DNS answer or redirect leads to a machine that is not allowed."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from corpus.sources.addresses import FetchError, Hosts
from corpus.sources.fetcher import Fetcher
from tests.corpus.sources.fetchers import LIMITS, ScriptedResolver, fetcher_for
from tests.corpus.sources.site import Site, say

# Hosts of URLs that must never be connected to: loopback, its other spellings, cloud metadata, private networks.
LOOPBACK = ("localhost", "localhost.", "LOCALHOST", "localtest.test", "127.0.0.1", "127.0.0.2", "127.255.255.254", "[::1]")
FORMS = (
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0.0.0.0", "127.0.0.1.",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::1%25lo]", "[::]", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
)  # fmt: skip
METADATA = (
    "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "192.0.0.192", "metadata.google.internal", "2852039166", "0xa9fea9fe",
    "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
)  # fmt: skip
NETWORKS = (
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "[fc00::1]", "[fe80::1]", "[fec0::1]", "224.0.0.1",
    "255.255.255.255",
)  # fmt: skip
MACHINES = {"metadata.google.internal": "169.254.169.254"}
AUTHORITIES = (
    "me@127.0.0.1", "me:secret@127.0.0.1", "docs.test@127.0.0.1", "127.0.0.1\\@docs.test", "docs.test#@127.0.0.1", "docs.test?@127.0.0.1",
    "127.0.0.1%23docs.test", "docs.test%40127.0.0.1", "127.0.0.1\tdocs.test",
)  # fmt: skip
SCHEMES = (
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1/",
    "dict://127.0.0.1/",
    "ldap://127.0.0.1/",
    "unix:/x",
    "//127.0.0.1/",
)


def addresses(port: int) -> list[str]:
    hosts = (*LOOPBACK, *FORMS, *METADATA, *NETWORKS, *AUTHORITIES)
    return [*(f"http://{host}:{port}/secret" for host in hosts), *SCHEMES]


@pytest.fixture
def connected() -> Iterator[list[object]]:
    """The address of every connection of this process, from the interpreter's audit events."""
    recorded: list[object] = []
    _RECORDERS.append(recorded)
    yield recorded
    _RECORDERS.remove(recorded)


_RECORDERS: list[list[object]] = []


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for recorded in _RECORDERS:
            recorded.append(arguments[1])


sys.addaudithook(_record)


class AnyHost(Hosts):
    """Allows every host name, so that only the check of IP addresses protects."""

    def check(self, address: Any) -> None:
        pass


def resolve_literally(host: str, port: int) -> Sequence[str]:
    if host in MACHINES:
        return [MACHINES[host]]
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]
    except OSError:
        return ["127.0.0.1"]


def test_connections_are_recorded(site: Site, connected: list[object]) -> None:
    site.answers["/"] = say()
    fetcher_for(site).fetch(f"http://docs.test:{site.port}/")
    assert connected == [("127.0.0.1", site.port)]


@pytest.mark.parametrize("hosts", [Hosts(["docs.test"]), AnyHost()], ids=["named hosts", "any host"])
def test_internal_addresses_are_never_connected_to(site: Site, connected: list[object], hosts: Hosts) -> None:
    urls = addresses(site.port)
    assert len(urls) >= 60
    for url in urls:
        with pytest.raises(FetchError):
            Fetcher(hosts, LIMITS, resolve_literally).fetch(url)
    assert (site.connections, connected) == (0, [])


def test_redirects_never_lead_to_internal_addresses(connected: list[object]) -> None:
    site, secret = Site(), Site()
    site.answers = {f"/{number}": say(302, Location=url) for number, url in enumerate(addresses(secret.port))}
    assert len(site.answers) >= 60
    here = f"docs.test:{site.port}"

    names = {"docs.test": ["127.0.0.1"]}
    for hosts in (Hosts([], [here]), AnyHost([], [here])):
        fetcher = Fetcher(hosts, LIMITS, lambda host, port: names.get(host) or resolve_literally(host, port))
        for path in site.answers:
            with pytest.raises(FetchError):
                fetcher.fetch(f"http://{here}{path}")
    assert secret.connections == 0
    assert {place for place in connected if place != ("127.0.0.1", site.port)} == set()
    for one in (site, secret):
        one.stop()


def test_connects_to_the_address_that_was_checked(site: Site, connected: list[object]) -> None:
    """DNS rebinding: the second answer names another machine."""
    site.answers["/"] = say()
    resolve = ScriptedResolver(["127.0.0.1"], ["10.0.0.1"])
    assert fetcher_for(site, resolve=resolve).fetch(f"http://docs.test:{site.port}/").body == b"Words."
    assert resolve.calls == 1
    assert connected == [("127.0.0.1", site.port)]


def test_resolves_and_checks_each_redirect(site: Site) -> None:
    site.answers["/"] = say(302, Location="/next")
    resolve = ScriptedResolver(["127.0.0.1"], ["169.254.169.254"])
    with pytest.raises(FetchError, match="public internet"):
        fetcher_for(site, resolve=resolve).fetch(f"http://docs.test:{site.port}/")
    assert resolve.calls == 2
    assert [path for path, _ in site.asked] == ["/"]


def test_rejects_a_host_if_any_of_its_addresses_is_private(site: Site) -> None:
    with pytest.raises(FetchError, match="public internet"):
        fetcher_for(site, resolve=ScriptedResolver(["127.0.0.1", "169.254.169.254"])).fetch(f"http://docs.test:{site.port}/")
    assert site.connections == 0

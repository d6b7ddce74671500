"""Addresses of documents: which may be asked for, and which machines may be asked. Pure.

What is fetched by a server on behalf of others must not reach what only that server can reach (OWASP: server-side request forgery).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote

import idna

from corpus.types import QuotableError

MAX_CHARACTERS = 2_000
PORTS = {"http": 80, "https": 443}

_PARTS = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(\d{1,5}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# What may stand in a path and a query as it is (RFC 3986), and the mark of what is already written so.
_KEPT = "!$%&'()*+,-./:;=?@_~"

# Not of the public internet whatever `ipaddress` of this Python says (its list grew in 3.11.10, 3.12.4 and 3.13): RFC 6890 and the IANA
# registries of special-purpose addresses. 2002::/16 and 2001::/23 carry other addresses inside (6to4, Teredo), fec0::/10 was site-local.
_SPECIAL = tuple(
    ip_network(network)
    for network in (
        *"0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24".split(),
        *"192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24".split(),
        *"203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split(),
    )
)
_GLOBAL_IPV6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")  # an IPv4 address is in the last 32 bits
# Where clouds answer their machines' own questions, secrets among the answers. The link-local ones are refused as such.
_METADATA = frozenset(map(ip_address, ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))


class FetchError(QuotableError):
    """A document could not be fetched, or may not be."""


@dataclass(frozen=True, slots=True)
class Address:
    """`host`: a name in ASCII and lower case without a dot at its end, or an IP address. `target`: path and query, percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str = "/"

    @property
    def authority(self) -> str:
        """Host and port as in a URL and the Host header; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def is_address(text: str) -> bool:
    """Whether it is meant to be one, as against a file's name."""
    return text[:8].lower().startswith(("http://", "https://"))


def parse_address(text: str) -> Address:
    """Strict where programs differ in what they read. Raises FetchError with what is wrong."""
    if len(text) > MAX_CHARACTERS:
        raise FetchError(f"an address may have at most {MAX_CHARACTERS} characters; this one has {len(text)}")
    if any(character <= " " or character in '\\"<>^`{|}\x7f' for character in text) or not text.isprintable():
        raise FetchError("it holds a character that no address may hold; write it percent-encoded")
    match = _PARTS.match(text)
    if not match:
        raise FetchError("it is no address that begins with https:// or http://")
    scheme, authority, target = match[1].lower(), match[2], match[3]
    if "@" in authority:
        raise FetchError("it carries a name or a password, which are not sent; leave out what stands before the @")
    place = _AUTHORITY.fullmatch(authority)
    if not place or not place[1]:
        raise FetchError(f"{authority!r} is no host")
    port = int(place[2]) if place[2] else PORTS[scheme]
    if not 1 <= port <= 65_535:
        raise FetchError(f"there is no port {port}")
    path = target if target.startswith("/") else f"/{target}"
    return Address(scheme, _host(place[1]), port, quote(path, safe=_KEPT))


class Hosts:
    """The hosts that may be asked, each `host` (ports 80 and 443) or `host:port`.

    `private`: those that may also stand at addresses of one's own network. Raises FetchError for an entry that is no host.
    """

    def __init__(self, named: Iterable[str] = (), private: Iterable[str] = ()) -> None:
        self._private = {place for entry in private for place in _places(entry)}
        self._named = self._private | {place for entry in named for place in _places(entry)}

    def __bool__(self) -> bool:
        return bool(self._named)

    def check(self, address: Address) -> None:
        """Raises FetchError where this host and port are not named."""
        if (address.host, address.port) not in self._named:
            place = f"{address.host}:{address.port}" if address.port not in PORTS.values() else address.host
            raise FetchError(f"documents are not fetched from {place}; the operator names the hosts in url_hosts")

    def check_machine(self, address: Address, machine: str) -> None:
        """Raises FetchError where the IP address that the host's name stands for may not be asked."""
        found = ip_address(machine.partition("%")[0])
        if "%" not in machine:
            if is_public(found):
                return
            if (address.host, address.port) in self._private and is_of_a_private_network(found):
                return
        raise FetchError(f"{address.host} is at {machine}, which is no address of the public internet")


def is_public(machine: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of the public internet, and none that another address is hidden in."""
    if isinstance(machine, IPv6Address):
        inner = machine.ipv4_mapped or (IPv4Address(int(machine) & 0xFFFFFFFF) if machine in _NAT64 else None)
        if inner is not None:
            return is_public(inner)
        if machine not in _GLOBAL_IPV6:
            return False
    special = any(machine in network for network in _SPECIAL if network.version == machine.version)
    return machine.is_global and not special and not machine.is_multicast and not machine.is_reserved


def is_of_a_private_network(machine: IPv4Address | IPv6Address) -> bool:
    """Whether it is of this machine or a network of one's own (RFC 1918, 6598, 4193), and not where a cloud keeps secrets."""
    if isinstance(machine, IPv6Address) and machine.ipv4_mapped:
        machine = machine.ipv4_mapped
    if machine in _METADATA or machine.is_link_local or machine.is_unspecified or machine.is_multicast:
        return False
    own = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")
    return any(machine in network for network in map(ip_network, own) if network.version == machine.version)


def _places(entry: str) -> list[tuple[str, int]]:
    place = _AUTHORITY.fullmatch(entry.strip())
    if not place or not place[1]:
        raise FetchError(f"{entry!r} is no host such as docs.example.org or docs.example.org:8443")
    return [(_host(place[1]), port) for port in ([int(place[2])] if place[2] else PORTS.values())]


def _host(written: str) -> str:
    """As in Address. Raises FetchError for what is no name and no IP address in the usual form."""
    if written.startswith("["):
        try:
            return str(IPv6Address(written[1:-1])) if "%" not in written else _no_host(written)
        except ValueError:
            return _no_host(written)
    host = written.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return _no_host(written)
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return _no_host(written)
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        # Programs take 127.1, 0177.0.0.1, 0x7f000001 and 2130706433 for an IPv4 address; here only the usual form is one.
        try:
            return str(IPv4Address(host))
        except ValueError:
            return _no_host(written)
    return host


def _no_host(written: str) -> str:
    raise FetchError(f"{written!r} is neither a host's name nor an IP address in its usual form")

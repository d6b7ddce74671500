"""Parses addresses of documents and decides which hosts and IP addresses may be contacted. Pure.

A server that fetches for others must not be led to machines that only it can reach (OWASP: server-side request forgery).
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
# Characters of path and query that are not quoted (RFC 3986), and "%", which starts a quoted one.
_UNQUOTED = "!$%&'()*+,-./:;=?@_~"

# Special-purpose networks of RFC 6890 and the IANA registries, because `ipaddress` knows fewer before Python 3.11.10, 3.12.4 and 3.13.
# 2002::/16 (6to4) and 2001::/23 (Teredo) embed other addresses.
_SPECIAL = tuple(
    ip_network(network)
    for network in (
        *"0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24".split(),
        *"192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24".split(),
        *"203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split(),
    )
)
_GLOBAL_IPV6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")  # embeds an IPv4 address in the last 32 bits
# Metadata services of clouds, which give out secrets.
_METADATA = frozenset(map(ip_address, ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))


class FetchError(QuotableError):
    """A document cannot or may not be fetched."""


@dataclass(frozen=True, slots=True)
class Address:
    """`host`: a lower-case ASCII name without a final dot, or an IP address. `target`: path and query, percent-encoded."""

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
    """Whether a text is an address rather than a file name."""
    return text[:8].lower().startswith(("http://", "https://"))


def parse_address(text: str) -> Address:
    """Parse an address, rejecting spellings that programs interpret differently. Raises FetchError with the reason."""
    if len(text) > MAX_CHARACTERS:
        raise FetchError(f"an address may have at most {MAX_CHARACTERS} characters, not {len(text)}")
    if any(character <= " " or character in '\\"<>^`{|}\x7f' for character in text) or not text.isprintable():
        raise FetchError("it contains a character that is not allowed in an address; percent-encode it")
    match = _PARTS.match(text)
    if not match:
        raise FetchError("it is not an address that begins with https:// or http://")
    scheme, authority, target = match[1].lower(), match[2], match[3]
    if "@" in authority:
        raise FetchError("it contains a user name or password, which are not sent; remove the part before the @")
    parts = _AUTHORITY.fullmatch(authority)
    if not parts or not parts[1]:
        raise FetchError(f"{authority!r} is not a valid host")
    port = int(parts[2]) if parts[2] else PORTS[scheme]
    if not 1 <= port <= 65_535:
        raise FetchError(f"the port must be between 1 and 65535, not {port}")
    path = target if target.startswith("/") else f"/{target}"
    return Address(scheme, _parse_host(parts[1]), port, quote(path, safe=_UNQUOTED))


class Hosts:
    """The hosts that may be contacted, each `host` (ports 80 and 443) or `host:port`.

    `private` hosts may also have private IP addresses. Raises FetchError for an invalid entry.
    """

    def __init__(self, public: Iterable[str] = (), private: Iterable[str] = ()) -> None:
        self._private = {pair for entry in private for pair in _parse_entry(entry)}
        self._allowed = self._private | {pair for entry in public for pair in _parse_entry(entry)}

    def check(self, address: Address) -> None:
        """Raises FetchError unless the host and port are allowed."""
        if (address.host, address.port) not in self._allowed:
            host = f"{address.host}:{address.port}" if address.port not in PORTS.values() else address.host
            raise FetchError(f"documents are not fetched from {host}; add it to the setting url_hosts")

    def check_machine(self, address: Address, machine: str) -> None:
        """Raises FetchError unless the IP address is public, or private and the host may have one."""
        ip = ip_address(machine.partition("%")[0])
        if "%" not in machine:
            if is_public(ip):
                return
            if (address.host, address.port) in self._private and is_private(ip):
                return
        raise FetchError(f"{address.host} has the IP address {machine}, which is not on the public internet")


def is_public(machine: IPv4Address | IPv6Address) -> bool:
    """Whether an IP address, or the one embedded in it, is on the public internet."""
    if isinstance(machine, IPv6Address):
        inner = machine.ipv4_mapped or (IPv4Address(int(machine) & 0xFFFFFFFF) if machine in _NAT64 else None)
        if inner is not None:
            return is_public(inner)
        if machine not in _GLOBAL_IPV6:
            return False
    special = any(machine in network for network in _SPECIAL if network.version == machine.version)
    return machine.is_global and not special and not machine.is_multicast and not machine.is_reserved


def is_private(machine: IPv4Address | IPv6Address) -> bool:
    """Whether an IP address is loopback or private (RFC 1918, 6598, 4193), and not a metadata service."""
    if isinstance(machine, IPv6Address) and machine.ipv4_mapped:
        machine = machine.ipv4_mapped
    if machine in _METADATA or machine.is_link_local or machine.is_unspecified or machine.is_multicast:
        return False
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")
    return any(machine in network for network in map(ip_network, private) if network.version == machine.version)


def _parse_entry(entry: str) -> list[tuple[str, int]]:
    parts = _AUTHORITY.fullmatch(entry.strip())
    if not parts or not parts[1]:
        raise FetchError(f"{entry!r} is not a host such as docs.example.org or docs.example.org:8443")
    return [(_parse_host(parts[1]), port) for port in ([int(parts[2])] if parts[2] else PORTS.values())]


def _parse_host(text: str) -> str:
    """Normalise a host as in Address. Raises FetchError unless it is a name or an IP address in its usual form."""
    invalid = FetchError(f"{text!r} is neither a host name nor an IP address in its usual form")
    if text.startswith("["):
        if "%" in text:
            raise invalid
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise invalid from None
    host = text.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise invalid from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise invalid
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        # Some programs accept 127.1, 0177.0.0.1, 0x7f000001 and 2130706433 as IPv4 addresses; here they are rejected.
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise invalid from None
    return host

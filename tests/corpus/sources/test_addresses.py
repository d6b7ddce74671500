"""Parsing of addresses, and checks of hosts and IP addresses. No network."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.sources.addresses import FetchError, Hosts, is_address, is_private, is_public, parse_address


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("https://docs.example.org", "https://docs.example.org/"),
        ("HTTPS://Docs.Example.ORG./a", "https://docs.example.org/a"),
        ("http://docs.example.org:80/a?b=c#d", "http://docs.example.org/a?b=c"),
        ("https://docs.example.org:8443", "https://docs.example.org:8443/"),
        ("https://bücher.example/ä b".replace(" ", "%20"), "https://xn--bcher-kva.example/%C3%A4%20b"),
        ("https://ｄｏｃｓ．example/", "https://docs.example/"),
        ("https://docs.example.org?q", "https://docs.example.org/?q"),
        ("http://[2606:4700::0001]/", "http://[2606:4700::1]/"),
        ("http://93.184.215.14/", "http://93.184.215.14/"),
    ],
)
def test_parses_and_normalises_addresses(text: str, normalised: str) -> None:
    assert is_address(text)
    assert str(parse_address(text)) == normalised
    assert str(parse_address(normalised)) == normalised


@pytest.mark.parametrize(
    "text",
    [
        "", "docs.example.org", "/etc/passwd", "file:///etc/passwd", "ftp://docs.example.org/", "gopher://docs.example.org/",
        "javascript:alert(1)", "data:text/plain,x", "https:docs.example.org", "https:///path", "https://", "http://?q", "http://#x",
        "https://me@docs.example.org/", "https://me:secret@docs.example.org/", "https://docs.example.org@10.0.0.1/",
        "https://docs.example.org\\@10.0.0.1/", "https://docs.example.org\\.evil.example/", "https://docs example.org/",
        "https://docs.example.org\t/", "https://docs.example.org\r\nHost: x/", "https://docs.example.org/\0", "https://docs.example.org/ a",
        "https://docs.example.org:0/", "https://docs.example.org:65536/", "https://docs.example.org:-1/", "https://docs.example.org:8x/",
        "https://docs.example.org:80:80/", "https://docs%2eexample.org/", "https://-docs.example.org/", "https://docs..example.org/",
        "https://.docs.example.org/", "https://docs.example.org../", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/",
        "http://0177.0.0.1/", "http://127.1/", "http://127.0.0.1.1/", "http://0/", "http://1/", "http://127.0.0.0x1/", "http://256.0.0.1/",
        "http://[::1%25lo]/", "http://[fe80::1%eth0]/", "http://[::1", "http://::1/", "http://[127.0.0.1]/", "http://[::g]/",
        "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/", "https://docs.example.org/" + "a" * 2_000,
        "https://docs.example.org/\u202e", "https://\u2028.example/", "https://docs.example.org/\ud800",
    ],
    ids=ascii,
)  # fmt: skip
def test_rejects_ambiguous_addresses(text: str) -> None:
    with pytest.raises(FetchError):
        parse_address(text)


@given(st.text(max_size=40) | st.text(max_size=30).map("http://{}".format))
def test_parsing_is_idempotent(text: str) -> None:
    try:
        address = parse_address(text)
    except FetchError:
        return
    assert parse_address(str(address)) == address
    assert str(address).isascii()


def test_allows_only_named_hosts_and_ports() -> None:
    hosts = Hosts(["docs.example.org", "Bücher.example:8443"], ["wiki.local:8080"])
    for allowed in (
        "http://docs.example.org/",
        "https://DOCS.example.org.:443/",
        "https://xn--bcher-kva.example:8443",
        "http://wiki.local:8080/",
    ):
        hosts.check(parse_address(allowed))
    for refused in (
        "https://docs.example.org:8443/",
        "https://docs.example.org:22/",
        "https://example.org/",
        "https://evil-docs.example.org/",
        "https://docs.example.org.evil.example/",
        "https://dосs.example.org/",  # two letters are Cyrillic
        "https://bücher.example/",
        "http://wiki.local/",
    ):
        with pytest.raises(FetchError, match="url_hosts"):
            hosts.check(parse_address(refused))
    with pytest.raises(FetchError, match="url_hosts"):
        Hosts().check(parse_address("https://docs.example.org/"))


@pytest.mark.parametrize(
    "entry", ["", "https://docs.example.org", "docs.example.org/", "*.example.org", "a:b", "127.1", "a@b", "a b"]
)
def test_rejects_invalid_host_entries(entry: str) -> None:
    with pytest.raises(FetchError):
        Hosts([entry])


PUBLIC = (
    "93.184.215.14",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "2a00:1450:4009:81f::200e",
    "::ffff:93.184.215.14",
    "64:ff9b::5db8:d70e",
)
# Special-purpose addresses of RFC 6890, and addresses that embed one.
SPECIAL = (
    *"0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.0.1 169.254.169.254".split(),
    *"172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1".split(),
    *"192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 224.0.1.1 239.255.255.255 240.0.0.1".split(),
    *"255.255.255.255 :: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1".split(),
    *"64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2".split(),
    *"2001:db8::1 2001:2::1 2001:10::1 2001:20::1 2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:1::1 2620:4f:8000::1 3fff::1".split(),
    *"5f00::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fec0::1 ff02::1 ff0e::1".split(),
)


@pytest.mark.parametrize("machine", PUBLIC)
def test_allows_public_ip_addresses(machine: str) -> None:
    assert is_public(ip_address(machine))
    Hosts(["docs.example.org"]).check_machine(parse_address("https://docs.example.org/"), machine)


@pytest.mark.parametrize("machine", [*SPECIAL, "fe80::1%eth0", "2606:4700::1%1"])
def test_rejects_special_ip_addresses(machine: str) -> None:
    with pytest.raises(FetchError, match="public internet"):
        Hosts(["docs.example.org"]).check_machine(parse_address("https://docs.example.org/"), machine)


def test_private_hosts_may_have_private_but_not_metadata_addresses() -> None:
    hosts = Hosts(["docs.example.org"], ["wiki.local"])
    own = [machine for machine in SPECIAL if is_private(ip_address(machine))]
    assert {"10.0.0.1", "127.0.0.1", "::1", "fd00::1", "192.168.0.1"} <= set(own)
    assert not {"169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254"} & set(
        own
    )
    for machine in own:
        hosts.check_machine(parse_address("http://wiki.local/"), machine)
        with pytest.raises(FetchError):
            hosts.check_machine(parse_address("http://docs.example.org/"), machine)

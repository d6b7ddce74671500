"""Addresses of engines on a cluster."""

from __future__ import annotations

import pytest

from index.opensearch.address import parse


@pytest.mark.parametrize(
    ("text", "hosts", "shards", "uses_tls"),
    [
        ("opensearch://one:9200,two:9201/documents", (("one", 9200), ("two", 9201)), 3, True),
        ("opensearch://search.example.org/documents", (("search.example.org", 9200),), 3, True),
        ("opensearch://127.0.0.1:1,localhost:2/documents?shards=6", (("127.0.0.1", 1), ("localhost", 2)), 6, False),
        ("opensearch://[::1]:9201,[2001:db8::1]/documents", (("::1", 9201), ("2001:db8::1", 9200)), 3, True),
    ],
)
def test_reads_hosts_name_and_shards(text: str, hosts: object, shards: int, uses_tls: bool) -> None:
    address = parse(text)
    assert (address.hosts, address.name, address.shards, address.uses_tls) == (hosts, "documents", shards, uses_tls)
    assert parse(str(address)).hosts == hosts


@pytest.mark.parametrize(
    "text",
    [
        "http://one:9200/documents",
        "opensearch://one:9200",
        "opensearch://one:0/documents",
        "opensearch://one:70000/documents",
        "opensearch://one:9200/Documents",
        "opensearch://one:9200/a,b",
        "opensearch://one:9200/documents?shards=0",
    ],
)
def test_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address such as opensearch://"):
        parse(text)


def test_refuses_a_password_in_the_address_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="engine_password") as refused:
        parse("opensearch://someone:secret@one:9200/documents")
    assert "secret" not in str(refused.value)

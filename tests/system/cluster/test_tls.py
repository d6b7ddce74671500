"""TLS to a cluster: certificates are verified unless the operator says otherwise."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.opensearch.address import ClusterAddress, parse
from index.opensearch.connection import Connection
from index.types import StoreError
from tests.system.cluster.answering import AnsweringNode, answering

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificate, is not installed"
)


class Node(AnsweringNode):
    """Says who asked."""

    def body(self) -> str:
        return f'{{"authorization": "{self.headers["Authorization"]}"}}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by nobody; with its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "certificate.pem"


@pytest.fixture(scope="module")
def address(certificate: Path) -> Iterator[ClusterAddress]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with answering(Node, context) as node:
        yield parse(f"opensearch://{node}/documents")


def ask(address: ClusterAddress) -> str:
    return str(Connection(address).request("GET", "/", seconds=2).body["authorization"])


def test_a_certificate_that_nobody_signed_is_refused(address: ClusterAddress) -> None:
    with pytest.raises(StoreError, match="not trusted"):
        ask(replace(address, tls="verify"))


def test_a_certificate_of_the_named_authority_is_accepted(address: ClusterAddress, certificate: Path) -> None:
    assert ask(replace(address, ca=certificate)) == "None"
    assert ask(replace(address, ca=certificate, user="me", password="secret")).startswith("Basic ")


def test_any_certificate_is_accepted_if_the_operator_says_so(address: ClusterAddress) -> None:
    assert ask(replace(address, tls="unverified")) == "None"


def test_a_file_that_cannot_be_read_is_named(address: ClusterAddress, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"ca\.pem"):
        Connection(replace(address, ca=tmp_path / "ca.pem"))

"""Fetching documents from a real server on loopback: names, redirects, encodings, TLS, limits and servers that misbehave."""

from __future__ import annotations

import gzip
import ssl
import subprocess
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.sources.addresses import FetchError, Hosts
from corpus.sources.fetcher import Fetcher
from tests.corpus.sources.fetchers import LIMITS, ScriptedResolver, fetcher_for
from tests.corpus.sources.site import Answer, Site, say

MB = 1024 * 1024


def test_content_type_sets_name_and_encoding(site: Site) -> None:
    site.answers = {
        "/a/page": say(body=b"<p>Words.", Content_Type="text/html; charset=utf-8"),
        "/table.csv": say(body=b"a,b"),
        "/x": say(body=b"a", Content_Type="text/markdown"),
        "/": say(body=b"a"),
        "/old": say(body="Zürich".encode("latin-1"), Content_Type="text/plain; charset=ISO-8859-1"),
        "/odd": say(body=b"a", Content_Type="text/plain; charset=punycode"),
    }
    fetcher, base = fetcher_for(site), f"http://docs.test:{site.port}"
    found = {path: fetcher.fetch(base + path) for path in site.answers}
    assert {path: one.name for path, one in found.items()} == {
        "/a/page": "page.html", "/table.csv": "table.csv", "/x": "x.md", "/": "docs.test", "/old": "old", "/odd": "odd",
    }  # fmt: skip
    assert found["/a/page"].body == b"<p>Words."
    assert found["/a/page"].url == f"{base}/a/page"
    assert found["/old"].body.decode("utf-8-sig") == "Zürich"
    _, headers = site.asked[0]
    assert headers["host"] == f"docs.test:{site.port}"
    assert not headers.keys() & {"cookie", "authorization", "referer"}


def test_ignores_proxies_of_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Site()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{other.port}")
    site.answers["/"] = say()
    assert fetcher_for(site).fetch(f"http://docs.test:{site.port}/").body == b"Words."
    assert other.connections == 0
    other.stop()


def test_follows_at_most_five_redirects(site: Site) -> None:
    for number in range(7):
        site.answers[f"/{number}"] = say(302, Location=f"/{number + 1}")
    site.answers["/7"] = say()
    fetcher, base = fetcher_for(site), f"http://docs.test:{site.port}"
    assert fetcher.fetch(f"{base}/2").url == f"{base}/7"
    with pytest.raises(FetchError, match="more than 5 times"):
        fetcher.fetch(f"{base}/1")
    site.answers["/round"] = say(301, Location="/round")
    with pytest.raises(FetchError, match="more than 5 times"):
        fetcher.fetch(f"{base}/round")


def test_decompresses_gzip_and_deflate(site: Site) -> None:
    site.answers = {
        "/gzip": say(body=gzip.compress(b"Words."), Content_Encoding="gzip"),
        "/zlib": say(body=zlib.compress(b"Words."), Content_Encoding="deflate"),
    }
    for path in site.answers:
        assert fetcher_for(site).fetch(f"http://docs.test:{site.port}{path}").body == b"Words."


def test_slow_or_empty_name_resolution_fails_in_time(site: Site) -> None:
    def hang(host: str, port: int) -> Sequence[str]:
        time.sleep(5)
        return ["127.0.0.1"]

    with pytest.raises(FetchError, match="longer than"):
        fetcher_for(site, limits=replace(LIMITS, seconds=0.2), resolve=hang).fetch(f"http://docs.test:{site.port}/")
    with pytest.raises(FetchError, match="no IP address"):
        fetcher_for(site, resolve=ScriptedResolver([])).fetch(f"http://docs.test:{site.port}/")


def test_tries_the_next_ip_address_when_one_refuses(site: Site) -> None:
    site.answers["/"] = say()
    resolve = ScriptedResolver(["127.0.0.9", "127.0.0.1"])  # the server listens on the second only
    assert fetcher_for(site, resolve=resolve).fetch(f"http://docs.test:{site.port}/").body == b"Words."


def slow_body(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def slow_headers(handler: Any) -> None:
    for number in range(200):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" if number == 0 else b"X-%d: x\r\n" % number)
        handler.wfile.flush()
        time.sleep(0.05)


def silent(handler: Any) -> None:
    time.sleep(5)


def endless(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1_000):
        handler.wfile.write(bytes(10_000))


def gzip_bomb() -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    return b"".join(compressor.compress(bytes(MB)) for _ in range(200)) + compressor.flush()


def truncated_body(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"x")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (slow_body, "longer than 1 seconds"),
        (slow_headers, "longer than 1 seconds"),
        (silent, "longer than 1 seconds"),
        (endless, "larger than"),
        (say(body=b"x", Content_Length="99999999"), "larger than"),
        (say(body=gzip_bomb(), Content_Encoding="gzip"), "larger than"),
        (say(body=gzip.compress(b"x" * 50)[:-12], Content_Encoding="gzip"), "incomplete"),
        (say(body=b"no gzip", Content_Encoding="gzip"), "damaged"),
        (say(body=b"x", Content_Encoding="br"), "encoding 'br'"),
        (truncated_body, "cannot be fetched"),
        (lambda handler: handler.wfile.write(b"\x00\x01nonsense\r\n\r\n"), "cannot be fetched"),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), "cannot be fetched"),
        (say(404), "status 404"),
        (say(500), "status 500"),
        (say(304), "status 304"),
        (say(302), "status 302"),
    ],
    ids=[
        "slow body", "slow headers", "silent", "endless", "large content-length", "bomb", "truncated gzip", "invalid gzip", "brotli",
        "truncated body", "not HTTP", "endless headers", "404", "500", "304", "redirect without location",
    ],
)  # fmt: skip
def test_misbehaving_server_fails_in_time_with_a_reason(site: Site, answer: Answer, reason: str) -> None:
    site.answers["/"] = answer
    began = time.monotonic()
    with pytest.raises(FetchError, match=reason) as raised:
        fetcher_for(site).fetch(f"http://docs.test:{site.port}/")
    assert "docs.test" in str(raised.value)
    assert time.monotonic() - began < 10  # the limit is one second


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for docs.test and its key in one file."""
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=docs.test", "-addext", "subjectAltName=DNS:docs.test"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    try:
        subprocess.run([*command, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot create a certificate without openssl ({error})")
    (folder / "both").write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return folder / "both"


def test_tls_is_verified_and_never_downgraded(certificate: Path) -> None:
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate)
    client_tls = ssl.create_default_context(cafile=str(certificate))
    site, plain = Site(tls=server_tls), Site()
    site.answers = {"/": say(), "/down": say(302, Location=f"http://docs.test:{plain.port}/")}
    hosts = Hosts([], [f"docs.test:{site.port}", f"docs.test:{plain.port}", f"other.test:{site.port}"])
    here = f"https://docs.test:{site.port}"
    resolve = ScriptedResolver(["127.0.0.1"])
    assert Fetcher(hosts, LIMITS, resolve, client_tls).fetch(f"{here}/").body == b"Words."
    for fetcher, url in (
        (Fetcher(hosts, LIMITS, resolve), f"{here}/"),  # unknown certificate authority
        (Fetcher(hosts, LIMITS, resolve, client_tls), f"https://other.test:{site.port}/"),  # name differs from the certificate
    ):
        with pytest.raises(FetchError, match="certificate verify failed"):
            fetcher.fetch(url)
    with pytest.raises(FetchError, match="from https to http"):
        Fetcher(hosts, LIMITS, resolve, client_tls).fetch(f"{here}/down")
    assert plain.connections == 0
    for one in (site, plain):
        one.stop()

"""Documents by their address: from a real server on loopback, and nowhere else, whatever names stand for and redirects say."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.sources.addresses import FetchError, Hosts
from corpus.sources.fetcher import Fetcher, Limits
from tests.corpus.sources.site import Answer, Site, say

QUICK = Limits(seconds=1.0, connect_seconds=0.5, bytes=100_000, redirects=5)
MB = 1024 * 1024


class Names:
    """A resolver that is told what to answer, one answer after another, and remembers what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def fetcher_of(site: Site, *named: str, limits: Limits = QUICK, names: Any = None) -> Fetcher:
    return Fetcher(Hosts(named, [f"docs.test:{site.port}"]), limits, names or Names(["127.0.0.1"]))


def test_a_document_is_fetched_as_what_its_server_says_it_is(site: Site) -> None:
    site.answers = {
        "/a/page": say(body=b"<p>Words.", Content_Type="text/html; charset=utf-8"),
        "/table.csv": say(body=b"a,b"),
        "/x": say(body=b"a", Content_Type="text/markdown"),
        "/": say(body=b"a"),
        "/old": say(body="Zürich".encode("latin-1"), Content_Type="text/plain; charset=ISO-8859-1"),
        "/odd": say(body=b"a", Content_Type="text/plain; charset=punycode"),
    }
    fetcher, base = fetcher_of(site), f"http://docs.test:{site.port}"
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


def test_no_proxy_of_the_environment_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Site()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{other.port}")
    site.answers["/"] = say()
    assert fetcher_of(site).fetch(f"http://docs.test:{site.port}/").body == b"Words."
    assert other.connections == 0
    other.stop()


def test_redirects_are_followed_five_times_and_not_more(site: Site) -> None:
    for number in range(7):
        site.answers[f"/{number}"] = say(302, Location=f"/{number + 1}")
    site.answers["/7"] = say()
    fetcher, base = fetcher_of(site), f"http://docs.test:{site.port}"
    assert fetcher.fetch(f"{base}/2").url == f"{base}/7"
    with pytest.raises(FetchError, match="more than 5 times"):
        fetcher.fetch(f"{base}/1")
    site.answers["/round"] = say(301, Location="/round")
    with pytest.raises(FetchError, match="more than 5 times"):
        fetcher.fetch(f"{base}/round")


def test_a_name_is_resolved_once_and_that_answer_is_connected_to(site: Site, connected: list[object]) -> None:
    """DNS rebinding: the second answer would be another machine's."""
    site.answers["/"] = say()
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    assert fetcher_of(site, names=names).fetch(f"http://docs.test:{site.port}/").body == b"Words."
    assert names.asked == 1
    assert connected == [("127.0.0.1", site.port)]


def test_each_redirect_is_resolved_and_checked_anew(site: Site) -> None:
    site.answers["/"] = say(302, Location="/next")
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    with pytest.raises(FetchError, match="public internet"):
        fetcher_of(site, names=names).fetch(f"http://docs.test:{site.port}/")
    assert names.asked == 2
    assert [path for path, _ in site.asked] == ["/"]


def test_a_host_with_one_address_that_may_not_be_asked_is_not_asked_at_all(site: Site) -> None:
    with pytest.raises(FetchError, match="public internet"):
        fetcher_of(site, names=Names(["127.0.0.1", "169.254.169.254"])).fetch(f"http://docs.test:{site.port}/")
    assert site.connections == 0


# What the host's name is, and what it stands for where it is a name. None of it may be connected to.
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
    """Every machine that this process connects to; the standard library's own audit events tell."""
    seen: list[object] = []
    _WATCHING.append(seen)
    yield seen
    _WATCHING.remove(seen)


_WATCHING: list[list[object]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for seen in _WATCHING:
            seen.append(arguments[1])


sys.addaudithook(_watch)


class Everything(Hosts):
    """An operator who names every host: then the machine's address alone protects."""

    def check(self, address: Any) -> None:
        pass


def standing_for(host: str, port: int) -> Sequence[str]:
    if host in MACHINES:
        return [MACHINES[host]]
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]
    except OSError:
        return ["127.0.0.1"]


def test_the_watch_sees_a_connection(site: Site, connected: list[object]) -> None:
    site.answers["/"] = say()
    fetcher_of(site).fetch(f"http://docs.test:{site.port}/")
    assert connected == [("127.0.0.1", site.port)]


@pytest.mark.parametrize("hosts", [Hosts(["docs.test"]), Everything()], ids=["only named hosts", "every host named"])
def test_nothing_that_only_this_machine_reaches_is_connected_to(site: Site, connected: list[object], hosts: Hosts) -> None:
    asked = addresses(site.port)
    assert len(asked) >= 60
    for url in asked:
        with pytest.raises(FetchError):
            Fetcher(hosts, QUICK, standing_for).fetch(url)
    assert (site.connections, connected) == (0, [])


def test_no_redirect_leads_there_either(connected: list[object]) -> None:
    site, secret = Site(), Site()
    site.answers = {f"/{number}": say(302, Location=url) for number, url in enumerate(addresses(secret.port))}
    assert len(site.answers) >= 60
    here = f"docs.test:{site.port}"

    class Named(Hosts):
        def check(self, address: Any) -> None:
            pass

    names = {"docs.test": ["127.0.0.1"]}
    for hosts in (Hosts([], [here]), Named([], [here])):
        fetcher = Fetcher(hosts, QUICK, lambda host, port: names.get(host) or standing_for(host, port))
        for path in site.answers:
            with pytest.raises(FetchError):
                fetcher.fetch(f"http://{here}{path}")
    assert secret.connections == 0
    assert {place for place in connected if place != ("127.0.0.1", site.port)} == set()
    for one in (site, secret):
        one.stop()


def drip(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def drip_the_head(handler: Any) -> None:
    for number in range(200):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" if number == 0 else b"X-%d: x\r\n" % number)
        handler.wfile.flush()
        time.sleep(0.05)


def silence(handler: Any) -> None:
    time.sleep(5)


def endless(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1_000):
        handler.wfile.write(bytes(10_000))


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MB)) for _ in range(200)) + packer.flush()


def broken_off(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"x")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (drip, "longer than 1 seconds"),
        (drip_the_head, "longer than 1 seconds"),
        (silence, "longer than 1 seconds"),
        (endless, "more than"),
        (say(body=b"x", Content_Length="99999999"), "more than"),
        (say(body=bomb(), Content_Encoding="gzip"), "more than"),
        (say(body=gzip.compress(b"x" * 50)[:-12], Content_Encoding="gzip"), "breaks off"),
        (say(body=b"no gzip", Content_Encoding="gzip"), "damaged"),
        (say(body=b"x", Content_Encoding="br"), "packed as br"),
        (broken_off, "cannot be fetched"),
        (lambda handler: handler.wfile.write(b"\x00\x01nonsense\r\n\r\n"), "cannot be fetched"),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), "cannot be fetched"),
        (say(404), "status 404"),
        (say(500), "status 500"),
        (say(304), "status 304"),
        (say(302), "status 302"),
    ],
    ids=[
        "drips", "drips its head", "says nothing", "never ends", "says it is large", "bomb", "cut gzip", "no gzip", "brotli",
        "breaks off", "no HTTP", "endless head", "404", "500", "304", "no location",
    ],
)  # fmt: skip
def test_a_server_that_does_not_behave_is_reported_in_time(site: Site, answer: Answer, reason: str) -> None:
    site.answers["/"] = answer
    began = time.monotonic()
    with pytest.raises(FetchError, match=reason) as raised:
        fetcher_of(site).fetch(f"http://docs.test:{site.port}/")
    assert "docs.test" in str(raised.value)
    assert time.monotonic() - began < 10  # the limit is one second


def test_what_is_packed_is_unpacked(site: Site) -> None:
    site.answers = {
        "/gzip": say(body=gzip.compress(b"Words."), Content_Encoding="gzip"),
        "/zlib": say(body=zlib.compress(b"Words."), Content_Encoding="deflate"),
    }
    for path in site.answers:
        assert fetcher_of(site).fetch(f"http://docs.test:{site.port}{path}").body == b"Words."


def test_a_resolver_that_does_not_answer_is_not_waited_for(site: Site) -> None:
    def hang(host: str, port: int) -> Sequence[str]:
        time.sleep(5)
        return ["127.0.0.1"]

    with pytest.raises(FetchError, match="longer than"):
        fetcher_of(site, limits=replace(QUICK, seconds=0.2), names=hang).fetch(f"http://docs.test:{site.port}/")
    with pytest.raises(FetchError, match="no host"):
        fetcher_of(site, names=Names([])).fetch(f"http://docs.test:{site.port}/")


def test_the_next_address_of_a_host_is_tried_where_one_does_not_answer(site: Site) -> None:
    site.answers["/"] = say()
    names = Names(["127.0.0.9", "127.0.0.1"])  # the server listens on the second alone
    assert fetcher_of(site, names=names).fetch(f"http://docs.test:{site.port}/").body == b"Words."


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of docs.test, signed by itself: certificate and key in one file."""
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=docs.test", "-addext", "subjectAltName=DNS:docs.test"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    try:
        subprocess.run([*made, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no certificate can be made without openssl ({error})")
    (folder / "both").write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return folder / "both"


def test_tls_is_verified_against_the_name_and_never_left_for_http(certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    site, plain = Site(tls=serving), Site()
    site.answers = {"/": say(), "/down": say(302, Location=f"http://docs.test:{plain.port}/")}
    hosts = Hosts([], [f"docs.test:{site.port}", f"docs.test:{plain.port}", f"other.test:{site.port}"])
    here = f"https://docs.test:{site.port}"
    names = Names(["127.0.0.1"])
    assert Fetcher(hosts, QUICK, names, trusting).fetch(f"{here}/").body == b"Words."
    for fetcher, url in (
        (Fetcher(hosts, QUICK, names), f"{here}/"),  # an authority that is not known
        (Fetcher(hosts, QUICK, names, trusting), f"https://other.test:{site.port}/"),  # another name than the certificate's
    ):
        with pytest.raises(FetchError, match="certificate verify failed"):
            fetcher.fetch(url)
    with pytest.raises(FetchError, match="anyone on the way"):
        Fetcher(hosts, QUICK, names, trusting).fetch(f"{here}/down")
    assert plain.connections == 0
    for one in (site, plain):
        one.stop()

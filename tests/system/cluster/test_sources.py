"""Sources on a cluster: what they have seen is in it, and goes into a backup and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks.durability import small
from qa.cli.main import main
from tests.corpus.sources.site import Site, say


def qa(engine: str, *words: object) -> Result:
    return CliRunner().invoke(main, ["--engine", engine, *map(str, words)])


def last_run(engine: str) -> Any:
    return json.loads(qa(engine, "source", "list", "--json").stdout)["last"]


def asked(site: Site) -> list[tuple[str, str | None]]:
    return [
        (path, headers.get("if-none-match")) for path, headers in site.asked if path.endswith(".txt") and path != "/robots.txt"
    ]


def test_sources_are_followed_on_a_cluster(
    cluster: Any, engine_address: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_MODEL", small.make_model(tmp_path / "model", tmp_path / "models"))
    monkeypatch.setenv("QA_CACHE", str(tmp_path / "models"))
    monkeypatch.setenv("QA_URL_PRIVATE_HOSTS", f"127.0.0.1:{site.port}")
    monkeypatch.setenv("QA_SOURCE_PAUSE", "0")
    address = f"http://127.0.0.1:{site.port}"
    for name in "abc":
        site.answers[f"/{name}.txt"] = say(body=small.text_of(name, 1).encode(), Content_Type="text/plain", ETag='"1"')
    site.answers["/sitemap.xml"] = say(body="".join(f"{address}/{name}.txt\n" for name in "abc").encode())
    assert qa(engine_address, "source", "add", f"{address}/sitemap.xml", "--name", "harbour").exit_code == 0
    ran = qa(engine_address, "source", "run")
    assert ran.exit_code == 0, ran.output
    assert last_run(engine_address)["outcomes"] == {"added": 3}
    site.asked.clear()
    site.answers["/c.txt"] = say(500)
    assert qa(engine_address, "source", "run").exit_code == 1
    assert asked(site) == [("/a.txt", '"1"'), ("/b.txt", '"1"'), ("/c.txt", '"1"')]
    assert "status 500" in qa(engine_address, "status").output  # parked
    backup = tmp_path / "cluster.backup"
    assert qa(engine_address, "backup", backup).exit_code == 0
    with cluster.new_address() as other:
        assert qa(other, "restore", backup).exit_code == 0
        site.answers["/sitemap.xml"] = say(body=f"{address}/a.txt\n".encode())
        site.asked.clear()
        for _ in range(3):
            assert qa(other, "source", "run", "harbour").exit_code == 0
        assert asked(site)[:2] == [("/a.txt", '"1"'), ("/b.txt", '"1"')]
        assert (last_run(other)["pages"], last_run(other)["outcomes"]) == (1, {"unchanged": 1, "removed": 2})
        assert len(qa(other, "list").stdout.splitlines()) == 1
        assert qa(other, "check").exit_code == 0

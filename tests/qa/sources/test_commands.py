"""`qa source`: adding, listing, running, also beside a server and by it, removing; backups and copies carry the sources."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qa.operate.state import state_files_of
from qa.settings.settings import Settings
from qa.sources.claim import FILE_NAME as CLAIM_FILE
from qa.sources.claim import Claim
from qa.sources.source import SourceError
from tests.conftest import Finished, MakeFolder, RunProcess, StartServer
from tests.corpus.sources.site import Site, say
from tests.waiting import wait_for

Command = Callable[..., Finished]


def settings_for(site: Site) -> dict[str, str]:
    return {"QA_URL_PRIVATE_HOSTS": f"127.0.0.1:{site.port}", "QA_SOURCE_PAUSE": "0"}


def put(site: Site, **texts: str) -> str:
    """Give the site these pages, and a sitemap of them, whose address is returned."""
    address = f"http://127.0.0.1:{site.port}"
    for name, text in texts.items():
        site.answers[f"/{name}.txt"] = say(body=text.encode(), Content_Type="text/plain")
    pages = [path for path in site.answers if path.endswith(".txt")]
    entries = "".join(f"<url><loc>{address}{path}</loc></url>" for path in pages)
    site.answers["/sitemap.xml"] = say(body=f"<urlset>{entries}</urlset>".encode())
    return f"{address}/sitemap.xml"


@pytest.fixture
def command(qa: RunProcess, data_folder: MakeFolder, site: Site) -> Command:
    """`qa` on a data folder, which may fetch from the site."""
    data = data_folder()
    return lambda *words, folder=data: qa("--data", folder, *words, **settings_for(site))


def listed(command: Command) -> dict[str, Any]:
    found = command("source", "list", "--json")
    assert found.code == 0, found.stderr
    return {source["name"]: source for source in map(json.loads, found.stdout.splitlines())}


def texts(command: Command, **options: Any) -> set[str]:
    """The sources of the documents, without that of the press release."""
    lines = command("list", "--json", **options).stdout.splitlines()
    return {Path(row["source"]).name for row in map(json.loads, lines) if row["id"] != "press-release"}


def test_a_source_is_added_run_listed_and_removed(command: Command, site: Site, tmp_path: Path) -> None:
    place = put(site, ferry="The ferry sails at nine.", fare="The fare is four pounds.")
    added = command("source", "add", place, "--name", "harbour", "--collection", "press", "--access", "staff", "--every", "1d")
    assert (added.code, added.stdout) == (0, "Added the source harbour; `qa serve` runs it every 1d.\n"), added.stderr
    folder = tmp_path / "leaflets"
    folder.mkdir()
    (folder / "tide.txt").write_text("The tide turns at noon.")
    assert "`qa source run leaflets` runs it" in command("source", "add", folder).stdout
    assert not any(path.endswith(".txt") for path, _ in site.asked)  # nothing is fetched before the first run
    assert "has not run" in command("source", "list").stdout
    ran = command("source", "run", "harbour")
    assert ran.code == 0, ran.stderr
    assert ran.stdout.splitlines() == [f"{place.rpartition('/')[0]}/{name}.txt: added" for name in ("ferry", "fare")]
    assert "harbour: 2 pages: 2 added" in ran.stderr
    site.answers["/fare.txt"] = say(500)
    ran = command("source", "run")
    assert (ran.code, "harbour could not be followed completely" in ran.stderr) == (1, True), ran.stderr
    assert texts(command) == {"ferry.txt", "fare.txt", "tide.txt"}
    assert texts(lambda *words: command(*words, "--collection", "press")) == {"ferry.txt", "fare.txt"}
    found = listed(command)
    assert found["harbour"]["last"]["failures"][0]["page"].endswith("/fare.txt")
    assert (found["harbour"]["every"], found["harbour"]["access"]) == (86_400, ["staff"])
    assert found["leaflets"]["last"]["outcomes"] == {"added": 1}
    shown = command("source", "list").stdout.splitlines()
    assert [line.split("\t")[:4] for line in shown if "\t" in line] == [
        ["harbour", place, "press", "every 1d"],
        ["leaflets", str(folder), "default", "by hand"],
    ]
    assert "status 500 (attempt 1)" in shown[1]
    assert "fare.txt: " in command("status").stdout  # parked, as other additions that failed
    assert command("source", "remove", "leaflets").stdout == "Removed the source leaflets; its documents stay.\n"
    assert command("source", "remove", "harbour", "--documents").code == 0
    assert texts(command) == {"tide.txt"}
    assert command("source", "list").stdout == ""
    assert command("check").code == 0
    log = [json.loads(line) for line in command("audit", "--json").stdout.splitlines()]
    assert [(entry["who"], entry["what"], entry["source"]) for entry in log if "source" in entry] == [
        ("this machine", "add source", "harbour"),
        ("this machine", "add source", "leaflets"),
        ("this machine", "remove source", "leaflets"),
        ("this machine", "remove source", "harbour"),
    ]
    assert {entry["who"] for entry in log if entry["what"] == "add" and entry.get("collection") == "press"} == {
        "source harbour"
    }


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["add", "https://elsewhere.example/sitemap.xml"], 1, "add it to the setting url_hosts"),
        (["add", "/no/such/folder"], 1, "no such folder"),
        (["add", "{place}", "--every", "daily"], 1, "not a time such as 30m"),
        (["add", "{place}", "--name", "a/b"], 1, "is not a name"),
        (["add", "{place}", "--collection", "No Name"], 2, "lower-case letters"),
        (["add", "{place}", "--name", "other"], 1, "is there already"),
        (["add", "{root}/other", "--name", "known"], 1, "is there already"),
        (["run", "other"], 1, "`qa source list` lists them"),
        (["remove", "other"], 1, "`qa source list` lists them"),
    ],
)
def test_what_cannot_be_done_is_said(command: Command, site: Site, words: list[str], code: int, reason: str) -> None:
    place = put(site, ferry="The ferry sails at nine.")
    if reason == "is there already":
        assert command("source", "add", place, "--name", "known").code == 0
    given = [word.format(place=place, root=place.rpartition("/")[0]) for word in words]
    found = command("source", *given)
    assert (found.code, reason in found.stderr) == (code, True), found.stderr
    assert site.asked == []


def test_without_sources_there_is_nothing_to_run(command: Command) -> None:
    found = command("source", "run")
    assert (found.code, "qa source add" in found.stderr) == (1, True)


def test_a_server_runs_what_is_due_and_a_command_runs_beside_it(
    qa: RunProcess, data_folder: MakeFolder, start_server: StartServer, site: Site
) -> None:
    data, environment = data_folder(), settings_for(site)
    place = put(site, ferry="The ferry sails at nine.")

    def command(*words: object) -> Finished:
        return qa("--data", data, *words, **environment)

    def quote(query: str) -> str:
        answer = server.search(query)["answer"]
        return answer["text"] if answer else ""

    with start_server(data, **environment) as server:
        assert command("source", "add", place, "--name", "harbour", "--every", "1s").code == 0
        wait_for(lambda: "at nine" in quote("When does the ferry sail?"))
        put(site, ferry="The ferry sails at ten.")
        wait_for(lambda: "at ten" in quote("When does the ferry sail?"))
        assert command("source", "add", f"{place.rpartition('/')[0]}/fare.txt", "--name", "fare").code == 0
        site.answers["/fare.txt"] = say(body=b"The fare is four pounds.", Content_Type="text/plain")
        ran = command("source", "run", "fare")
        assert ran.code == 0, ran.stderr
        assert "four pounds" in quote("What is the fare?")
        site.answers["/ferry.txt"] = say(500)
        wait_for(lambda: 'quotable_source_failures{source="harbour"} 1.0' in server.get("/metrics").text)
        metrics = server.get("/metrics").text
        assert 'quotable_source_pages{source="harbour"} 1.0' in metrics
        assert 'quotable_source_last_run_timestamp_seconds{source="fare"} ' in metrics
        assert server.get("/v1/jobs?status=failed").json()["data"][0]["name"].endswith("/ferry.txt")
        wait_for(lambda: "source harbour: 1 pages" in server.log)
        assert "ferry.txt" not in server.log  # nor other names of documents
    assert "Traceback" not in server.log


def test_a_backup_and_a_copy_carry_the_sources(command: Command, site: Site, data_folder: MakeFolder, tmp_path: Path) -> None:
    place = put(site, ferry="The ferry sails at nine.")
    site.answers["/ferry.txt"] = say(body=b"The ferry sails at nine.", Content_Type="text/plain", ETag='"1"')
    command("source", "add", place, "--name", "harbour")
    assert command("source", "run").code == 0
    restored, copied = data_folder(), data_folder()
    assert command("backup", tmp_path / "backup").code == 0
    assert command("restore", tmp_path / "backup", folder=restored).code == 0
    assert command("copy", restored, copied).code == 0
    for folder in (restored, copied):
        site.asked.clear()
        ran = command("source", "run", "harbour", folder=folder)
        assert "1 unchanged" in ran.stderr, ran.stderr
        assert [headers.get("if-none-match") for path, headers in site.asked if path == "/ferry.txt"] == ['"1"']


def test_damaged_sources_are_found_by_the_check(qa: RunProcess, data_folder: MakeFolder, site: Site, tmp_path: Path) -> None:
    data, place = data_folder(), put(site, ferry="The ferry sails at nine.")
    assert qa("--data", data, "source", "add", place, **settings_for(site)).code == 0
    assert qa("--data", data, "source", "run", **settings_for(site)).code == 0
    for name in ("sources.json", "sources-pages.json"):
        content = (data / name).read_bytes()
        for damaged, reason in (
            (content[:-5], "is damaged"),
            (content.replace(b'"format": 1', b'"format": 9'), "update Quotable"),
        ):
            (data / name).write_bytes(damaged)
            checked = qa("--data", data, "check")
            assert (checked.code, reason in checked.stdout, name in checked.stdout) == (1, True, True), checked.stdout
        (data / name).write_bytes(content)
    assert qa("--data", data, "check").code == 0


def test_one_run_at_a_time(tmp_path: Path) -> None:
    files = state_files_of(Settings(data=tmp_path))
    one, other = Claim(files), Claim(files)
    assert one.take()
    assert not other.take()
    other.release()  # what it does not hold
    one.renew()
    one.release()
    assert other.take()
    with pytest.raises(SourceError, match="another process"):
        one.renew()
    held = json.loads((tmp_path / CLAIM_FILE).read_text())
    for left, is_free in (
        (held | {"machine": "another"}, False),
        (held | {"machine": "another", "renewed": time.time() - 3_600}, True),
        (held | {"process": 2**22 + 1}, True),  # of a process that was killed
        (held | {"token": "of a process that had our number"}, True),
    ):
        (tmp_path / CLAIM_FILE).write_text(json.dumps(left))
        third = Claim(files)
        assert third.take() is is_free
        third.release()

"""An editor's rules: through the HTTP interface, the pages, chat, MCP and the command, while the service runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client

from qa.answering.explanation import why_not
from qa.curation.checking import unknown_places
from qa.curation.reading import CurationError, read_curation
from qa.mcp.server import mcp_server
from qa.mcp.tools import Use
from tests.conftest import ROOT, MakeFolder, RunProcess, StartServer
from tests.qa.curation.conftest import FEE, PIN, Site
from tests.waiting import wait_for

HELPDESK = "Ask the helpdesk at 0300 123."


def test_a_pinned_document_is_shown_first_but_is_not_the_answer(site: Site) -> None:
    before = site.search(explain=True)
    assert before["results"][0]["document"]["id"] != "library"
    site.curate(PIN)
    after = site.search(explain=True)
    assert [result["pinned"] for result in after["results"]] == [True] + [False] * (len(after["results"]) - 1)
    assert after["results"][0]["document"]["id"] == "library"
    assert len(after["results"]) == len(before["results"])
    assert len({result["id"] for result in after["results"]}) == len(after["results"])
    for field in ("answer", "answers", "confidence", "answerable", "units", "missing"):
        assert after[field] == before[field], field
    assert (before["curation"], after["curation"]) == (
        {"pinned": [], "hidden": [], "synonyms": []},
        {"pinned": [after["results"][0]["id"]], "hidden": [], "synonyms": []},
    )


def test_a_passage_is_pinned_by_its_words(site: Site) -> None:
    site.curate(PIN.replace('"library"', '{ document = "herons", text = "catches\\n trout" }'))
    assert site.ids()[0] == "herons"
    site.curate(PIN.replace('"library"', '{ document = "herons", text = "catches pike" }'))
    assert not any(result["pinned"] for result in site.search()["results"])


@pytest.mark.parametrize("place", ["passports", '{ document = "passports", text = "82 pounds" }'])
def test_what_is_hidden_is_neither_quoted_nor_shown(site: Site, place: str) -> None:
    assert site.search()["answer"]["document"]["id"] == "passports"
    quoted = place if place.startswith("{") else f'"{place}"'
    site.curate(f'[[rule]]\nwords = ["passport", "adult"]\nhide = [{quoted}]\n')
    found = site.search(explain=True)
    assert found["answer"]["document"]["id"] == "prices"
    assert "passports" not in site.ids(limit=100)
    assert found["curation"]["hidden"] == ["passports"]
    assert "passports" in site.ids("What do children pay?")  # another question


@pytest.mark.parametrize("question", ["how much does a PASSPORT cost, adults", "Hello! How much does a passport cost adults?"])
def test_a_question_is_compared_by_its_words(site: Site, question: str) -> None:
    site.curate(PIN)
    assert site.ids(question)[0] == "library"


def test_all_words_of_a_rule_must_occur_in_any_form(site: Site) -> None:
    site.curate('[[rule]]\nwords = ["passports", "costing"]\npin = ["library"]\n')
    assert site.ids("What do adults pay, what does a passport cost?")[0] == "library"
    assert site.ids("Where is my passport?")[0] != "library"


def test_filters_apply_to_what_is_pinned(site: Site) -> None:
    site.curate(PIN)
    assert "library" not in site.ids(filter={"type": "ne", "key": "id", "value": "library"})
    assert "library" not in site.ids(collection="animals")


def test_a_rule_of_a_collection_is_about_its_documents(site: Site) -> None:
    rule = '[[rule]]\ncollection = "{}"\nwords = ["trout"]\npin = ["otters"]\nhide = ["herons"]\n'
    question = "What catches trout at dawn?"
    site.curate(rule.format("default"))
    found = site.search(question, explain=True)
    assert found["results"][0]["document"]["id"] == "herons"
    assert found["curation"] == {"pinned": [], "hidden": [], "synonyms": []}
    site.curate(rule.format("animals"))
    found = site.search(question, explain=True, limit=8)
    ids = [result["document"]["id"] for result in found["results"]]
    assert ids[0] == "otters"
    assert "herons" not in ids
    assert (len(found["curation"]["pinned"]), found["curation"]["hidden"]) == (1, ["herons"])
    assert site.ids(question, collection="animals") == ["otters"]
    page = site.client.get("/c/animals", query_string={"q": question}).text
    assert "Chosen by the editor" in page
    assert "heron" not in page
    lines = list(unknown_places(read_curation(rule.format("default").encode(), "test"), site.service.engine))
    assert lines[0] == "line 1: 'otters' is in the collection 'animals', where no rule of 'default' holds"


def test_a_stop_answer_of_a_collection_is_for_questions_to_it_alone(site: Site) -> None:
    site.curate('[[rule]]\ncollection = "animals"\nstop_answer = "Ask the warden."\n')
    question = "What are quarks made of?"
    assert site.search(question)["stop_answer"] is None
    assert site.search(question, collection="animals")["stop_answer"] == "Ask the warden."


def test_a_stop_answer_is_shown_where_nothing_answers(site: Site) -> None:
    site.curate(f'[[rule]]\nwords = ["quarks"]\nstop_answer = "{HELPDESK}"\n[[rule]]\nstop_answer = "Call reception."\n')
    question = "What are quarks made of?"
    found = site.search(question)
    assert (found["answerable"], found["stop_answer"]) == (False, HELPDESK)
    assert site.search("What are gluons made of?")["stop_answer"] == "Call reception."
    assert site.search()["stop_answer"] is None  # answered
    page = site.client.get("/", query_string={"q": question}).text
    assert f'<p class="stop-answer" dir="auto">{HELPDESK}</p>' in page
    chat = site.client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": question}]}).json
    assert chat["choices"][0]["message"]["content"].startswith(f"Not in these documents. {HELPDESK}")


def test_chat_follows_at_once_and_quotes_what_is_pinned_after_the_answer(site: Site) -> None:
    def reply() -> Any:
        found = site.client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": FEE}]}).json
        return found["choices"][0]["message"]

    before = reply()  # kept in a cache
    site.curate(PIN)
    after = reply()
    answer, _, pinned = after["content"].partition("\n\nChosen by the editor:\n\n")
    assert before["content"].startswith(answer)
    assert pinned.startswith("“")
    assert after["annotations"][-1]["document"]["id"] == "library"


def test_pages_and_mcp_mark_what_is_pinned(site: Site) -> None:
    site.curate(PIN)
    pages = [site.client.get(f"{path}?q={FEE}").text for path in ("/", "/embed", "/c/default")]
    assert all(page.count('<p class="chosen">Chosen by the editor</p>') == 1 for page in pages)
    welsh = site.client.get(f"/?q={FEE}", headers={"Accept-Language": "cy"}).text
    assert "Dewiswyd gan y golygydd" in welsh

    async def search() -> Any:
        use = Use(site.service.readable_by(None), "http://127.0.0.1:8000")
        async with Client(mcp_server(lambda: use)) as client:
            return (await client.call_tool("search", {"query": FEE})).structured_content

    found = anyio.run(search)
    assert [each["pinned"] for each in found["results"]][:2] == [True, False]
    assert found["results"][0]["document_id"] == "library"
    assert found["stop_answer"] is None


def test_explanations_say_what_the_editor_did(site: Site) -> None:
    site.curate(f'{PIN}hide = ["passports"]\n')
    engine, answerer = site.service.engine, site.service.answerer
    assert why_not(answerer, engine, FEE, "library")[0].startswith("The editor pinned it for this question")
    assert why_not(answerer, engine, FEE, "passports")[0].startswith("The editor hides it")
    assert "editor" not in " ".join(why_not(answerer, engine, FEE, "prices"))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[[rule]]\nquestions = [", "line 2: not valid TOML"),
        ('\n[[rule]]\nwords = ["a"]\npin = ["x"]', "line 3: words 'a' has no words of two letters or more"),
        ('[[rule]]\nwords = ["fee"]\npin = "x"', "line 3: pin must be a list in square brackets"),
        ('[[rule]]\nwords = ["fee"]\npin = ["x"]\n[[rule]]\nwords = ["fee"]', "line 4: the rule does nothing"),
        ('[[rule]]\npin = ["x"]', "line 1: give questions or words"),
        ('[[rule]]\nwords = ["fee"]\npins = ["x"]', "line 3: pins: there is no such key"),
        ('# ---\n\n[rules]\nwords = ["fee"]', "line 3: rules: there is no such key"),
        ('[[rule]]\ncollection = "HR"\nstop_answer = "x"', "line 2: collection must be 1 to 63 lower-case letters"),
        ('[[rule]]\nwords = ["fee"]\npin = [{ document = "x", txt = "y" }]', "line 3: pin.txt: there is no such key"),
        ('[[synonyms]]\nwords = ["fee"]', "line 1: give two words or more"),
        ('[[synonyms]]\nfrom = ["fee"]', "line 1: give either words, each of which finds the others, or from and to"),
        ('[[rule]]\nstop_answer = "x"\n[[synonyms]]\nfrom = ["it"]\nto = ["computers"]', "line 4: from 'it' has no words that"),
        ('[recency]\ntypes = "news"', "line 2: types must be a list"),
        (f'[[rule]]\nwords = ["fee"]\npin = {["x"] * 6}', "line 3: pin must have at most 5 items"),
    ],
)
def test_a_mistake_is_named_with_its_line(toml: str, message: str) -> None:
    with pytest.raises(CurationError) as refused:
        read_curation(toml.encode(), "rules.toml")
    assert f"rules.toml, {message}" in str(refused.value)


def test_a_file_is_stored_followed_backed_up_and_copied(
    qa: RunProcess, data_folder: MakeFolder, start_server: StartServer, tmp_path: Path
) -> None:
    data, other, file = data_folder(), tmp_path / "other", tmp_path / "rules.toml"
    with start_server(data) as server:

        def results() -> list[Any]:
            return list(server.request("GET", "/v1/search?q=Who+signed+the+memorandum%3F").json()["results"])

        (first, *_) = results()
        assert not first["pinned"]
        last = "civil servants"
        file.write_text(
            '[[rule]]\nquestions = ["Who signed the memorandum?"]\n'
            f'pin = [{{ document = "press-release", text = "{last}" }}, "missing"]\n'
        )
        stored = qa("--data", data, "curate", file)
        assert (stored.code, stored.stdout.split(" in ")[0]) == (0, "Stored 1 rule and 0 phrases with synonyms")
        assert "line 1: there is no document 'missing' yet" in stored.stderr
        wait_for(lambda: results()[0]["pinned"])
        assert last in results()[0]["text"]
        file.write_text("[[rule]]\n")
        refused = qa("--data", data, "curate", file)
        assert (refused.code, "line 1: the rule does nothing" in refused.stderr) == (1, True)
        assert results()[0]["pinned"]
        file.write_text("")
        checked = qa("--data", data, "curate", "--check", file)
        assert (checked.code, results()[0]["pinned"]) == (0, True)
    shown = qa("--data", data, "curate", "--show").stdout
    assert last in shown
    assert "curate" in qa("--data", data, "audit").stdout
    assert qa("copy", data, other).code == 0
    assert qa("--data", data, "backup", tmp_path / "backup").code == 0
    assert qa("--data", data, "curate", file).code == 0
    assert last not in qa("--data", data, "curate", "--show").stdout
    assert qa("--data", data, "restore", tmp_path / "backup").code == 0
    for folder in (data, other):
        assert qa("--data", folder, "curate", "--show").stdout == shown
    asked = qa("--data", other, "search", "Who signed the memorandum?")
    assert "1. Chosen by the editor: " in asked.stdout
    (data / "curation.toml").write_text("rule = 1")
    damaged = qa("--data", data, "check")
    assert (damaged.code, "`qa curate FILE`" in damaged.stdout + damaged.stderr) == (1, True)


def test_the_examples_of_the_documentation_are_valid() -> None:
    page = (ROOT / "docs" / "curation.md").read_text("utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        read_curation(example.encode(), "docs/curation.md")

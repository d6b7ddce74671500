"""The manager's page for the rules of an editor."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

from tests.qa.curation.conftest import PIN, Site

ADDRESS = "/manage/curation"


def shown(site: Site) -> tuple[str, str]:
    """The rules on the page, and what it remembers of those that were stored."""
    body = site.client.get(ADDRESS).text
    (rules,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", body, re.DOTALL)
    (seen,) = re.findall(r'name="seen" value="(\w+)"', body)
    return unescape(rules), seen


def test_saves_rules_that_hold_at_once(site: Site) -> None:
    rules, seen = shown(site)
    assert rules == ""
    saved = site.client.post(ADDRESS, data={"rules": PIN.replace("\n", "\r\n"), "seen": seen})
    assert (saved.status_code, saved.headers["Location"]) == (303, f"{ADDRESS}?saved=1")
    assert site.ids()[0] == "library"
    assert shown(site)[0] == PIN
    entries = Path(site.files.place("audit.jsonl")).read_text("utf-8").splitlines()
    assert json.loads(entries[-1])["what"] == "curate"


def test_shows_mistakes_and_stores_nothing(site: Site) -> None:
    site.curate(PIN)
    _, seen = shown(site)
    refused = site.client.post(ADDRESS, data={"rules": "[[rule]]\nwords = ['<b>']", "seen": seen})
    assert refused.status_code == 422
    assert "The rules, line 2: words &#39;&lt;b&gt;&#39; has no words" in refused.text
    assert "[[rule]]\nwords = [&#39;&lt;b&gt;&#39;]</textarea>" in refused.text
    assert shown(site)[0] == PIN


def test_names_what_is_not_there(site: Site) -> None:
    site.curate('[[rule]]\nwords = ["ferry"]\npin = ["nowhere", { document = "otters", text = "eats pike" }]\n')
    page = unescape(site.client.get(ADDRESS).text)
    assert "line 1: there is no document 'nowhere' yet" in page
    assert "line 1: no single passage of 'otters' has the text 'eats pike'" in page


def test_does_not_save_over_what_someone_else_saved(site: Site) -> None:
    _, seen = shown(site)
    site.curate(PIN)
    refused = site.client.post(ADDRESS, data={"rules": "", "seen": seen})
    assert refused.status_code == 422
    assert "changed by someone else" in refused.text
    assert shown(site)[0] == PIN

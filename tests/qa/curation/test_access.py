"""Rules about what a key may not read do nothing for it, and nothing tells that they are there."""

from __future__ import annotations

from pathlib import Path

from qa.curation.stored import write_curation
from qa.state_files import FolderFiles
from tests.qa.web.access.private_documents import CALLERS, CANARIES, PLACES, open_site

FARE = "What does the ferry cost?"
RULES = "".join(
    f'[[rule]]\nquestions = ["{FARE}"]\npin = ["doc-{number}"]\n[[rule]]\nwords = ["tides"]\nhide = ["doc-{number}"]\n'
    for number in range(len(PLACES))
)
OF_COLLECTIONS = "".join(
    f'[[rule]]\ncollection = "{name}"\nstop_answer = "Only for those who read {name}"\n' for name in ("press", "hr", "none")
)


def test_what_a_key_may_not_read_is_not_pinned_and_not_named(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        requests = [
            {"query": query, "limit": 100, "explain": True, **collection}
            for query in (FARE, "tides", "quarks and gluons")
            for collection in ({}, {"collection": "press"}, {"collection": "hr"})
        ]
        for rules in ("", RULES, OF_COLLECTIONS):
            write_curation(FolderFiles(tmp_path), rules.encode())
            for caller, example in CALLERS.items():
                client = site.client(caller)
                readable = {f"doc-{number}" for number in example.readable}
                for request in requests:
                    found = client.post("/v1/search", json=request)
                    for number in example.forbidden:
                        assert CANARIES[number] not in found.text
                        assert f'"doc-{number}"' not in found.text
                    found_in = {PLACES[number].collection for number in example.readable}
                    found_in &= {request.get("collection", "press"), request.get("collection", "hr")}
                    body = found.json
                    if rules == RULES and request["query"] == FARE and found_in:
                        assert body["results"][0]["pinned"]
                    if rules == RULES and request["query"] == "tides":
                        assert set(body["curation"]["hidden"]) == readable
                    if rules == OF_COLLECTIONS:  # a key that reads one collection asks it alone
                        alone = f"Only for those who read {min(found_in)}" if len(found_in) == 1 else None
                        assert body["stop_answer"] == (None if body["answerable"] else alone)

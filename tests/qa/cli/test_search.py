"""`qa search` as text: every answer with its label, lead-in and source; what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from qa.cli.main import main
from tests.qa.web import prepared_answers as prepared

Search = Callable[..., str]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    service = prepared.prepared_service(tmp_path)
    monkeypatch.setattr("qa.assembly.open_or_create", lambda *_: service)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["search", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_prints_every_answer_with_its_label_and_source(search: Search) -> None:
    first, second, third, _ = search(prepared.SEVERAL).split("\n\n", 3)
    assert first.startswith(f"Likely the answer (confidence 0.93):\n“{prepared.SENTENCE}”\nHeating & you [heating ")
    assert second.startswith(
        "Closest found (confidence 0.60):\nAge | Amount | Paid\n“66 to 79 | £200 | in November”\nHeating & you"
    )
    assert third.startswith(
        "Closest found (confidence 0.50):\nYou can apply if you:\n“- live in England & Wales\n  all year”\n"
    )


def test_prints_how_many_items_follow_a_cut_list(search: Search) -> None:
    assert "all year” and 7 more\n" in search(prepared.CUT)


def test_prints_what_the_documents_do_not_mention(search: Search) -> None:
    printed = search(prepared.MISSING)
    assert printed.startswith(
        "Not in these documents (confidence 0.10).\nThese documents say nothing about Germany or <i>1999</i>.\n"
    )
    assert "Nearest passages:" in printed


def test_refuses_another_value_of_read(search: Search) -> None:
    refused = CliRunner().invoke(main, ["search", prepared.SPAN, "--read", "sometimes"])
    assert refused.exit_code == 2
    assert "'sometimes' is not one of 'auto', 'always', 'never'" in refused.output
    assert "Likely the answer" in search(prepared.SPAN, "--read", "always")

"""`qa eval --invariants`: questions that must find their document or quote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeFolder, RunProcess

ADULT = "how much is a passport for an adult"


def write_lines(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    return path


@pytest.fixture(scope="module")
def filled(data_folder: MakeFolder, qa: RunProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data, folder = data_folder(), tmp_path_factory.mktemp("documents")
    passports = {
        "id": "passports",
        "title": "Passports",
        "text": "An adult passport costs £82.80. The form is “long” – take your time.",
        "url": "https://example.org/passports",
    }
    bins = {"id": "bins", "title": "Rubbish", "text": "Garden waste is collected on Tuesdays."}
    assert qa("--data", data, "add", write_lines(folder / "a.jsonl", [passports])).code == 0
    assert qa("--data", data, "add", "--collection", "streets", write_lines(folder / "b.jsonl", [bins])).code == 0
    return data


def test_invariants_that_hold(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    records = [
        {"question": ADULT, "document": "passports"},
        {"question": ADULT, "document": "https://example.org/passports", "quote": "£82.80"},
        {"question": "is the passport form long", "quote": 'the form is "long" - take your time'},
        {"question": "when is garden waste collected", "quote": "on Tuesdays", "collection": "streets"},
    ]
    file = write_lines(tmp_path / "held.jsonl", records)
    ended = qa("--data", filled, "eval", "--invariants", file)
    assert (ended.code, ended.stdout) == (0, "All 4 invariants hold.\n"), ended.stdout + ended.stderr
    ended = qa("--data", filled, "eval", "--invariants", file, "--json")
    assert (ended.code, ended.json()) == (0, {"invariants": 4, "missed": []})


MISSED = [
    {"question": ADULT, "document": "visas"},
    {"question": ADULT, "quote": "£90.00"},
    {"question": ADULT, "quote": "£82.80", "document": "bins"},
    {"question": "who painted the Mona Lisa", "quote": "passport"},
    {"question": ADULT, "document": "passports", "collection": "streets"},
]


def test_invariants_that_are_missed_show_what_was_found(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "missed.jsonl", [{"question": ADULT, "quote": "£82.80"}, *MISSED])
    ended = qa("--data", filled, "eval", "--invariants", file)
    assert ended.code == 1
    assert ended.stderr.splitlines()[-1] == "qa: 5 of 6 invariants are missed"
    first, *_ = ended.stdout.split("line ")[1:]
    assert first.startswith(f"2: {ADULT}\n  expected: a result from visas\n  answer: “")
    assert "£82.80" in first
    assert "\n  results from: passports" in first
    assert "expected: an answer with “£82.80” from bins" in ended.stdout
    assert "no answer (confidence 0.0" in ended.stdout
    found = qa("--data", filled, "eval", "--invariants", file, "--json")
    assert found.code == 1
    assert [miss["line"] for miss in found.json()["missed"]] == [2, 3, 4, 5, 6]
    wrong = found.json()["missed"][1]
    assert (wrong["question"], wrong["quote"], wrong["document"], wrong["collection"]) == (ADULT, "£90.00", None, None)
    assert (wrong["answers"][0]["document"], wrong["results"][0]) == ("passports", "passports")
    assert "£82.80" in wrong["answers"][0]["text"]
    assert found.json()["missed"][4]["results"] == ["bins"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"question": "a b"', "not JSON"),
        ('{"question": "a\udcff", "document": "a"}', "not JSON"),  # a byte that is not UTF-8
        ("[]", "object"),
        ('{"document": "a"}', "'question'"),
        ('{"question": "\\u0000", "document": "a"}', "the question"),
        ('{"question": "a b"}', "'document' or 'quote'"),
        ('{"question": "a b", "quote": "."}', "'document' or 'quote'"),
        ('{"question": "a b", "document": 5}', "'document' must be a string"),
        ('{"question": "a b", "documnet": "a"}', "unknown field 'documnet'"),
        ('{"question": "a b", "document": "a", "collection": "A B"}', "the collection"),
    ],
)
def test_refuses_an_invalid_line_by_its_number(
    qa: RunProcess, data_folder: MakeFolder, tmp_path: Path, line: str, reason: str
) -> None:
    file = write_lines(tmp_path / "invalid.jsonl", [{"question": "a b", "document": "a"}])
    file.write_bytes(file.read_bytes() + f"\n{line}\n".encode(errors="surrogateescape"))
    ended = qa("--data", data_folder(), "eval", "--invariants", file)
    assert ended.code == 2
    assert "invalid.jsonl, line 3: " in ended.stderr
    assert reason in ended.stderr


def test_refuses_an_empty_file_and_options_that_do_not_apply(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    empty = write_lines(tmp_path / "empty.jsonl", [])
    ended = qa("--data", filled, "eval", "--invariants", empty)
    assert (ended.code, "has no questions" in ended.stderr) == (2, True)
    assert qa("--data", filled, "eval").code == 2
    file = write_lines(tmp_path / "one.jsonl", MISSED[:1])
    assert qa("--data", filled, "eval", "--invariants", file, "--calibrate").code == 2
    assert qa("--data", filled, "eval", "--invariants", file, file).code == 2
    assert qa("--data", filled, "eval", "--invariants", tmp_path / "none.jsonl").code == 2

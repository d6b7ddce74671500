"""Reading question sets; errors name the line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qa.answering.question.turn import Turn
from qa.evaluation.matching import Reference
from qa.evaluation.question_sets import QuestionSetError, read_corpus, read_question_set


def lines(path: Path, *records: Any) -> Path:
    path.write_text("".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records), "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small set in BEIR's layout."""
    lines(
        tmp_path / "corpus.jsonl",
        {"_id": "bins 1", "title": "Bins", "text": "Paper goes into the blue bin.", "metadata": {"any": "thing"}},
        {"_id": "2", "title": "", "text": "A passport costs £82.80.", "url": "https://example.org/passport"},
    )
    lines(
        tmp_path / "queries.jsonl",
        {"_id": "q1", "text": "where does paper go", "extra": 1},
        {"_id": "q2", "text": "who is king", "answerable": False},
        {"_id": "q3", "text": "nobody judged this"},
    )
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tbins 1\t2\nq1\t2\t0\n")
    return tmp_path


def test_reads_the_judged_questions_and_the_corpus_of_a_beir_folder(folder: Path) -> None:
    found = read_question_set(folder)
    assert [(q.id, q.text, dict(q.relevant), q.is_answerable) for q in found.questions] == [
        ("q1", "where does paper go", {"bins 1": 2}, True),
        ("q2", "who is king", {}, False),
    ]
    assert found.corpus == folder / "corpus.jsonl"
    assert [(d.id, d.title, d.url) for d in read_corpus(found.corpus)] == [
        ("bins 1", "Bins", None),
        ("2", "", "https://example.org/passport"),
    ]


def test_corpus_is_none_if_a_beir_folder_has_none(folder: Path) -> None:
    (folder / "corpus.jsonl").unlink()
    assert read_question_set(folder).corpus is None


def test_reads_judgements_from_the_qrels_folder(folder: Path) -> None:
    (folder / "qrels").mkdir()
    (folder / "qrels.tsv").rename(folder / "qrels" / "test.tsv")
    assert len(read_question_set(folder).questions) == 2


def test_rejects_a_folder_without_judgements(folder: Path) -> None:
    (folder / "qrels.tsv").unlink()
    with pytest.raises(QuestionSetError, match=r"qrels\.tsv"):
        read_question_set(folder)


def test_reads_judgements_in_trec_format(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("q1\t0\tbins 1\t1\n")
    assert read_question_set(folder).questions[0].relevant == {"bins 1": 1}


def test_reads_questions_from_json_lines(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "mine.jsonl",
        {"question": " Where does paper go? ", "relevant": ["bins", "https://example.org/bins"]},
        "",
        {
            "id": "b",
            "question": "And glass?",
            "relevant": "Glass goes into the green bin.",
            "history": [{"role": "user", "content": "?"}],
        },
        {"question": "Who is king?", "answerable": False},
        {"question": "Anything?", "relevant": {"bins": 3}},
        {"question": "Unjudged?"},
    )
    found = read_question_set(path)
    assert (found.name, found.corpus) == ("mine", None)
    assert [(q.id, dict(q.relevant), q.is_answerable) for q in found.questions] == [
        ("1", {"bins": 1, "https://example.org/bins": 1}, True),
        ("b", {"Glass goes into the green bin.": 1}, True),
        ("4", {}, False),
        ("5", {"bins": 3}, True),
        ("6", {}, None),
    ]
    assert found.questions[0].text == "Where does paper go?"
    assert found.questions[1].history == (Turn("user", "?"),)


def test_reads_the_words_that_answer(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "mine.jsonl",
        {
            "question": "Do I need a permit on Sundays?",
            "kind": "yesno",
            "document": "parking",
            "evidence": "No permit is needed on Sundays.",
            "answer": "No permit is needed",
            "also": ["not needed"],
            "polarity": "no",
            "also_documents": ["summary"],
            "also_evidence": [{"document": "guide", "evidence": "Sundays are free.", "answer": "free"}, "Free on Sundays"],
        },
        {"question": "How long is a permit valid?", "evidence": "It is valid for a year."},
        {
            "question": "What was the fee in 2019?",
            "kind": "near_miss",
            "evidence": None,
            "answer": None,
            "near_page": "parking",
        },
    )
    first, second, third = read_question_set(path).questions
    assert (first.kind, first.polarity, first.is_answerable) == ("yesno", "no", True)
    assert set(first.relevant) == {"parking", "summary", "guide"}
    assert first.references == (
        Reference("No permit is needed on Sundays.", ["No permit is needed", "not needed"]),
        Reference("Sundays are free.", ["free"]),
        Reference("Free on Sundays", ["No permit is needed", "not needed"]),
    )
    assert second.references == (Reference("It is valid for a year.", ["It is valid for a year."]),)
    assert (third.answerable, third.references, third.near_page) == (False, (), "parking")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{", "not JSON"),
        ([1], "JSON object"),
        ({"relevant": ["a"]}, "'question'"),
        ({"question": " "}, "'question'"),
        ({"question": "a", "relevant": 3}, "'relevant'"),
        ({"question": "a", "relevant": ["", "b"]}, "'relevant'"),
        ({"question": "a", "relevant": {"b": 0}}, "'relevant'"),
        ({"question": "a", "relevant": {"b": True}}, "'relevant'"),
        ({"question": "a", "answerable": "yes"}, "'answerable'"),
        ({"question": "a", "answerable": False, "relevant": ["b"]}, "must not have 'relevant'"),
        ({"question": "a", "history": ["b"]}, "'history'"),
        ({"question": "a", "history": [{"role": "system", "content": "b"}]}, "role"),
        ({"question": "a", "evidence": 3}, "'evidence'"),
        ({"question": "a", "answer": "b", "also": [3]}, "'also'"),
        ({"question": "a", "answer": "b", "polarity": "maybe"}, "'polarity'"),
        ({"question": "a", "answer": "b", "answerable": False}, "must not have"),
        ({"question": "a", "answer": "b", "also_evidence": [{"answer": "c"}]}, "'evidence'"),
    ],
)
def test_rejects_an_invalid_question_with_its_line_number(tmp_path: Path, record: Any, reason: str) -> None:
    path = lines(tmp_path / "q.jsonl", {"question": "first"}, record)
    with pytest.raises(QuestionSetError, match=reason) as refused:
        read_question_set(path)
    assert "line 2" in str(refused.value)


@pytest.mark.parametrize("row", ["q1\tx", "q1\tx\tmany", "q1"])
def test_rejects_an_invalid_judgement_with_its_line_number(folder: Path, row: str) -> None:
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{row}\n")
    with pytest.raises(QuestionSetError, match="line 2"):
        read_question_set(folder)


@pytest.mark.parametrize(
    "record", [{"_id": "1"}, {"_id": True, "text": "a"}, {"text": "a"}, {"_id": "1", "text": "a", "title": 3}]
)
def test_rejects_an_invalid_document_with_its_line_number(tmp_path: Path, record: Mapping[str, Any]) -> None:
    with pytest.raises(QuestionSetError, match="line 1"):
        list(read_corpus(lines(tmp_path / "corpus.jsonl", record)))


def test_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(QuestionSetError, match=r"none\.jsonl"):
        read_question_set(tmp_path / "none.jsonl")

"""`qa eval`: measures, comparison, report and calibration of a question set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from qa.evaluation.judging import Order
from qa.evaluation.session import InvalidVariant, parse_variant
from tests.conftest import RunProcess

DOCUMENTS = {
    "passports": ("Passports", "An adult passport costs £82.80. A child’s passport costs £53.50. Apply online or by post."),
    "bins": ("Rubbish", "Garden waste is collected on Tuesdays. Put paper and cardboard into the blue bin."),
    "library": ("Library", "The library in Mill Lane opens at nine. Membership is free for residents of the borough."),
    "parking": (
        "Parking permits",
        "A resident’s parking permit is valid for twelve months. Visitors need a voucher for each day.",
    ),
}
ASKED = {
    "passports": ("how much is a passport for a child", "can I apply for a passport by post"),
    "bins": ("which bin takes cardboard", "when is garden waste collected"),
    "library": ("what does library membership cost residents", "when does the library in Mill Lane open"),
    "parking": ("how long is a parking permit valid", "do visitors need a parking voucher"),
}
FOREIGN = ("who painted the Mona Lisa", "symptoms of measles", "how tall is mount everest", "python list comprehension")


def write_lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return path


@pytest.fixture(scope="module")
def beir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question set with its own corpus."""
    folder = tmp_path_factory.mktemp("beir") / "council"
    folder.mkdir()
    write_lines(folder / "corpus.jsonl", [{"_id": i, "title": title, "text": text} for i, (title, text) in DOCUMENTS.items()])
    questions = [{"_id": f"{i}-{n}", "text": text} for i, texts in ASKED.items() for n, text in enumerate(texts)]
    foreign = [{"_id": f"f{n}", "text": text, "answerable": False} for n, text in enumerate(FOREIGN)]
    write_lines(folder / "queries.jsonl", [*questions, *foreign])
    rows = [f"{i}-{n}\t{i}\t1\n" for i, texts in ASKED.items() for n in range(len(texts))]
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return folder


@pytest.fixture(scope="module")
def filled(data_folder: Callable[[], Path], qa: RunProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the same documents."""
    data = data_folder()
    records = [
        {"id": i, "title": title, "text": text, "url": f"https://example.org/{i}"} for i, (title, text) in DOCUMENTS.items()
    ]
    added = qa("--data", data, "add", write_lines(tmp_path_factory.mktemp("corpus") / "documents.jsonl", records))
    assert added.code == 0, added.stderr
    return data


def figures(table: str) -> dict[str, float]:
    """Measure -> the figure in the table's first column."""
    found = re.findall(r"^(\S.*?)\s{2,}([\d.]+)", table, re.MULTILINE)
    return {name.strip(): float(value) for name, value in found}


def test_indexes_and_measures_a_beir_folder(qa: RunProcess, data_folder: Callable[[], Path], beir: Path) -> None:
    data = data_folder()
    result = qa("--data", data, "eval", beir)
    assert result.code == 0, result.stderr
    found = figures(result.stdout)
    assert found["questions"] == 12
    assert found["Success@1"] == found["nDCG@10"] == found["R@5"] == 1.0
    assert found["AUROC"] == 1.0
    assert {"MRR@10", "Success@5", "R@10", "ECE", "coverage at 95% precision", "latency median", "latency p95"} <= set(found)
    assert not (data / "store.sqlite").exists(), "the configured data folder must not change"


def test_measures_json_lines_by_id_url_and_quote(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    questions = write_lines(
        tmp_path / "mine.jsonl",
        [
            {"id": "by id", "question": ASKED["bins"][0], "relevant": ["bins"]},
            {"id": "by url", "question": ASKED["library"][0], "relevant": ["https://example.org/library"]},
            {"id": "by quote", "question": ASKED["passports"][0], "relevant": "a child’s PASSPORT costs £53.50."},
            {"id": "missing", "question": ASKED["parking"][0], "relevant": ["no-such-document"]},
            {"id": "foreign", "question": FOREIGN[0], "answerable": False},
        ],
    )
    output = tmp_path / "out.jsonl"
    result = qa("--data", filled, "eval", questions, "--output", output)
    assert result.code == 0, result.stderr
    assert figures(result.stdout)["Success@1"] == 0.75
    records = {record["id"]: record for record in map(json.loads, output.read_text("utf-8").splitlines())}
    assert [records[i]["measures"]["Success@1"] for i in ("by id", "by url", "by quote", "missing")] == [1, 1, 1, 0]
    assert records["by quote"]["ranked"][0] == "a child’s PASSPORT costs £53.50."
    assert records["by quote"]["measures"]["quote hit"] == float("53.50" in (records["by quote"]["quote"] or ""))
    assert "quote hit" not in records["by id"]["measures"]
    assert records["foreign"]["expected"] is False
    assert 0 <= records["foreign"]["confidence"] < records["by id"]["confidence"] <= 1


def test_asks_a_question_with_its_history(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    history = [{"role": "user", "content": "How much is a passport for an adult?"}]
    question = {"question": "And how much is it for a child?", "relevant": ["passports"]}
    questions = write_lines(tmp_path / "q.jsonl", [question | {"id": "alone"}, question | {"id": "after", "history": history}])
    output = tmp_path / "out.jsonl"
    assert qa("--data", filled, "eval", questions, "--output", output).code == 0
    alone, after = map(json.loads, output.read_text("utf-8").splitlines())
    assert alone["rewritten"] is None
    assert "How much is a passport for an adult?" in after["rewritten"]
    assert after["confidence"] > alone["confidence"]


def test_compares_two_settings_by_question(qa: RunProcess, data_folder: Callable[[], Path], beir: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    result = qa("--data", data_folder(), "eval", beir, "--compare", "answer_threshold=1", "--report", report)
    assert result.code == 0, result.stderr
    assert "answer_threshold=1 minus as configured" in result.stdout
    # No confidence reaches 1, so every question is refused, which is correct for the four foreign ones of twelve.
    decision = re.search(r"^decision accuracy\s+(\S+)  \[(\S+), (\S+)\]  p = (\S+)  (.+)$", result.stdout, re.MULTILINE)
    assert decision
    assert float(decision[1]) < 0
    assert float(decision[2]) <= float(decision[1]) <= float(decision[3])
    unchanged = re.search(r"^nDCG@10\s+\+0\.0000 .* p = 1\.0000  not significant$", result.stdout, re.MULTILINE)
    assert unchanged, "the answer threshold must not change the ranking"
    assert_self_contained(report.read_text("utf-8"))


def assert_self_contained(page: str) -> None:
    """The page contains plots, runs no script and loads no resource."""

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[str] = []
            self.attributes: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append(tag)
            self.attributes |= {name for name, _ in attrs}

    reader = Reader()
    reader.feed(page)
    assert reader.tags.count("svg") >= 3
    assert {"table", "polyline", "circle"} <= set(reader.tags)
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert not {"src", "href"} & reader.attributes
    assert not any(name.startswith("on") for name in reader.attributes)


@pytest.mark.parametrize("setting", ["legs=dense", "legs=weighted", "legs=rrf,spelling=off"])
def test_compares_legs_and_spelling(qa: RunProcess, data_folder: Callable[[], Path], beir: Path, setting: str) -> None:
    result = qa("--data", data_folder(), "eval", beir, "--compare", setting)
    assert result.code == 0, result.stderr
    assert f"{setting} minus as configured" in result.stdout


def test_report_escapes_questions(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> & <img src=x onerror=alert(1)>"
    questions = write_lines(
        tmp_path / "q.jsonl", [{"question": hostile, "relevant": ["bins"]}, {"question": "bins", "relevant": ["bins"]}]
    )
    result = qa("--data", filled, "eval", questions, "--report", tmp_path / "r.html", "--compare", "legs=rrf")
    assert result.code == 0, result.stderr
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize(
    "setting", ["legs=both", "spelling=maybe", "answer_threshold=2", "answer_threshold=x", "threads=3", "legs"]
)
def test_rejects_unknown_settings_and_lists_the_known_ones(setting: str) -> None:
    with pytest.raises(InvalidVariant, match="legs=fused"):
        parse_variant(setting)


def test_parses_several_settings() -> None:
    variant = parse_variant("legs=lexical, spelling=off,answer_threshold=0.4")
    assert (variant.order, variant.spelling, variant.answer_threshold) == (Order.LEXICAL, False, 0.4)


def test_reports_usage_errors_and_invalid_sets_in_one_line(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    refused = qa("--data", filled, "eval", write_lines(tmp_path / "q.jsonl", [{"relevant": ["a"]}]))
    assert refused.code == 1
    assert "line 1" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert qa("--data", filled, "eval", tmp_path / "q.jsonl", "--compare", "legs=both").code == 2
    assert qa("--data", filled, "eval", tmp_path / "none.jsonl").code == 2


def test_calibration_changes_confidence_but_not_the_ranking(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    asked = [text for texts in ASKED.values() for text in texts]
    # Every other question is not answered by the documents, so confidence must decrease.
    records = [{"question": text, "answerable": True} for text in asked]
    records += [{"question": text, "relevant": ["bins"]} for text in asked[:2]]
    records += [{"question": f"{text} in France", "answerable": False} for text in asked]
    records += [{"question": text, "answerable": False} for text in FOREIGN]
    before = qa("--data", filled, "search", asked[0], "--json").json()
    result = qa("--data", filled, "eval", write_lines(tmp_path / "q.jsonl", records), "--calibrate")
    assert result.code == 0, result.stderr
    assert "calibration.json" in result.stderr
    assert "ECE as shipped" in result.stderr
    after = qa("--data", filled, "search", asked[0], "--json").json()
    (filled / "calibration.json").unlink()
    assert after["confidence"] != before["confidence"]
    assert [r["id"] for r in after["results"]] == [r["id"] for r in before["results"]], (
        "calibration must not change the ranking"
    )


def test_judges_quotes_against_the_words_that_answer(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    records = [
        {
            "question": ASKED["passports"][0],
            "kind": "amount",
            "document": "passports",
            "evidence": "A child’s passport costs £53.50.",
            "answer": "£53.50",
        },
        {"question": ASKED["bins"][1], "kind": "date", "evidence": "Glass is collected in May.", "answer": "in May"},
        {"question": "what did a passport cost in 1950", "kind": "near_miss", "evidence": None, "near_page": "passports"},
        {"question": FOREIGN[1], "kind": "foreign", "evidence": None},
    ]
    report, output = tmp_path / "report.html", tmp_path / "out.jsonl"
    questions = write_lines(tmp_path / "q.jsonl", records)
    result = qa("--data", filled, "eval", questions, "--json", "--report", report, "--output", output)
    assert result.code == 0, result.stderr
    (run,) = result.json()["runs"]
    quotes = run["quotes"]
    assert quotes["overall"]["quote right"]["value"] == quotes["overall"]["quote wrong"]["value"] == 0.5
    assert quotes["by_kind"]["amount"]["quote right"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert quotes["by_kind"]["foreign"]["rightly refused"]["value"] == 1.0
    assert quotes["by_kind"]["near_miss"]["questions"] == 1
    assert quotes["risk_coverage"][-1] == [1.0, 0.75]
    assert {"AURC", "right at 80% coverage", "ECE of the quote"} <= set(quotes["overall"])
    assert run["measures"]["Success@1"] == 1.0
    lines = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [line["match"] for line in lines] == ["right", "wrong", None, None]
    assert [line["near_page"] for line in lines] == [None, None, "passports", None]
    assert lines[3]["quote"] is None
    assert lines[3]["best_quotes"]
    page = report.read_text("utf-8")
    assert "Risk over coverage" in page
    assert "near_miss" in page
    assert_self_contained(page)
    text = qa("--data", filled, "eval", questions).stdout
    assert figures(text)["quote right"] == 0.5
    assert re.search(r"^near_miss +1 ", text, re.MULTILINE)


def test_calibrates_to_whether_the_quote_is_right(qa: RunProcess, filled: Path, tmp_path: Path) -> None:
    asked = [(name, text) for name, texts in ASKED.items() for text in texts] * 3
    # The documents answer every question, but in every other round the quote is not what is wanted.
    records: list[dict[str, Any]] = [
        {"question": text, "evidence": DOCUMENTS[name][1], "also": DOCUMENTS[name][1].split(". ")}
        if (number + number // 8) % 2
        else {"question": text, "evidence": "other words"}
        for number, (name, text) in enumerate(asked)
    ]
    before = qa("--data", filled, "search", asked[0][1], "--json").json()
    result = qa("--data", filled, "eval", write_lines(tmp_path / "q.jsonl", records), "--calibrate")
    try:
        assert result.code == 0, result.stderr
        assert "over 24 questions" in result.stderr
        after = qa("--data", filled, "search", asked[0][1], "--json").json()
        assert after["confidence"] < before["confidence"]
    finally:
        (filled / "calibration.json").unlink(missing_ok=True)

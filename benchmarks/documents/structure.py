"""Structure that the readers keep: hyphenated words, and table cells in a passage that also holds their column head.

    python -m benchmarks.documents.structure     # prints the table, writes benchmarks/results/structure-COMMIT.json

A hyphenated word of a reference text is kept if the text that was read has it, and broken if the text has its letters without the
hyphen; the rest stands in text that the reader leaves out. A cell of a reference table is kept if a
passage holds it and, in its text or context, the head of its column; both are compared by their letters and digits.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.quality.readers import DOCUMENTS, FORMATS, ROOT, facts, references, seen
from corpus.readers import read
from corpus.splitting.passages import split
from corpus.types import Document, ReadError

BUDGET = 254  # tokens, as for all-MiniLM-L6-v2
_HYPHENATED = re.compile(r"[^\W\d_]\w*(?:-\w+)+")
_WORD = re.compile(r"\w+")
_WORD_OR_MARK = re.compile(r"\w{1,6}|[^\w\s]")
_RULE = re.compile(r"\|?[\s|:-]+\|?")


class RoughTokenizer:
    """A token per six letters and per mark, about as many as a word-piece model has."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD_OR_MARK.findall(text)) for text in texts]


def letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def cells(markdown: str) -> Iterator[tuple[str, str]]:
    """The head and text of each cell of the pipe tables of a reference."""
    heads: list[str] = []
    for line in markdown.split("\n"):
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = _row(line)
        elif not _RULE.fullmatch(line):
            yield from zip(heads, _row(line), strict=False)


def _row(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def measure(format_word: str) -> tuple[dict[str, Any], list[str]]:
    """The counts of a format, and what was lost."""
    counts: Counter[str] = Counter()
    lost: list[str] = []
    for name, data, reference in references(FORMATS[format_word]):
        if not isinstance(reference, str):
            continue
        try:
            documents = [found for found in read(data, name) if isinstance(found, Document)]
        except ReadError:
            documents = []
        text = seen("\n".join(document.text for document in documents)).casefold()
        got, words = set(_HYPHENATED.findall(text)), set(_WORD.findall(text))
        for word in _HYPHENATED.findall(reference.casefold()):
            broken = word not in got and word.replace("-", "") in words
            counts["hyphenated"] += word in got or broken
            counts["hyphenated_kept"] += word in got
            lost += [f"{name}: {word}"] if broken else []
        passages = [
            (letters(passage.text), letters(passage.searchable_text))
            for document in documents
            for passage in split(document, RoughTokenizer(), BUDGET)
        ]
        for head, cell in cells(reference):
            wanted_head, wanted_cell = letters(head), letters(cell)
            if not wanted_head or not wanted_cell:
                continue
            counts["cells"] += 1
            if any(wanted_cell in text and wanted_head in searchable for text, searchable in passages):
                counts["cells_kept"] += 1
            else:
                lost.append(f"{name}: {head} | {cell}")
    return {"format": format_word, **counts}, lost


def main() -> None:
    if not DOCUMENTS.is_dir():
        print(f"skipped: {DOCUMENTS} is not there; the reference documents are not part of the project")
        return
    rows, total = [], defaultdict[str, int](int)
    print(f"{'format':9} {'hyphenated':>10} {'kept':>6} {'cells':>6} {'kept':>6}")
    for format_word in FORMATS:
        row, lost = measure(format_word)
        rows.append(row)
        for key, value in row.items():
            if key != "format":
                total[key] += value
        _print(row)
        if "--lost" in sys.argv:
            print("\n".join(f"    {line}" for line in lost))
    rows.append({"format": "all", **total})
    _print(rows[-1])
    about = facts()
    target = ROOT / "benchmarks" / "results" / f"structure-{about['commit']}.json"
    target.write_text(json.dumps({**about, "results": rows}, indent=2) + "\n")
    print(f"written to {target.relative_to(ROOT)}")


def _print(row: dict[str, Any]) -> None:
    shares = [
        f"{row.get(kept, 0) / row[every]:.3f}" if row.get(every) else ""
        for every, kept in (("hyphenated", "hyphenated_kept"), ("cells", "cells_kept"))
    ]
    print(f"{row['format']:9} {row.get('hyphenated', 0):10} {shares[0]:>6} {row.get('cells', 0):6} {shares[1]:>6}", flush=True)


if __name__ == "__main__":
    main()

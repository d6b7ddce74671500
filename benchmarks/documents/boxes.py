"""Boxes on the pages of PDF files: whether PDFium's own text inside the boxes of a quote is the quote, over the shared documents.

    python -m benchmarks.documents.boxes             # prints the shares, writes benchmarks/results/boxes-COMMIT.json
    python -m benchmarks.documents.boxes --failures  # also the quotes whose boxes hold something else

Quotes are units (sentences, lists, items, table rows) that an answer could quote, drawn from the files in turn. A character is inside a
box if its centre is. A quote is right if the letters and digits inside its boxes, box after box, are those of the quote. Of a quote's
words those count that stand inside.
"""

from __future__ import annotations

import json
import random
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from ctypes import byref, c_double, c_int
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from benchmarks.documents.structure import BUDGET, RoughTokenizer
from benchmarks.quality.readers import DOCUMENTS, ROOT, facts
from corpus.readers import read
from corpus.readers.pdf.page_view import Box, view_page
from corpus.splitting.passages import split
from corpus.types import Document, ReadError, page_at
from qa.answering.units.candidates import regions, units

QUOTES, SEED = 200, 20
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Quote:
    """A unit of a document, and the file it is in."""

    file: Path
    document: Document
    kind: str
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.document.text[self.start : self.end]


def quotes(files: Sequence[Path]) -> Iterator[Quote]:
    for file in files:
        try:
            (document,) = (found for found in read(file.read_bytes(), file.name) if isinstance(found, Document))
        except ReadError as error:
            print(f"not read: {error}")
            continue
        passages = list(enumerate(split(document, RoughTokenizer(), BUDGET)))
        for region, places in regions(passages, document.title):
            for unit in units(region, places):
                yield Quote(file, document, str(unit.kind), unit.start, unit.end)


def draw(found: Sequence[Quote]) -> Sequence[Quote]:
    """QUOTES of them, one of each file in turn while it has more."""
    drawn: dict[Path, list[Quote]] = {}
    for quote in random.Random(SEED).sample(found, len(found)):
        drawn.setdefault(quote.file, []).append(quote)
    turns = chain.from_iterable(zip_longest(*(drawn[file] for file in sorted(drawn))))
    return [quote for quote in turns if quote][:QUOTES]


def letters(text: str) -> str:
    return "".join(character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum())


def boxed_text(quote: Quote) -> str:
    """PDFium's text inside the boxes of a quote, a line for each box, on all pages that the quote is on."""
    import pypdfium2

    data, pages = quote.file.read_bytes(), quote.document.pages
    lines: list[str] = []
    with pypdfium2.PdfDocument(data) as pdf:
        for number in range(page_at(pages, quote.start) or 1, (page_at(pages, quote.end - 1) or 1) + 1):
            start, end = (*pages, len(quote.document.text))[number - 1 : number + 1]
            place = max(quote.start, start) - start, min(quote.end, end) - start
            view = view_page(data, quote.file.name, number, quote.document.text[start:end], place)
            lines += _inside(pdf[number - 1], (view.width, view.height), view.boxes)
    return "\n".join(lines)


def _inside(page: Any, size: tuple[int, int], boxes: Sequence[Box]) -> list[str]:
    from pypdfium2 import raw

    text_page = page.get_textpage()
    edges = [c_double() for _ in range(4)]
    x, y = c_int(), c_int()
    found = ["" for _ in boxes]
    for index in range(text_page.count_chars()):
        raw.FPDFText_GetCharBox(text_page.raw, index, *map(byref, edges))
        left, right, bottom, top = (edge.value for edge in edges)
        raw.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, (left + right) / 2, (bottom + top) / 2, byref(x), byref(y))
        code = raw.FPDFText_GetUnicode(text_page.raw, index)
        for place, box in enumerate(boxes):
            if box[0] <= x.value <= box[2] and box[1] <= y.value <= box[3] and 0 < code < 0x110000:
                found[place] += chr(code)
                break
    return found


def measure(chosen: Sequence[Quote]) -> tuple[list[dict[str, Any]], list[str]]:
    """The counts by kind of quote, and the quotes whose boxes hold something else."""
    counts: dict[str, Counter[str]] = {}
    failures = []
    for quote in chosen:
        boxed = boxed_text(quote)
        got, wanted = letters(boxed), letters(quote.text)
        right = got == wanted
        words, kept = _words_kept(got, quote.text)
        for kind in (quote.kind, "all"):
            counts.setdefault(kind, Counter()).update(quotes=1, right=right, words=words, words_boxed=kept)
        if not right:
            page = page_at(quote.document.pages, quote.start)
            failures.append(f"{quote.file.name} page {page} {quote.kind}\n  quote: {quote.text!r}\n  boxes: {boxed!r}")
    rows = [{"kind": kind, **counts[kind]} for kind in sorted(counts, key=lambda kind: (kind == "all", kind))]
    return rows, failures


def _words_kept(got: str, text: str) -> tuple[int, int]:
    """The number of words of a quote, and of those whose letters are all inside the boxes."""
    wanted = [letters(word) for word in _WORD.findall(text)]
    matched = bytearray(sum(map(len, wanted)))
    for block in SequenceMatcher(None, "".join(wanted), got, autojunk=False).get_matching_blocks():
        matched[block.a : block.a + block.size] = b"\1" * block.size
    position = kept = 0
    for word in wanted:
        kept += all(matched[position : position + len(word)])
        position += len(word)
    return len(wanted), kept


def main() -> None:
    if not DOCUMENTS.is_dir():
        print(f"skipped: {DOCUMENTS} is not there; the documents are not part of the project")
        return
    files = sorted(DOCUMENTS.rglob("*.pdf"))
    rows, failures = measure(draw([quote for quote in quotes(files) if letters(quote.text)]))
    if "--failures" in sys.argv:
        print("\n".join(failures))
    for row in rows:
        print(
            f"{row['kind']:9} {row['quotes']:5} quotes, {row['right'] / row['quotes']:.3f} right;"
            f" {row['words']:6} words, {row['words_boxed'] / row['words']:.4f} inside"
        )
    about = facts()
    target = ROOT / "benchmarks" / "results" / f"boxes-{about['commit']}.json"
    target.write_text(json.dumps({**about, "files": len(files), "seed": SEED, "results": rows}, indent=2) + "\n")
    print(f"written to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

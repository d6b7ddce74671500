"""Quality of the readers: mean token F1 per format against the shared reference texts.

    python benchmarks/quality/readers.py            # prints the table, writes benchmarks/results/readers-COMMIT.json
    python benchmarks/quality/readers.py --peers    # also the alternative libraries that are installed

Every reader is measured in a fresh process, one at a time. Tokens are runs of word characters in lower case, counted as a
multiset. References in Markdown are reduced to what is seen. Pages with only "must hold" and "must not hold" strings count
into the strings column: F1 over all strings of all pages.
"""

from __future__ import annotations

import argparse
import gzip
import html
import importlib.metadata
import importlib.util
import io
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = Path(os.environ.get("QUOTABLE_SHARED", ROOT.parent / "shared")) / "data" / "documents"
OURS = "corpus.readers"
# Format -> formats of the manifest.
FORMATS = {"html": ("html", "html.gz"), **{name: (name,) for name in ("pdf", "docx", "odt", "pptx", "xlsx", "csv", "md")}}
FORMATS["asciidoc"] = ("asciidoc",)
LIBRARIES = {
    "trafilatura": "trafilatura",
    "readability": "readability-lxml",
    "selectolax": "selectolax",
    "pypdf": "pypdf",
    "pdfminer": "pdfminer.six",
    "pypdfium2": "pypdfium2",
    "docx": "python-docx",
    "mammoth": "mammoth",
}
_WORD = re.compile(r"\w+")


def ours(data: bytes, name: str) -> str:
    from corpus.readers import read
    from corpus.types import Document, ReadError

    try:
        return "\n\n".join(found.text for found in read(data, name) if isinstance(found, Document))
    except ReadError:
        return ""


def trafilatura_alone(data: bytes, name: str) -> str:
    import trafilatura

    return trafilatura.extract(data, include_comments=False, include_tables=True) or ""


def readability_alone(data: bytes, name: str) -> str:
    import lxml.html
    from readability import Document

    return str(lxml.html.fromstring(Document(data.decode("utf-8", "replace")).summary()).text_content())


def selectolax_all_text(data: bytes, name: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(data)
    for node in tree.css("script,style,noscript,template"):
        node.decompose()
    return tree.body.text(separator=" ") if tree.body else ""


def pypdf_alone(data: bytes, name: str) -> str:
    import pypdf

    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def pdfminer_alone(data: bytes, name: str) -> str:
    from pdfminer.high_level import extract_text

    return extract_text(io.BytesIO(data))


def pypdfium2_alone(data: bytes, name: str) -> str:
    import pypdfium2

    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(data))


def python_docx_alone(data: bytes, name: str) -> str:
    import docx
    from docx.table import Table

    lines = []
    for block in docx.Document(io.BytesIO(data)).iter_inner_content():
        cells = (cell.text for row in block.rows for cell in row.cells) if isinstance(block, Table) else (block.text,)
        lines.extend(cells)
    return "\n".join(lines)


def mammoth_alone(data: bytes, name: str) -> str:
    import mammoth

    return str(mammoth.extract_raw_text(io.BytesIO(data)).value)


PEERS: dict[str, dict[str, Callable[[bytes, str], str]]] = {
    "html": {"trafilatura": trafilatura_alone, "readability": readability_alone, "selectolax": selectolax_all_text},
    "pdf": {"pypdf": pypdf_alone, "pdfminer": pdfminer_alone, "pypdfium2": pypdfium2_alone},
    "docx": {"docx": python_docx_alone, "mammoth": mammoth_alone},
}


def references(formats: tuple[str, ...]) -> Iterator[tuple[str, bytes, Any]]:
    """Name, content and reference of each document: a text, or required and forbidden strings."""
    opened: dict[str, Any] = {}
    for line in (DOCUMENTS / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["format"] not in formats or not entry["reference"]:
            continue
        data, path = (DOCUMENTS / entry["file"]).read_bytes(), DOCUMENTS / entry["reference"]
        data = gzip.decompress(data) if entry["format"] == "html.gz" else data
        if entry["reference_key"] is None:
            yield entry["file"], data, seen(path.read_text())
            continue
        if entry["reference"] not in opened:
            opened[entry["reference"]] = json.loads(path.read_text())
        reference = opened[entry["reference"]][entry["reference_key"]]
        yield entry["file"].removesuffix(".gz"), data, reference.get("articleBody", reference)


def seen(markdown: str) -> str:
    """Markdown without comments, link targets and escapes."""
    text = re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL)
    text = re.sub(r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?:[^()\s]|\([^()]*\))*\)", r"\1", text)
    return html.unescape(re.sub(r"\\([\\`*_{}\[\]()#+.!|>~-])", r"\1", text))


def precision_recall_f1(found: str, reference: str) -> tuple[float, float, float]:
    """Multiset overlap of tokens; 1, 1, 1 if both are empty."""
    got, wanted = Counter(_WORD.findall(found.lower())), Counter(_WORD.findall(reference.lower()))
    if not got and not wanted:
        return 1.0, 1.0, 1.0
    shared = (got & wanted).total()
    return shared / max(got.total(), 1), shared / max(wanted.total(), 1), 2 * shared / (got.total() + wanted.total())


def measure(format_word: str, reader: str) -> dict[str, Any]:
    """Measure a reader; run it in a fresh process, so that time and memory are the reader's."""
    read = ours if reader == OURS else PEERS[format_word][reader]
    scores, failed, seconds, strings = [], 0, 0.0, Counter[str]()
    for name, data, reference in references(FORMATS[format_word]):
        started = time.perf_counter()
        try:
            text = read(data, name)
        except Exception:  # noqa: BLE001 - a library that fails on a document scores zero
            text, failed = "", failed + 1
        seconds += time.perf_counter() - started
        if isinstance(reference, str):
            scores.append(precision_recall_f1(seen(text) if format_word in ("md", "asciidoc") else text, reference))
        else:
            strings["kept"] += sum(string in text for string in reference["with"])
            strings["wanted"] += len(reference["with"])
            strings["unwanted"] += sum(string in text for string in reference["without"])
    means = [round(sum(score[which] for score in scores) / len(scores), 4) for which in range(3)]
    string_f1 = 2 * strings["kept"] / (strings["kept"] + strings["unwanted"] + strings["wanted"]) if strings else None
    return {
        "format": format_word,
        "reader": reader,
        "documents": len(scores),
        "precision": means[0],
        "recall": means[1],
        "f1": means[2],
        "strings_f1": round(string_f1, 4) if string_f1 is not None else None,
        "failed": failed,
        "seconds": round(seconds, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def in_fresh_process(format_word: str, reader: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", __file__, "--measure", format_word, reader]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def facts() -> dict[str, Any]:
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    installed = {name for module, name in LIBRARIES.items() if importlib.util.find_spec(module)} | {"lxml"}
    return {
        "commit": commit or "unknown",
        "machine": {"cpu": model[1] if model else platform.processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in sorted(installed)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--peers", action="store_true", help="measure the libraries the readers were chosen from as well")
    parser.add_argument("--measure", nargs=2, metavar=("FORMAT", "READER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not DOCUMENTS.is_dir():
        print(f"skipped: {DOCUMENTS} is not there; the reference documents are not part of the project")
        return
    if arguments.measure:
        warnings.simplefilter("ignore")
        print(json.dumps(measure(*arguments.measure)))
        return
    rows = []
    print(f"{'format':9} {'reader':15} {'docs':>4} {'prec.':>6} {'recall':>6} {'F1':>6} {'strings':>7} {'s':>6} {'MB':>4}")
    for format_word in FORMATS:
        peers = [name for name in PEERS.get(format_word, {}) if arguments.peers and importlib.util.find_spec(name)]
        for reader in (OURS, *peers):
            row = in_fresh_process(format_word, reader)
            rows.append(row)
            strings = f"{row['strings_f1']:.3f}" if row["strings_f1"] is not None else ""
            figures = f"{row['precision']:6.3f} {row['recall']:6.3f} {row['f1']:6.3f} {strings:>7} {row['seconds']:6.2f}"
            print(f"{format_word:9} {reader:15} {row['documents']:4} {figures} {row['peak_mb']:4}", flush=True)
    about = facts()
    target = ROOT / "benchmarks" / "results" / f"readers-{about['commit']}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({**about, "results": rows}, indent=2) + "\n")
    print(f"written to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""Titles of documents: the share that is right, of the shared documents whose title is known by looking at them.

    python -m benchmarks.documents.titles

`titles.json` has the title that a reader of the first page would name, or the file name where there is none.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.quality.readers import DOCUMENTS


def main() -> None:
    from corpus.sandbox.pool import Sandbox
    from corpus.types import Document

    if not DOCUMENTS.is_dir():
        print(f"skipped: {DOCUMENTS} is not there; the documents are not part of the project")
        return
    titles = json.loads(Path(__file__).with_name("titles.json").read_text())
    right = 0
    with Sandbox() as sandbox:
        for file, title in titles.items():
            found = next((one for one in sandbox.read(DOCUMENTS / file, Path(file).name) if isinstance(one, Document)), None)
            shown = found.title if found else "(not read)"
            if shown.casefold() == title.casefold():
                right += 1
            else:
                print(f"{file}: {shown!r} instead of {title!r}")
    print(f"{right} of {len(titles)} titles are right")


if __name__ == "__main__":
    main()

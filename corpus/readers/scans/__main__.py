"""Says whether OCR is available: `python -m corpus.readers.scans`."""

from __future__ import annotations

import sys

from corpus.readers.scans.tesseract import OcrMissing, Tesseract

_WAY = "apt-get install tesseract-ocr tesseract-ocr-eng (Debian, Ubuntu; -deu and so on for other languages) or brew install tesseract"


def main() -> int:
    """0 if images can be read."""
    try:
        languages = Tesseract().languages
    except OcrMissing as error:
        print(f"OCR is not available: {error}. Install it: {_WAY}", file=sys.stderr)
        return 1
    print(f"OCR reads these languages: {', '.join(languages)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

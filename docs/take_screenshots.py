"""Takes the screenshots that the README shows, from a real server in a real browser: `.venv/bin/python docs/take_screenshots.py`.

Needs Debian's chromium and `pip install playwright`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
QUESTIONS = {"search.png": "When did the London office open?", "not-in-these-documents.png": "What is the capital of France?"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "qa.cli.main", "--data", folder, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True
        )
        try:
            address = _address(server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-background-networking"]
                )
                page = browser.new_page(viewport={"width": 960, "height": 640}, color_scheme="light")
                for name, question in QUESTIONS.items():
                    page.goto(f"{address}/?q={quote(question)}")
                    page.screenshot(path=HERE / name)
                browser.close()
        finally:
            server.terminate()
            server.wait()


def _address(server: subprocess.Popen[str]) -> str:
    for line in server.stderr or ():
        found = re.search(r"http://\S+", line)
        if found:
            return found[0]
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()

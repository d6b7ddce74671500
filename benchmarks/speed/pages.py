"""Time from the arrival of an answer to its paint, bytes per page, and loading of a very long document.

    python -m benchmarks.speed.pages            # prints the figures, writes benchmarks/results/pages-COMMIT.json

Debian's Chromium through Playwright, on a real server with the press release and a document of 300,000 characters. Arrival is
`responseEnd` of the response's resource timing entry. Paint is a message posted from the first animation frame after the results
change, handled after that frame is painted; for pages rendered on the server, first contentful paint. Times are milliseconds.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.speed.processes import Server
from benchmarks.speed.questions import questions
from benchmarks.speed.serving import RESULTS, commit, machine

CHROMIUM = "/usr/bin/chromium"
SWITCHES = (
    "--no-sandbox --disable-background-networking --disable-component-update --disable-sync --no-first-run --disable-quic"
)
ASKED = 60
WIDTHS = (360, 1280)
LONG_PARAGRAPHS = 1_000

WATCH = """
window.painted = [];
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((shift) =>
  shift.hadRecentInput || window.shifts.push(shift.value))).observe({ type: "layout-shift", buffered: true });
addEventListener("DOMContentLoaded", () => {
  const results = document.getElementById("results");
  if (!results) return;
  new MutationObserver(() => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const answers = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/v1/search"));
      window.painted.push(performance.now() - answers.at(-1).responseEnd);
      performance.clearResourceTimings();
    };
    channel.port2.postMessage(null);
  })).observe(results, { childList: true });
});
"""
FIRST_PAINT = """() => {
  const [page] = performance.getEntriesByType("navigation");
  return performance.getEntriesByName("first-contentful-paint")[0].startTime - page.responseEnd;
}"""


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server with its own folder."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", Path(folder) / "log")
        try:
            host, port = server.address
            yield f"http://{host}:{port}"
        finally:
            server.stop()


def add_long_document(address: str) -> str:
    """The address of a passage in the middle of it."""
    rng = random.Random(7)
    words = "harbour mooring quay permit anchor tide signal vessel pilot lantern rope cargo berth channel buoy".split()
    sections = []
    for number in range(LONG_PARAGRAPHS):
        heading = f"## Section {number // 20}\n\n" if number % 20 == 0 else ""
        sections.append(f"{heading}Rule {number} is that {' '.join(rng.choices(words, k=45))}.")
    text = "\n\n".join(sections)
    body = (
        b"".join((b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\nlong\r\n', b"--b\r\n"))
        + b'Content-Disposition: form-data; name="file"; filename="long.md"\r\n\r\n'
        + text.encode()
        + b"\r\n--b--\r\n"
    )
    request = urllib.request.Request(f"{address}/v1/documents", body, {"Content-Type": "multipart/form-data; boundary=b"})
    job = json.load(urllib.request.urlopen(request))["job"]
    while not (job := json.load(urllib.request.urlopen(f"{address}/v1/jobs/{job['id']}")))["finished"]:
        time.sleep(1)
    found = json.load(urllib.request.urlopen(f"{address}/v1/search?q=Rule+{LONG_PARAGRAPHS // 2}"))["results"]
    passage = next(result["id"] for result in found if result["document"]["id"] == "long")
    return f"/d/long#{passage}"


def window(browser: Browser, address: str, width: int) -> Page:
    page = browser.new_context(base_url=address, viewport={"width": width, "height": 800}).new_page()
    page.add_init_script(WATCH)
    return page


def answers_by_script(page: Page, asked: Sequence[str]) -> tuple[list[float], float]:
    """Milliseconds from arrival to paint, and the total layout shift."""
    page.goto("/")
    for number, question in enumerate(asked, 1):
        page.evaluate(
            "q => { document.querySelector('#q').value = q; document.querySelector('form').requestSubmit(); }", question
        )
        page.wait_for_function("n => window.painted.length >= n", arg=number)
    return list(page.evaluate("window.painted")), sum(page.evaluate("window.shifts"))


def answers_by_server(page: Page, asked: Sequence[str]) -> tuple[list[float], float]:
    times, shifts = [], 0.0
    for question in asked:
        page.goto(f"/?q={quote_plus(question)}", wait_until="load")
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
        times.append(float(page.evaluate(FIRST_PAINT)))
        shifts += sum(page.evaluate("window.shifts"))
    return times, shifts


def weight(browser: Browser, address: str, path: str) -> int:
    """Bytes that a page loads with an empty cache, before compression."""
    page = browser.new_context(base_url=address).new_page()
    loaded: list[Any] = []
    page.on("response", lambda response: loaded.append(response))
    page.goto(path, wait_until="networkidle")
    total = sum(len(response.body()) for response in loaded)
    page.context.close()
    return total


def long_document(page: Page, path: str) -> dict[str, Any]:
    """Milliseconds from the click to the paint of the passage."""
    began = time.perf_counter()
    page.goto(path, wait_until="domcontentloaded")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    seconds = time.perf_counter() - began
    page.wait_for_timeout(1_000)
    top = page.evaluate("document.querySelector(':target').getBoundingClientRect().top")
    return {
        "characters": page.evaluate("document.querySelector('.text').textContent.length"),
        "milliseconds until painted": round(seconds * 1000),
        "passage in view": 0 <= top < 800,
        "layout shift": sum(page.evaluate("window.shifts")),
    }


def summary(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(len(ordered) * 0.95)], 1),
        "most": round(ordered[-1], 1),
    }


def main() -> None:
    if not Path(CHROMIUM).exists():
        print(f"there is no {CHROMIUM}, so pages are not measured: apt-get install chromium")
        return
    report: dict[str, Any] = {"commit": commit(), "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES.split())
        report["browser"] = browser.version
        asked = questions(ASKED)
        report["bytes of a page"] = {
            path: weight(browser, address, path) for path in ("/", f"/?q={quote_plus(asked[0])}", "/chat")
        }
        for width in WIDTHS:
            for name, ask in (("by the script", answers_by_script), ("by the server", answers_by_server)):
                page = window(browser, address, width)
                times, shifts = ask(page, asked)
                report[f"from arrival to paint, {name}, {width} px"] = summary(times) | {
                    "layout shift": shifts,
                    "answers": len(times),
                }
                page.context.close()
        path = add_long_document(address)
        for width in WIDTHS:
            page = window(browser, address, width)
            report[f"a long document, {width} px"] = long_document(page, path)
            page.context.close()
        browser.close()
    file = RESULTS / f"pages-{report['commit']}.json"
    file.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    print(f"written to {file}")


if __name__ == "__main__":
    main()

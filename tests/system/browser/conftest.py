"""Fixtures: Debian's Chromium driven by Playwright, a server with every page turned on, and axe-core."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Server, StartServer
from tests.qa.web.api.documents import pdf_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

    Axe = Callable[..., list[str]]
    OpenPage = Callable[..., Page]

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")

# An assertion about a page waits for it: a click returns before the next page is there.
expect = sync_api.expect
expect.set_options(timeout=20_000)

CHROMIUM = Path("/usr/bin/chromium")
OFFLINE = (
    "--no-sandbox --disable-background-networking --disable-component-update --disable-sync --no-first-run --disable-quic"
).split()
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

# Records what a page must not do: policy violations, scripts from documents, layout shifts.
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.executed = (what) => window.violations.push(`executed ${what}`);
window.alert = window.confirm = window.prompt = window.executed;
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((shift) =>
  shift.hadRecentInput || window.shifts.push(shift.value))).observe({ type: "layout-shift", buffered: true });
"""

SERVICES = [
    {
        "id": "/library-card",
        "title": "Renew your library card",
        "url": "https://www.example.org/library-card",
        "date": "2024-03-05",
        "metadata": {"team": "Library"},
        "text": "You can renew a library card at any hour. A card is renewed within three working days.\n\n"
        "The fee is £12 a year for adults; children under 16 pay nothing.",
    },
    {
        "id": "/parking-permit",
        "title": "Apply for a parking permit",
        "url": "https://www.example.org/parking-permit",
        "date": "2025-01-20",
        "text": "Residents apply with the number of their car. The permit costs £85 a year.\n\n"
        "A visitor’s permit lasts one day and costs £4. 🅿️ Signs show where it holds.",
    },
]
GUIDE = """# Harbour guide

An introduction to the harbour, for those who come by boat.

## Mooring

Visiting boats moor at the north quay for up to three nights.

### Fees

The mooring fee is £18 a night. Boats under six metres pay half.

## Rules

No fires on deck. Speed is limited to four knots inside the harbour.
"""


@dataclass(frozen=True, slots=True)
class OtherSite:
    """A web server that serves the HTML in `pages`, by path."""

    port: int
    pages: dict[str, str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class ConsoleLog:
    """Errors and warnings in a page's console."""

    entries: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.entries.append(f"error: {error}"))
        page.on("console", lambda message: self._record(message))

    def _record(self, message: ConsoleMessage) -> None:
        # Some tests expect error statuses.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.entries.append(message.text)


@pytest.fixture(scope="session")
def chromium() -> Path:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    return CHROMIUM


# Module scope: while Playwright runs, its event loop blocks other tests' event loops in this process.
@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(chromium), args=OFFLINE)
        yield running
        running.close()


@pytest.fixture(scope="session")
def other_site() -> Iterator[OtherSite]:
    """Another origin."""
    pages: dict[str, str] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield OtherSite(server.server_port, pages)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def site(data_folder: Callable[[], Path], start_server: StartServer, other_site: OtherSite, chromium: Path) -> Iterator[Server]:
    """A server with every page turned on, and documents of several sources, types and years. `other_site` may embed it."""
    settings = {
        "QA_FEEDBACK": "true",
        "QA_KEEP_QUESTIONS": "true",
        "QA_EMBED_ORIGINS": other_site.address,
    }
    with start_server(data_folder(), **settings) as running:
        lines = "\n".join(json.dumps(record) for record in SERVICES)
        earlier = lines.replace("costs £85 a year", "cost £80 last year. It is blue")
        for name, body in (("services.jsonl", earlier), ("services.jsonl", lines), ("harbour.md", GUIDE)):
            job = running.upload(name, body.encode()).json()["job"]
            assert running.finished(job)["status"] == "done"
        assert running.finished(running.upload("ferry.pdf", pdf_file(), id="/ferry").json()["job"])["status"] == "done"
        yield running
        assert "Traceback" not in running.log, running.log


@pytest.fixture
def open_page(browser: Browser, site: Server) -> Iterator[OpenPage]:
    """Opens an address of the site in a new browser context. After the test no page may have violated its policy or logged an error."""
    opened: list[tuple[Page, ConsoleLog]] = []

    def make(
        address: str | None = "/",
        *,
        base: str = "",
        width: int = 1280,
        scheme: str = "light",
        scripts: bool = True,
        **options: Any,
    ) -> Page:
        context = browser.new_context(
            base_url=base or site.address,
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=scripts,
            **options,
        )
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH)
        page, console = context.new_page(), ConsoleLog()
        console.attach(page)
        opened.append((page, console))
        if address is not None:
            page.goto(address)
        return page

    yield make
    for page, console in opened:
        violations = page.evaluate("window.violations ?? []") if page.context.pages else []
        page.context.close()
        assert console.entries == []
        assert violations == []


@pytest.fixture(scope="session")
def axe() -> Axe:
    """Returns the axe-core rules that a page breaks, with the elements: of all rules, or of those with some tags."""
    if not AXE.exists():
        pytest.skip(f"axe-core is not installed: npm ci --prefix {AXE.parent.parent.parent}")
    source = AXE.read_text("utf-8")

    def run(page: Page, *tags: str) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        options = {"resultTypes": ["violations"]} | ({"runOnly": list(tags)} if tags else {})
        found = page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    return run

"""The search box in a page of another origin: isolated, and refused to origins that are not allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.system.browser.conftest import OpenPage, OtherSite

HOST = """<!doctype html><html lang="en"><title>Town council</title>
<style>h1, p, a, button {{ color: rgb(255, 0, 0) !important; font-size: 60px !important }}</style>
<h1>Town council</h1><script src="{address}/static/embed.js" data-title="Ask the council"></script><p id="after">After</p></html>"""


@pytest.fixture
def host(other_site: OtherSite, site: Server) -> str:
    """The path of a page that embeds the box by script."""
    other_site.pages["/host"] = HOST.format(address=site.address)
    return "/host"


def test_script_embeds_the_box(open_page: OpenPage, other_site: OtherSite, site: Server, host: str) -> None:
    page = open_page(None)
    page.goto(f"{other_site.address}{host}")
    frame = page.frame_locator("iframe[title='Ask the council']")
    frame.get_by_label("Ask these documents").fill("mooring fee")
    frame.locator("#results .answer", has_text="£18 a night").wait_for()
    style = frame.locator("#results .answer blockquote").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).fontSize]"
    )
    assert "rgb(255, 0, 0)" not in style
    assert "60px" not in style
    assert page.locator("h1").inner_text() == "Town council"
    # The frame follows its content's height.
    page.wait_for_function("() => document.querySelector('iframe').offsetHeight > 600")
    assert frame.locator("html").evaluate("e => e.scrollHeight <= e.clientHeight + 1")
    with page.context.expect_page() as opened:
        frame.locator("#results h3 a").first.click()
    assert opened.value.url.startswith(f"{site.address}/d/harbour-")


def test_other_origins_are_refused(browser: Browser, other_site: OtherSite, host: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"http://localhost:{other_site.port}{host}")  # another name, so another origin
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in words for words in refused)
    (frame,) = page.frames[1:]
    assert frame.locator("#q").count() == 0
    context.close()


def test_only_the_embed_page_allows_frames_and_only_if_set(server: Server, site: Server, other_site: OtherSite) -> None:
    assert "frame-ancestors 'none'" in server.get("/embed").headers["Content-Security-Policy"]
    assert f"frame-ancestors {other_site.address}" in site.get("/embed").headers["Content-Security-Policy"]
    for target in ("/", "/d//parking-permit", "/manage"):
        assert "frame-ancestors 'none'" in site.get(target).headers["Content-Security-Policy"]


def test_plain_frame_works_without_scripts(open_page: OpenPage, other_site: OtherSite, site: Server) -> None:
    other_site.pages["/plain"] = (
        f'<!doctype html><iframe src="{site.address}/embed" title="Ask" width="800" height="600"></iframe>'
    )
    page = open_page(None, scripts=False)
    page.goto(f"{other_site.address}/plain")
    frame = page.frame_locator("iframe")
    frame.get_by_label("Ask these documents").fill("mooring fee")
    frame.get_by_role("button", name="Ask").click()
    frame.locator("#results .answer", has_text="£18 a night").wait_for()

"""The search box in a page of another site: there for allowed origins, refused to others, and neither page touches the other."""

from __future__ import annotations

from typing import Any

import pytest

HOST = """<!doctype html><html lang="en"><title>Town council</title>
<style>h1, p, a, button {{ color: rgb(255, 0, 0) !important; font-size: 60px !important }}</style>
<h1>Town council</h1><script src="{address}/static/embed.js" data-title="Ask the council"></script><p id="after">After</p></html>"""


@pytest.fixture
def host(elsewhere: Any, site: Any) -> str:
    """The path of a page with the one line in it."""
    elsewhere.pages["/host"] = HOST.format(address=site.address)
    return "/host"


def test_one_line_puts_the_box_into_another_page(open_page: Any, elsewhere: Any, site: Any, host: str) -> None:
    page = open_page(None)
    page.goto(f"http://127.0.0.1:{elsewhere.server_port}{host}")
    frame = page.frame_locator("iframe[title='Ask the council']")
    frame.get_by_label("Ask these documents").fill("mooring fee")
    frame.locator("#found .answer", has_text="£18 a night").wait_for()
    style = frame.locator("#found .answer blockquote").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).fontSize]"
    )
    assert "rgb(255, 0, 0)" not in style
    assert "60px" not in style
    assert page.locator("h1").inner_text() == "Town council"
    # The frame grew with what is in it, and what stands after it moved down.
    page.wait_for_function("() => document.querySelector('iframe').offsetHeight > 600")
    assert frame.locator("html").evaluate("e => e.scrollHeight <= e.clientHeight + 1")
    with page.context.expect_page() as opened:
        frame.locator("#found h3 a").first.click()
    assert opened.value.url.startswith(f"{site.address}/d/harbour-")


def test_a_page_of_any_other_origin_is_refused_the_frame(browser: Any, elsewhere: Any, host: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"http://localhost:{elsewhere.server_port}{host}")  # another name, so another origin
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in words for words in refused)
    (frame,) = page.frames[1:]
    assert frame.locator("#q").count() == 0
    context.close()


def test_nobody_may_embed_it_unless_the_operator_says_so(server: Any, site: Any, elsewhere: Any) -> None:
    assert "frame-ancestors 'none'" in server.get("/embed").headers["Content-Security-Policy"]
    assert f"frame-ancestors http://127.0.0.1:{elsewhere.server_port}" in site.get("/embed").headers["Content-Security-Policy"]
    for target in ("/", "/d//parking-permit", "/upload"):
        assert "frame-ancestors 'none'" in site.get(target).headers["Content-Security-Policy"]


def test_it_works_without_scripts_in_a_plain_frame(open_page: Any, elsewhere: Any, site: Any) -> None:
    elsewhere.pages["/plain"] = (
        f'<!doctype html><iframe src="{site.address}/embed" title="Ask" width="800" height="600"></iframe>'
    )
    page = open_page(None, scripts=False)
    page.goto(f"http://127.0.0.1:{elsewhere.server_port}/plain")
    frame = page.frame_locator("iframe")
    frame.get_by_label("Ask these documents").fill("mooring fee")
    frame.get_by_role("button", name="Ask").click()
    frame.locator("#found .answer", has_text="£18 a night").wait_for()

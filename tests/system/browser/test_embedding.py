"""The search box in a page of another origin: isolated, and refused to origins that are not allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import Server
from tests.system.browser.conftest import expect

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
    expect(page.locator("h1")).to_have_text("Town council")
    # The frame follows its content's height.
    page.wait_for_function("() => document.querySelector('iframe').offsetHeight > 600")
    assert frame.locator("html").evaluate("e => e.scrollHeight <= e.clientHeight + 1")
    with page.context.expect_page() as opened:
        frame.locator("#results h3 a").first.click()
    assert opened.value.url.startswith(f"{site.address}/d/harbour-")


def test_frames_of_other_origins_say_what_to_do(browser: Browser, other_site: OtherSite, host: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    origin = f"http://localhost:{other_site.port}"  # another name, so another origin
    page.goto(f"{origin}{host}")
    frame = page.frame_locator("iframe")
    frame.get_by_text(f"QA_EMBED_ORIGINS={origin}").wait_for()
    expect(frame.locator("#q")).to_have_count(0)
    context.close()


LOOK = (
    "data-heading='Frag <b>uns</b>' data-placeholder='Deine Frage' data-language='de' data-theme='dark' data-color='#ff8800'"
    " data-background='red;background:url(https://evil.example/x)' data-font='Georgia, serif' data-type='html' data-unknown='1'"
)


def test_attributes_give_the_look_and_nothing_else(open_page: OpenPage, other_site: OtherSite, site: Server) -> None:
    other_site.pages["/look"] = f'<!doctype html><body><script src="{site.address}/static/embed.js" {LOOK}></script></body>'
    page = open_page(None)
    page.goto(f"{other_site.address}/look")
    frame = page.frame_locator("iframe")
    heading = frame.locator("h1 label")
    heading.get_by_text("Frag <b>uns</b>").wait_for()
    assert heading.get_attribute("lang") == "de"
    assert frame.locator("#q").get_attribute("placeholder") == "Deine Frage"
    root = frame.locator("html").evaluate("e => [e.style.cssText, getComputedStyle(e).colorScheme]")
    assert root == ["color-scheme: dark; --link: #ff8800;", "dark"]
    assert frame.locator("body").evaluate("e => getComputedStyle(e).fontFamily") == "Georgia, serif"
    expect(frame.locator("a.chip", has_text="Type: html")).to_have_count(1)


def test_only_the_embed_page_allows_frames_and_only_if_set(server: Server, site: Server, other_site: OtherSite) -> None:
    assert "frame-ancestors 'none'" in server.get("/embed").headers["Content-Security-Policy"]
    assert f"frame-ancestors {other_site.address}" in site.get("/embed").headers["Content-Security-Policy"]
    for target in ("/", "/d//parking-permit", "/manage"):
        assert "frame-ancestors 'none'" in site.get(target).headers["Content-Security-Policy"]


def test_a_frame_of_another_origin_gets_no_documents(site: Server, other_site: OtherSite) -> None:
    framed = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
    refused = site.request("GET", "/embed?q=mooring", headers=framed | {"Referer": "https://other.example/"})
    assert (refused.status, "https://other.example" in refused.text, "mooring" in refused.text) == (403, True, False)
    assert refused.headers["Content-Security-Policy"].endswith("frame-ancestors https://other.example")
    hostile = site.request("GET", "/embed", headers=framed | {"Referer": "https://a;script-src *"})
    assert f"frame-ancestors {other_site.address}" in hostile.headers["Content-Security-Policy"]
    allowed = site.request("GET", "/embed?q=mooring", headers=framed | {"Referer": f"{other_site.address}/"})
    assert allowed.status == 200


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

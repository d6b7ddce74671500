"""The manager's page in a browser: the life of documents by mouse, by keyboard and without scripts; adding by dropping."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.conftest import Server
from tests.qa.web.api.documents import pdf_file
from tests.system.browser.conftest import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from tests.system.browser.conftest import OpenPage

    Press = Callable[[Page, Locator], None]

MOST_TABS = 200


def click(page: Page, target: Locator) -> None:
    target.click()


def press_enter(page: Page, target: Locator) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")


def tab_to(page: Page, target: Locator) -> None:
    for _ in range(MOST_TABS):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no key leads to {target}")


def choose(page: Page, press: Press, target: Locator, *files: tuple[str, bytes]) -> None:
    with page.expect_file_chooser() as chooser:
        press(page, target)
    chooser.value.set_files([{"name": name, "mimeType": "", "buffer": body} for name, body in files])


def find(page: Page, press: Press, words: str) -> Locator:
    """Search the list by title; the rows that it shows."""
    box = page.get_by_role("searchbox", name="Title or file name")
    press(page, box) if press is click else tab_to(page, box)
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(words)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    return page.locator("tbody tr")


def only(rows: Locator) -> Locator:
    expect(rows).to_have_count(1)
    return rows


def added(page: Page, name: str) -> Locator:
    return page.locator(".files li", has_text=name)


@pytest.mark.parametrize("press", [click, press_enter], ids=["mouse", "keyboard"])
def test_life_of_documents(open_page: OpenPage, site: Server, press: Press) -> None:
    # Words that only the documents of this run hold.
    about = {click: "heron", press_enter: "osprey"}[press]
    page, plan = open_page("/manage"), pdf_file()
    files = [
        (f"{about} {n}.txt", f"The {about} {n} nests in reed bed {n}.".encode()) for n in ("alpha", "beta", "gamma", "delta")
    ]
    choose(page, press, page.get_by_label("Choose files"), *files, (f"{about} plan.pdf", b"%PDF-1.4 broken"))
    for name, _ in files:
        added(page, name).get_by_text("Added", exact=True).wait_for()

    # The broken one stays listed, also after a reload, and fails again.
    failure = page.locator("#failures li", has_text=f"{about} plan.pdf")
    failure.get_by_text("damaged").wait_for()
    page.reload()
    press(page, failure.get_by_role("button", name="Try again"))
    page.wait_for_url("**job=*")
    failure.get_by_text("damaged").wait_for()
    choose(page, press, page.get_by_label("Choose files"), (f"{about} plan.pdf", plan))
    added(page, "plan.pdf").get_by_text("Added", exact=True).wait_for()
    failure.wait_for(state="detached")

    for name, _ in files:
        row = only(find(page, press, name.removesuffix(".txt")))
        expect(row).to_contain_text(name)
    assert site.search(f"Where does the {about} beta nest?")["answer"]["text"] == f"The {about} beta nests in reed bed beta."
    row = only(find(page, press, f"{about} plan"))
    with page.expect_download() as download:
        press(page, row.get_by_role("link", name="Download"))
    assert download.value.path().read_bytes() == plan
    page.goto("/?" + urlencode({"q": "How much is the ferry to the island?", "source": f"{about} plan.pdf"}))
    press(page, page.get_by_role("link", name="Show page").first)
    page.wait_for_url("**/page/2?*")
    page.get_by_role("img", name="with the quote in boxes").wait_for()
    expect(page.locator("svg rect")).not_to_have_count(0)
    page.goto("/manage")

    row = only(find(page, press, f"{about} beta"))
    press(page, row.get_by_role("link", name="Replace"))
    choose(
        page,
        press,
        page.get_by_label("The new version"),
        ("another name.txt", f"The {about} beta moved to the old mill.".encode()),
    )
    press(page, page.get_by_role("button", name="Replace"))
    added(page, "another name.txt").get_by_text("Replaced", exact=True).wait_for()
    assert not [r for r in site.search(f"{about} beta nests in reed bed beta")["results"] if "reed bed beta" in r["text"]]
    assert site.search(f"Where did the {about} beta move?")["answer"]["text"] == f"The {about} beta moved to the old mill."

    row = only(find(page, press, "another name"))
    press(page, row.get_by_role("link", name="Edit"))
    title = page.get_by_label("Title")
    press(page, title) if press is click else tab_to(page, title)
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(f"The {about} of the mill")
    press(page, page.get_by_role("button", name="Save"))
    page.get_by_text("Saved.").wait_for()
    press(page, page.get_by_role("link", name="All documents"))

    row = only(find(page, press, f"{about} of the mill"))
    press(page, row.get_by_role("link", name="Remove"))
    page.get_by_role("heading", name="Remove this document?").wait_for()
    press(page, page.get_by_role("button", name="Remove"))
    page.get_by_text("1 document was removed.").wait_for()
    expect(find(page, press, f"{about} of the mill")).to_have_count(0)
    assert not [r for r in site.search(f"{about} old mill")["results"] if about in r["text"] and "mill" in r["text"]]

    # The others together.
    find(page, press, about)
    everything = page.get_by_label("Select all on this page")
    everything.click() if press is click else (tab_to(page, everything), page.keyboard.press("Space"))
    press(page, page.get_by_role("button", name="Remove 4 selected…"))
    page.get_by_role("heading", name="Remove these 4 documents?").wait_for()
    press(page, page.get_by_role("button", name="Remove"))
    page.get_by_text("4 documents were removed.").wait_for()


def test_life_without_scripts(open_page: OpenPage, site: Server) -> None:
    page = open_page("/manage", scripts=False)
    files = [("gulls.txt", b"Gulls may not be fed on the quay."), ("empty.txt", b"")]
    page.get_by_label("Choose files").set_input_files([{"name": n, "mimeType": "text/plain", "buffer": b} for n, b in files])
    page.get_by_role("button", name="Add", exact=True).click()
    wait_for_jobs(page)
    expect(added(page, "gulls.txt").get_by_text("Added")).to_be_visible()
    failure = page.locator("#failures li", has_text="empty.txt")
    failure.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("1 failure was dismissed.")).to_be_visible()
    expect(failure).to_have_count(0)

    page.get_by_label("Title or file name").fill("gulls")
    page.get_by_role("button", name="Show").click()
    row = only(page.locator("tbody tr"))
    row.get_by_role("link", name="Edit").click()
    page.get_by_label("Date").fill("21 July 2025")
    page.get_by_text("Add a field").click()
    page.get_by_label("Name").fill("team")
    page.get_by_label("Value").fill("Harbour")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("team")).to_have_value("Harbour")
    page.get_by_label("Date").fill("soon")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("must be a date such as 2025-07-21")).to_be_visible()
    page.get_by_label("The new version").set_input_files(
        [{"name": "gulls.txt", "mimeType": "", "buffer": b"Feed the gulls at noon."}]
    )
    page.get_by_role("button", name="Replace").click()
    wait_for_jobs(page)
    expect(added(page, "gulls.txt").get_by_text("Replaced")).to_be_visible()

    row = only(page.locator("tbody tr"))  # the search was kept
    expect(row).to_contain_text("21 Jul 2025")
    row.get_by_label("Select gulls").check()
    page.get_by_role("button", name="Remove selected…").click()
    page.get_by_role("link", name="Cancel").click()
    row.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("1 document was removed.")).to_be_visible()
    expect(page.get_by_text("No document matches.")).to_be_visible()


def wait_for_jobs(page: Page) -> None:
    page.wait_for_url("**job=*")
    for _ in range(100):
        if page.get_by_role("link", name="Refresh").count() == 0:
            return
        page.reload()
        page.wait_for_timeout(100)
    raise AssertionError("a job is not finished")


def test_uploads_show_progress_and_outcome(open_page: OpenPage, site: Server) -> None:
    page = open_page("/manage")
    lines = b'{"id": "one", "title": "One", "text": "Anchors weigh."}\n{"id": "two", "title": "Two", "text": "Sails set."}'
    files = [("tides.txt", b"High tide at the harbour was at noon on Sunday."), ("two.jsonl", lines)]
    held: list[Route] = []
    page.route("**/v1/jobs/*", lambda route: held.append(route) if not held else route.continue_())
    page.get_by_label("Choose files").set_input_files([{"name": n, "mimeType": "", "buffer": b} for n, b in files])
    page.get_by_text("Processing").first.wait_for()
    expect(page.get_by_role("progressbar")).not_to_have_count(0)
    held[0].continue_()
    added(page, "tides.txt").get_by_text("Added", exact=True).wait_for()
    added(page, "two.jsonl").get_by_text("Added: 2 documents").wait_for()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.locator("tbody tr", has_text="tides.txt").wait_for()  # the list is brought up to date
    assert "High tide" in site.search("when was high tide")["results"][0]["text"]


def test_the_list_keeps_selection_and_focus_when_it_is_brought_up_to_date(open_page: OpenPage) -> None:
    page = open_page("/manage?sort=title")
    box = page.get_by_label("Select Harbour guide")
    box.check()
    page.get_by_label("Choose files").set_input_files([{"name": "zander.txt", "mimeType": "", "buffer": b"Zander swim here."}])
    page.get_by_role("link", name="Edit Harbour guide").focus()
    page.locator("tbody tr", has_text="zander.txt").wait_for()
    expect(box).to_be_checked()
    expect(page.get_by_role("button", name="Remove 1 selected…")).to_be_enabled()
    assert page.get_by_role("link", name="Edit Harbour guide").evaluate("(link) => link === document.activeElement")


DROP = """(files) => {
  const over = { dataTransfer: files, bubbles: true, cancelable: true };
  const form = document.querySelector(".drop");
  form.dispatchEvent(new DragEvent("dragover", over));
  form.dispatchEvent(new DragEvent("drop", over));
}"""


def test_uploads_dropped_files(open_page: OpenPage) -> None:
    page = open_page("/manage")
    page.evaluate(
        f"""() => {{
          const files = new DataTransfer();
          files.items.add(new File(["The lighthouse keeper rests on Mondays."], "keeper.txt"));
          ({DROP})(files);
        }}"""
    )
    added(page, "keeper.txt").get_by_text("Added", exact=True).wait_for()


def test_uploads_the_files_of_a_folder(open_page: OpenPage, site: Server, tmp_path: Any) -> None:
    page = open_page("/manage")
    for name in ("lamps/north.txt", "lamps/old/north.txt", "lamps/.hidden/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"The lamp of {name} is lit at dusk.", "utf-8")
    page.locator("#folder").set_input_files(tmp_path / "lamps")
    for name in ("lamps/north.txt", "lamps/old/north.txt"):
        page.locator(".files li", has=page.get_by_text(name, exact=True)).get_by_text("Added", exact=True).wait_for()
    expect(page.locator(".files li")).to_have_count(2)
    sources = [document["source"] for document in site.get("/v1/documents?title=north").json()["data"]]
    assert sorted(sources) == ["lamps/north.txt", "lamps/old/north.txt"]


def test_refuses_large_files_before_the_upload(open_page: OpenPage) -> None:
    page = open_page("/manage")
    page.evaluate(
        """() => {
          const file = new File(["x"], "large.txt");
          Object.defineProperty(file, "size", { value: 51e6 });
          const drop = new Event("drop", { bubbles: true, cancelable: true });
          Object.defineProperty(drop, "dataTransfer", { value: { files: [file] } });
          document.querySelector(".drop").dispatchEvent(drop);
        }"""
    )
    page.locator(".reason", has_text=re.compile("The file is too large. The limit is 50 MB.")).wait_for()

"""How the page shows answers: the span in bold, lists, table rows, several quotes, and what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.qa.web import prepared_answers as prepared
from tests.qa.web.pages.test_pages import Page


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("prepared")
    return prepared.prepared_app(folder)


def shown(app: Flask, question: str, **parameters: str) -> Page:
    response = app.test_client().get("/", query_string={"q": question, **parameters})
    assert response.status_code == 200
    return Page(response.get_data(as_text=True))


def letters(text: str) -> str:
    """Without white space, which separates blocks on the page."""
    return "".join(text.split())


@pytest.mark.parametrize(
    ("question", "span"),
    [
        (prepared.SPAN, "£300 🔥 <b>a winter</b>\nif"),
        (prepared.WHOLE, prepared.SENTENCE),
        (prepared.CUT, "over 66"),
    ],
)
def test_the_span_is_bold_inside_the_quote(app: Flask, question: str, span: str) -> None:
    page = shown(app, question)
    assert page.inside["strong"] == [span]
    assert span in page.inside["blockquote"][0]
    assert "b" not in page.inside  # the document's markup is text


def test_a_quote_without_a_span_has_nothing_in_bold(app: Flask) -> None:
    page = shown(app, prepared.NO_SPAN)
    assert page.inside["blockquote"] == [prepared.SENTENCE]
    assert "strong" not in page.inside


def test_a_list_is_shown_as_a_list_with_its_lead_in(app: Flask) -> None:
    page = shown(app, prepared.LISTED)
    steps, conditions = page.inside["blockquote"]
    assert letters(steps) == letters(prepared.STEPS)
    assert letters(conditions) == letters(prepared.LIST)
    assert (
        "<ol><li>1. <strong>Fill in the form.</strong></li><li><strong>2. Send it</strong> by 31 March.</li></ol>"
        in page.source
    )
    assert (
        "<ul><li>- are over 66</li><li>- live in England &amp; Wales\n  all year</li><li>- pay &lt;script&gt;<strong>"
        in page.source
    )
    # The span crosses two steps.
    assert page.inside["strong"] == ["Fill in the form.", "2. Send it", "rent</script>"]
    assert "To apply:" in page.inside["p"]


def test_an_item_is_shown_with_its_lead_in(app: Flask) -> None:
    page = shown(app, prepared.ITEM)
    assert page.inside["blockquote"] == ["You can apply if you:- live in England & Wales\n  all year"]
    assert {"class": "lead-in"} in page.attributes("p")


def test_a_cut_list_links_to_the_rest(app: Flask) -> None:
    page = shown(app, prepared.CUT)
    place = page.inside["a"].index("and 7 more")
    assert re.fullmatch(r"/d/heating\?start=\d+&end=\d+&version=[0-9a-f]{12}#quote", page.attributes("a")[place]["href"] or "")
    assert "rent" not in page.inside["blockquote"][0]


def test_a_table_row_is_shown_with_its_column_heads(app: Flask) -> None:
    page = shown(app, prepared.ROW)
    assert (page.inside["dt"], page.inside["dd"]) == (["Age", "Amount", "Paid"], ["66 to 79", "£200", "in November"])
    assert page.inside["strong"] == ["£200"]
    unfit = shown(app, prepared.UNFIT_ROW)
    assert unfit.inside["blockquote"] == ["Age | Amount66 to 79 | £200 | in November"]


def test_other_answers_follow_with_their_own_labels_and_sources(app: Flask) -> None:
    page = shown(app, prepared.SEVERAL)
    assert page.inside["h2"][:2] == ["Likely the answer", "Other answers"]
    assert page.inside["h3"][:2] == ["Closest found", "Closest found"]
    assert len(page.inside["blockquote"]) == 3
    assert page.text.count("Heating & you") >= 3
    one = shown(app, prepared.LISTED)
    assert one.inside["h2"][:2] == ["Likely the answer", "Another answer"]
    assert one.inside["h3"][0] == "Likely the answer"  # exactly .8
    assert "Another answer" not in shown(app, prepared.SPAN).text


def test_explains_the_units_considered_and_what_decided(app: Flask) -> None:
    plain, page = shown(app, prepared.SEVERAL), shown(app, prepared.SEVERAL, explain="true")
    assert "Units considered" not in plain.text
    units = page.text[page.text.index("Units considered") :]
    assert "What put the first before the second: coverage +0.50." in units
    assert "sentenceprobability 0.93reading model 1.50coverage 0.50 (+1.00)rank 2.00" in units
    assert "rowprobability 0.60coverage 0.50 (+0.50)rank 2.00" in units  # the reading model did not read it
    assert "£300 🔥 <b>a winter</b>\nif" in page.inside["strong"][-2:]
    # The page explains the next question too, without the script that would not.
    assert {"type": "hidden", "name": "explain", "value": "true"} in page.attributes("input")
    assert page.attributes("script") == []


@pytest.mark.parametrize("value", ["1", "yes", ""])
def test_refuses_another_value_of_explain(app: Flask, value: str) -> None:
    response = app.test_client().get(f"/?q=x&explain={value}")
    assert response.status_code == 422
    assert "In this address, explain must be true or false." in response.get_data(as_text=True)


def test_says_what_the_documents_do_not_mention(app: Flask) -> None:
    page = shown(app, prepared.MISSING)
    assert page.inside["h2"][0] == "Not in these documents"
    assert "These documents say nothing about Germany or <i>1999</i>." in page.inside["p"]
    assert "say nothing about" not in shown(app, prepared.SPAN).text

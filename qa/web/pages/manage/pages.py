"""The blueprint of the manager's pages, and what their templates use."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from flask import Blueprint

from corpus.languages import name as language_name
from qa.web.pages.manage import adding, curation_page, document_form, health_page, list_page, removal, settings_page
from qa.web.pages.presentation import format_date
from qa.web.schemas.addresses import short_version

blueprint = Blueprint("manage", __name__)
for page in (list_page, adding, document_form, removal, curation_page, health_page, settings_page):
    blueprint.register_blueprint(page.blueprint)
blueprint.add_app_template_global(short_version)


@blueprint.app_template_global()
def short_date(date: str | None) -> str:
    """An ISO 8601 date as 21 Jul 2025."""
    return re.sub(r"(?<= [A-Z][a-z]{2})[a-z]+(?= )", "", format_date(date))


@blueprint.app_template_global()
def named_language(code: str | None) -> str:
    return language_name(code) if code else ""


@blueprint.app_template_global()
def query_string(**fields: str) -> str:
    """The fields that are not empty, as a query string."""
    return urlencode({name: value for name, value in fields.items() if value})

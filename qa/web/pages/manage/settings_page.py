"""`/manage/settings`: the values of the settings that the server runs with. Secrets are not shown, and keys are made by `qa key` only."""

from __future__ import annotations

from flask import Blueprint, render_template

from qa.settings.listing import rows
from qa.settings.reading import Configuration
from qa.web.current import settings
from qa.web.pages.manage.address import require_manage_page
from qa.web.routes import WRITE, route

blueprint = Blueprint("settings", __name__)


@route(blueprint, "GET", "/manage/settings", WRITE, public=False)
def settings_page() -> str:
    require_manage_page()
    every = list(rows(Configuration(settings(), {}, None)))
    return render_template(
        "manage/settings.html",
        changed=[row for row in every if row.value != row.default],
        others=[row for row in every if row.value == row.default],
    )

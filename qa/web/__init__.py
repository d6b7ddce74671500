"""The HTTP interface: application, server, JSON routes and pages.

In: HTTP requests. Out: JSON, pages, metrics. `server` reads requests and sheds load, `access` checks hosts, keys and quotas, `api` and
`pages` hold the views, declared with `routes`, `schemas` their requests and responses; `telemetry` observes them. `application` builds the
Flask application, and `current` gives views its service and settings.
"""

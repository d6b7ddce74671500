"""`/mcp`: the Model Context Protocol over streamable HTTP, for programs that have passed the gate like all others."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request

from qa.web.asked import keep_question
from qa.web.current import service, site
from qa.web.routes import READ, route
from qa.web.schemas.problems import Problem

blueprint = Blueprint("mcp", __name__)

_SERVER = "quotable-mcp"


@route(blueprint, "POST", "/mcp", READ)
def model_context_protocol() -> Response:
    """Answers one message. Without sessions there is nothing to GET or DELETE."""
    service()  # 503 until the documents are open
    try:
        from qa.mcp.http import respond
    except ModuleNotFoundError as error:
        raise Problem(501, "This installation lacks the MCP SDK: run `make install EXTRAS=mcp` in the checkout.") from error
    status, headers, body = respond(_server(), request.headers, request.get_data(cache=False))
    return Response(body, status, headers)


def _server() -> Any:
    from qa.mcp.server import mcp_server
    from qa.mcp.tools import Use

    made = current_app.extensions.get(_SERVER)
    if made is None:
        made = current_app.extensions[_SERVER] = mcp_server(lambda: Use(service(), site(), keep_question))
    return made

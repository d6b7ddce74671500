"""MCP: offers the documents to programs that speak the Model Context Protocol.

In: a Service. Out: a server with the tools `search` and `fetch`. Needs the extra `mcp` (`make install EXTRAS=mcp`).
"""

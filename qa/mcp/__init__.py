"""The Model Context Protocol: documents for programs that act for people.

In: JSON-RPC, over standard input and output (`qa mcp`) or as requests to `/mcp`, which have passed the gate. Out: passages, texts and
verdicts with their places and links. `tools` are the functions, `schemas` their arguments and results, `server` offers them through
the SDK, `http` answers one request.
"""

"""From question to answer, and every interface: command line, HTTP, pages, MCP.

Imports corpus and index. Inside, the order is settings, answering, chat, ingest, operate, assembly, evaluation, web, mcp, cli; a room
imports only rooms before it, and `assembly.py` alone names concrete classes.
"""

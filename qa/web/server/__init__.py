"""The HTTP server process: uvicorn's connections, admission control, and the WSGI application in threads.

In: the settings and TCP connections. Out: the WSGI application's responses, `503` when overloaded, problem documents for malformed
HTTP. `process.py` starts and stops the server; nothing here knows a route.
"""

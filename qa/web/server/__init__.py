"""The HTTP server process: waitress on epoll, with admission control, early refusal and deadlines for slow clients.

In: the settings and TCP connections. Out: the WSGI application's responses, `503` when overloaded, problem documents for malformed
HTTP. `process.py` starts and stops the server; nothing here knows a route.
"""

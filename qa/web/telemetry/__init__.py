"""Observes requests: request ids, the request log, Prometheus metrics and OpenTelemetry traces.

In: requests as they pass through the WSGI application, and the stages that code marks meanwhile. Out: log lines, `/metrics`, spans.
None of them holds a question, a document's text, an address or a key; labels are words that the program chose.
"""

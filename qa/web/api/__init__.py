"""The HTTP interface for programs: a module per group of routes, each declared with `@route`.

In: requests that passed the gate. Out: JSON of the types in `schemas`. Views parse the request, call the answerer, the chatbot or the
writer, and convert the result; `openapi` documents them.
"""

"""Requests and responses of the HTTP interface.

In: Flask requests and the values of answering, chat and the store. Out: validated models (`requests`, `openai_requests`, parsed by
`reading`), JSON with its types (`answers`, `documents`, `openai_responses`, `vector_stores`) and errors (`problems`). A type is
declared once; the OpenAPI document, the command line, MCP and the pages use it.
"""

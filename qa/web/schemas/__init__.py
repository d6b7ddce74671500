"""Requests and responses of the HTTP interface.

In: Flask requests and the values of answering, chat and the store. Out: validated models (`requests`, `document_requests`, parsed
by `reading`), JSON with its types (`answers`, `documents`, `versions`) and errors (`problems`); OpenAI's formats are in `openai`. A type
is declared once; the OpenAPI document, the command line, MCP and the pages use it.
"""

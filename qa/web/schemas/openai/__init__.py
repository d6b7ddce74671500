"""OpenAI's formats: chat completions, responses and vector stores.

In: Flask requests and the values of chat and answering. Out: validated models and JSON with its types, as in `qa.web.schemas`.
"""

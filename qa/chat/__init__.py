"""Chat: turns the last message of a conversation into a reply.

In: a message with its history, an Answerer, and optionally the operator's language model.
Out: a `Reply` with its citations, streamed in pieces. It is fixed text (small talk, crisis words, lists of documents), quotes from the
documents, or text from the language model that was checked against the passages. Nothing of a conversation is stored here.
"""

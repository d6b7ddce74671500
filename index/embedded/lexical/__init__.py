"""Lexical indexes: passages by the words that they share with a query.

Ids and texts enter; a search returns the ids of the best passages by BM25, and `match` the lexical features of any passage.
Tantivy finds candidates in segments; brute force over term sequences serves the unindexed tail and scores the candidates.
"""

"""Ranking: a question becomes a weighted lexical query, candidates become features, features become one score. Pure.

No engine is imported here, so that every engine ranks alike.
"""

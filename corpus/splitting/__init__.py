"""Splits documents into sentences and passages. Pure functions.

Enters: a `Document`, a `Tokenizer` and a token budget. Leaves: `Passage`s, and spans of sentences, with exact offsets.
"""

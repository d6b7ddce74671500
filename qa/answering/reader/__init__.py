"""The reading model: which unit of a window answers a question, and with which words.

Enters: a question and windows (context, text, spans of its units). Leaves: a score, a probability and the shortest answer a unit.
"""

"""Answering: turns a question into an answer with quotes and a calibrated confidence.

In: a question, optionally with the turns before it and a filter, and the engine that ranks the passages.
Out: an `Answer`: whether the documents answer, the quote, the results, and how the question was rewritten; explanations of a ranking;
verdicts on quotes. `question/` reads the question and knows nothing of answers. Nothing here knows HTTP.
"""

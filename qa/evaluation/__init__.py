"""Evaluation: measures how well questions are answered (`qa eval`) and which documents are missing (`qa gaps`).

In: question sets from disk, an Answerer and the documents behind it, logged questions.
Out: measures, comparisons of two settings, reports, calibrations, and groups of unanswered questions.
Only the command line and the benchmarks import this room; it may load scikit-learn and scipy, which serving never does.
"""
